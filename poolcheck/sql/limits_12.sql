-- Connection limits of roles and databases, and how many sessions each has; processes by kind.
-- Readable by every role, apart from the kinds of other users' processes.
SELECT 'role' AS kind, r.rolname AS name, r.rolconnlimit AS a, NULL::bigint AS b, NULL::bigint AS c, NULL::bigint AS d,
       NULL::text AS since
  FROM pg_catalog.pg_roles r WHERE r.rolconnlimit >= 0 AND r.rolcanlogin AND NOT r.rolsuper
UNION ALL
SELECT 'database', d.datname, d.datconnlimit, NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_database d WHERE d.datconnlimit >= 0
UNION ALL
SELECT 'process', coalesce(a.backend_type, ''), count(*), NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_stat_activity a
 WHERE a.usesysid IS NULL OR a.datid IS NULL AND a.backend_type IS NULL
    OR a.backend_type NOT IN ('client backend', 'walsender', 'parallel worker')
 GROUP BY 2
