-- Which server session is behind this connection right now, and what others left set on it. The two that the guest sets
-- itself are compared with what it found. A role is left when SET ROLE made it, and no ALTER ROLE ... SET role. Put back to what it would be anyway, as PgBouncer 1.26 does, is not left.
SELECT pg_catalog.pg_backend_pid() AS backend_pid,
       (SELECT a.backend_start::pg_catalog.text
          FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) AS backend_start,
       pg_catalog.concat_ws(pg_catalog.chr(31), l.left_behind,
           CASE WHEN current_user <> session_user AND NOT EXISTS (
                     SELECT 1 FROM pg_catalog.pg_db_role_setting s
                      WHERE pg_catalog.array_to_string(s.setconfig, ',') LIKE '%role=%')
                THEN 'role=' || current_user::pg_catalog.text END) AS left_behind,
       l.search_path_reset, l.statement_timeout_reset
  FROM (SELECT pg_catalog.string_agg(s.name || '=' || s.setting, pg_catalog.chr(31) ORDER BY s.name) FILTER (
                   WHERE s.source = 'session' AND s.setting IS DISTINCT FROM s.reset_val
                     AND s.name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle',
                                        'standard_conforming_strings', 'extra_float_digits', 'transaction_read_only',
                                        'transaction_isolation', 'transaction_deferrable', 'search_path',
                                        'statement_timeout')) AS left_behind,
               pg_catalog.max(s.reset_val) FILTER (WHERE s.name = 'search_path') AS search_path_reset,
               pg_catalog.max(s.reset_val) FILTER (WHERE s.name = 'statement_timeout') AS statement_timeout_reset
          FROM pg_catalog.pg_settings s) l
