-- One row: what this server is, what it allows, and how this session came to it. Readable by every role.
-- reserved_connections is new in 16, hence missing_ok; Amazon RDS keeps more slots back under names of its own:
-- rds_superuser_reserved_connections up to 15, rds_reserved_connections since the minor releases of November 2024.
SELECT pg_catalog.version() AS version,
       pg_catalog.current_setting('server_version_num') AS server_version_num,
       pg_catalog.current_setting('max_connections') AS max_connections,
       pg_catalog.current_setting('superuser_reserved_connections') AS superuser_reserved_connections,
       coalesce(pg_catalog.current_setting('reserved_connections', true), '0') AS reserved_connections,
       coalesce(nullif(pg_catalog.current_setting('rds.rds_reserved_connections', true), ''), '0') AS rds_reserved,
       coalesce(nullif(pg_catalog.current_setting('rds.rds_superuser_reserved_connections', true), ''), '0')
           AS rds_superuser_reserved,
       pg_catalog.current_setting('max_wal_senders') AS max_wal_senders,
       pg_catalog.current_setting('tcp_keepalives_idle') AS tcp_keepalives_idle,
       pg_catalog.current_setting('synchronous_standby_names') AS synchronous_standby_names,
       pg_catalog.current_setting('idle_in_transaction_session_timeout') AS idle_in_transaction_session_timeout,
       coalesce(pg_catalog.current_setting('idle_session_timeout', true), '') AS idle_session_timeout,
       pg_catalog.current_database() AS database,
       current_user AS "user",
       session_user AS session_user,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
           OR pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
       (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AS role_limit,
       (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database()) AS database_limit,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.pg_backend_pid() AS backend_pid,
       (SELECT extract(epoch FROM pg_catalog.clock_timestamp() - a.backend_start)
          FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) AS backend_age,
       (SELECT a.backend_start::pg_catalog.text FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a)
           AS backend_start,
       pg_catalog.concat_ws(pg_catalog.chr(31), l.left_behind,
           CASE WHEN current_user <> session_user AND NOT EXISTS (
                     SELECT 1 FROM pg_catalog.pg_db_role_setting s
                      WHERE pg_catalog.array_to_string(s.setconfig, ',') LIKE '%role=%')
                THEN 'role=' || current_user::pg_catalog.text END) AS left_behind,
       l.search_path_reset, l.statement_timeout_reset, l.read_only_source,
       pg_catalog.inet_client_port() AS client_port,
       pg_catalog.inet_server_port() AS server_port,
       (SELECT a.ssl FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) AS ssl,
       pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS taken,
       extract(epoch FROM pg_catalog.clock_timestamp()) AS epoch
  FROM (SELECT pg_catalog.string_agg(s.name || '=' || s.setting, pg_catalog.chr(31) ORDER BY s.name) FILTER (
                   WHERE s.source = 'session' AND s.setting IS DISTINCT FROM s.reset_val
                     AND s.name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle',
                                        'standard_conforming_strings', 'extra_float_digits', 'transaction_read_only',
                                        'transaction_isolation', 'transaction_deferrable', 'search_path',
                                        'statement_timeout')) AS left_behind,
               pg_catalog.max(s.reset_val) FILTER (WHERE s.name = 'search_path') AS search_path_reset,
               pg_catalog.max(s.reset_val) FILTER (WHERE s.name = 'statement_timeout') AS statement_timeout_reset,
               pg_catalog.max(s.source) FILTER (WHERE s.name = 'default_transaction_read_only' AND s.setting = 'on')
                   AS read_only_source
          FROM pg_catalog.pg_settings s) l
