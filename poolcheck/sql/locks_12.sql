-- Who waits for whom, and who holds an advisory lock. Readable by every role.
-- pg_blocking_pids looks through the lock table for each pid: not more than 200 of them on a server in trouble.
SELECT 'waits' AS kind, w.pid, pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(w.pid), ',') AS blockers,
       NULL AS key, NULL AS granted
  FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE NOT l.granted LIMIT 200) w
UNION ALL
SELECT 'advisory', l.pid, NULL,
       ((l.classid::bigint << 32) | l.objid::bigint)::text || CASE l.objsubid WHEN 1 THEN '' ELSE ' (two keys)' END,
       l.granted::text
  FROM pg_catalog.pg_locks l
 WHERE l.locktype = 'advisory' AND l.pid IS NOT NULL
