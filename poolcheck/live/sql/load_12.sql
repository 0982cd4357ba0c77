-- One row: what this server allows this role in this database, and the counters that a load is measured from.
-- Readable by every role. Providers reserve slots of their own under names such as
-- rds.rds_superuser_reserved_connections, hence the sum. statements_hands: roles, no superusers, that could put something
-- else in the place of pg_stat_statements, for they own its schema, its view or its function.
-- Before 14 there are no session times: the hold time stays unknown.
SELECT pg_catalog.version() AS version,
       pg_catalog.current_setting('max_connections') AS max_connections,
       (SELECT pg_catalog.sum(s.setting::bigint) FROM pg_catalog.pg_settings s
         WHERE s.name LIKE '%reserved%connections%' AND s.vartype = 'integer') AS reserved,
       (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles r
         WHERE r.rolname = current_user AND NOT r.rolsuper) AS role_limit,
       (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database()) AS database_limit,
       (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
          JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements') AS statements_schema,
       (SELECT pg_catalog.string_agg(r.rolname::pg_catalog.text, ', ' ORDER BY r.rolname)
          FROM pg_catalog.pg_roles r
         WHERE NOT r.rolsuper AND r.rolname <> current_user AND r.oid IN (
               SELECT CASE pg_catalog.pg_get_userbyid(n.nspowner) WHEN 'pg_database_owner' THEN d.datdba ELSE n.nspowner END
                 FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                 JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
                WHERE e.extname = 'pg_stat_statements'
                UNION ALL
               SELECT c.relowner FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace AND c.relname = e.extname
                WHERE e.extname = 'pg_stat_statements'
                UNION ALL
               SELECT p.proowner FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_proc p ON p.pronamespace = e.extnamespace
                WHERE e.extname = 'pg_stat_statements'
                  AND p.proname IN ('pg_stat_statements', 'pg_stat_statements_info'))) AS statements_hands,
       pg_catalog.current_database() AS database,
       t.xact_commit + t.xact_rollback AS transactions,
       NULL AS active_ms,
       NULL AS idle_in_transaction_ms,
       NULL AS session_ms,
       t.stats_reset AS since,
       extract(epoch FROM pg_catalog.clock_timestamp()) AS epoch
  FROM pg_catalog.pg_stat_database t
 WHERE t.datname = pg_catalog.current_database()
