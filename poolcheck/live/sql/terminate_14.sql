-- Ends one session, only when it is still the one that was judged: same pid, start and last change of state, still
-- idle, an ordinary client of this database. From 14 on it waits 2 s for the end.
SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid, 2000) AS ended
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
 WHERE a.pid = {pid}
   AND a.backend_start = '{backend_start}'::pg_catalog.timestamptz
   AND a.state_change = '{state_change}'::pg_catalog.timestamptz
   AND a.state = '{state}'
   AND a.backend_type = 'client backend'
   AND a.datname = pg_catalog.current_database()
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND NOT coalesce(r.rolsuper, true)
