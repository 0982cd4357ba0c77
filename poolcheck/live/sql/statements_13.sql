-- One row: calls, time and squared time of this database's statements, for the shape of hold times.
-- The view's columns have these names since 13; {schema} is where the extension was made, quoted by the server.
SELECT pg_catalog.sum(s.calls) AS calls,
       pg_catalog.sum(s.total_exec_time) AS total_ms,
       pg_catalog.sum(s.calls::pg_catalog.float8 * (s.stddev_exec_time ^ 2::pg_catalog.float8 + s.mean_exec_time ^ 2::pg_catalog.float8)) AS total_squared
  FROM {schema}.pg_stat_statements s
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
