-- Who waits for whom, advisory locks, connection limits of roles and databases.
-- Readable by every role, with an end to each list. pg_blocking_pids looks through the lock table for each pid: not more than 200 of them on a
-- server in trouble. 72707369 is Prisma Migrate's lock.
SELECT 'waits' AS kind, NULL::pg_catalog.text AS name, w.pid::bigint AS a, NULL::bigint AS b, NULL::bigint AS c, NULL::bigint AS d,
       pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(w.pid), ',') AS more
  FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE NOT l.granted LIMIT 200) w
UNION ALL
SELECT 'advisory',
       ((l.classid::bigint << 32) | l.objid::bigint)::pg_catalog.text || CASE l.objsubid WHEN 1 THEN '' ELSE ' (two keys)' END,
       l.pid, NULL, NULL, NULL, l.granted::pg_catalog.text
  FROM (SELECT * FROM pg_catalog.pg_locks k WHERE k.locktype = 'advisory' AND k.pid IS NOT NULL
         ORDER BY k.objid = 72707369::pg_catalog.oid DESC LIMIT 200) l
UNION ALL
SELECT 'role', r.rolname, r.rolconnlimit, NULL, NULL, NULL, NULL
  FROM (SELECT * FROM pg_catalog.pg_roles q WHERE q.rolconnlimit >= 0 AND q.rolcanlogin AND NOT q.rolsuper LIMIT 2000) r
UNION ALL
SELECT 'database', d.datname, d.datconnlimit, NULL, NULL, NULL, NULL
  FROM (SELECT * FROM pg_catalog.pg_database b WHERE b.datconnlimit >= 0 LIMIT 2000) d
