-- One row: what this server allows this role in this database, and the counters that a load is measured from.
-- Readable by every role. Providers reserve slots of their own under names such as
-- rds.rds_superuser_reserved_connections, hence the sum.
-- 14: session times, so that the hold time can be told.
SELECT pg_catalog.version() AS version,
       pg_catalog.current_setting('max_connections') AS max_connections,
       (SELECT sum(s.setting::bigint) FROM pg_catalog.pg_settings s
         WHERE s.name LIKE '%reserved%connections%' AND s.vartype = 'integer') AS reserved,
       (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles r
         WHERE r.rolname = current_user AND NOT r.rolsuper) AS role_limit,
       (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database()) AS database_limit,
       (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
          JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements') AS statements_schema,
       pg_catalog.current_database() AS database,
       t.xact_commit + t.xact_rollback AS transactions,
       t.active_time AS active_ms,
       t.idle_in_transaction_time AS idle_in_transaction_ms,
       t.session_time AS session_ms,
       t.stats_reset AS since,
       extract(epoch FROM pg_catalog.clock_timestamp()) AS epoch
  FROM pg_catalog.pg_stat_database t
 WHERE t.datname = pg_catalog.current_database()
