-- Ends one session, only when it is still the one that was judged: same pid, start and last change of state, in the same
-- state (idle, or active without a client), an ordinary client of this database. From 14 on it waits 2 s for the end.
-- Every operator carries its schema: `reap` prints this, and it may be pasted where other ones have been made.
SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid, 2000) AS ended
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.usesysid
 WHERE a.pid OPERATOR(pg_catalog.=) {pid}
   AND a.backend_start OPERATOR(pg_catalog.=) '{backend_start}'::pg_catalog.timestamptz
   AND a.state_change OPERATOR(pg_catalog.=) '{state_change}'::pg_catalog.timestamptz
   AND a.state OPERATOR(pg_catalog.=) '{state}'
   AND a.backend_type OPERATOR(pg_catalog.=) 'client backend'
   AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
   AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
   AND NOT coalesce(r.rolsuper, true)
