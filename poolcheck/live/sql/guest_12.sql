-- What others left set on this session, read first; then the guest's own manners, which end with the message.
-- Put back to what it would be anyway, as PgBouncer 1.26 does, is not left.
-- A target list is worked off in order. Nothing here waits for a lock on a catalogue.
SELECT (SELECT pg_catalog.string_agg(s.name || '=' || s.setting, pg_catalog.chr(31) ORDER BY s.name)
          FROM pg_catalog.pg_settings s
         WHERE s.source = 'session' AND s.setting IS DISTINCT FROM s.reset_val
           AND s.name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle',
                              'standard_conforming_strings', 'extra_float_digits', 'transaction_read_only',
                              'transaction_isolation', 'transaction_deferrable')) AS left_behind,
       pg_catalog.set_config('transaction_read_only', 'on', true) AS read_only,
       pg_catalog.set_config('statement_timeout', '{statement_timeout}', true) AS statement_timeout
