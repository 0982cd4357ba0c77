-- Who waits for whom, advisory locks, connection limits of roles and databases.
-- Readable by every role. pg_blocking_pids looks through the lock table for each pid: not more than 200 of them on a
-- server in trouble. 72707369 is Prisma Migrate's lock.
SELECT 'waits' AS kind, NULL::text AS name, w.pid::bigint AS a, NULL::bigint AS b, NULL::bigint AS c, NULL::bigint AS d,
       pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(w.pid), ',') AS more
  FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE NOT l.granted LIMIT 200) w
UNION ALL
SELECT 'advisory',
       ((l.classid::bigint << 32) | l.objid::bigint)::text || CASE l.objsubid WHEN 1 THEN '' ELSE ' (two keys)' END,
       l.pid, NULL, NULL, NULL, l.granted::text
  FROM (SELECT * FROM pg_catalog.pg_locks k WHERE k.locktype = 'advisory' AND k.pid IS NOT NULL
         ORDER BY k.objid = 72707369 DESC LIMIT 200) l
UNION ALL
SELECT 'role', r.rolname, r.rolconnlimit, NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_roles r WHERE r.rolconnlimit >= 0 AND r.rolcanlogin AND NOT r.rolsuper
UNION ALL
SELECT 'database', d.datname, d.datconnlimit, NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_database d WHERE d.datconnlimit >= 0
