-- Sent before everything else, in every message: a call with nothing but literals, in which nothing can be chosen for us.
-- From the next statement on, names, operators and casts are those of pg_catalog alone: each statement of a message is
-- analysed after the one before it has run. pg_temp is named because a path without it begins with it. All three end with
-- the transaction. What was set before is told first: a target list is worked off in order.
SELECT pg_catalog.current_setting('search_path') AS search_path,
       pg_catalog.current_setting('statement_timeout') AS statement_timeout,
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true) AS guarded,
       pg_catalog.set_config('transaction_read_only', 'on', true) AS read_only,
       pg_catalog.set_config('statement_timeout', '{statement_timeout}', true) AS limited
