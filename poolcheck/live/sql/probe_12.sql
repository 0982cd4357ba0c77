-- Which server session is behind this connection right now, and what others left set on it.
SELECT pg_catalog.pg_backend_pid() AS backend_pid,
       (SELECT pg_catalog.string_agg(s.name || '=' || s.setting, pg_catalog.chr(31) ORDER BY s.name)
          FROM pg_catalog.pg_settings s
         WHERE s.source = 'session' AND s.setting IS DISTINCT FROM s.reset_val
           AND s.name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle',
                              'standard_conforming_strings', 'extra_float_digits', 'transaction_read_only',
                              'transaction_isolation', 'transaction_deferrable')) AS left_behind,
       (SELECT a.backend_start::text FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a)
           AS backend_start
