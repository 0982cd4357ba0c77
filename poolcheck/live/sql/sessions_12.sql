-- Every process of the server, in one pass. For a role without pg_read_all_stats the server shows of others only pid,
-- database, user and application_name; background processes have no user or no database.
-- Walsenders are listed for every role by the function below pg_stat_replication.
SELECT a.pid,
       pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS backend_start,
       pg_catalog.to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS state_change,
       a.datname AS database, a.usename AS "user", a.application_name, pg_catalog.host(a.client_addr) AS client,
       a.client_port, a.backend_type, a.state, a.wait_event_type, a.wait_event,
       extract(epoch FROM pg_catalog.statement_timestamp() - a.xact_start) AS xact_age,
       extract(epoch FROM pg_catalog.statement_timestamp() - a.state_change) AS state_age,
       extract(epoch FROM a.query_start - a.backend_start) AS used_for,
       coalesce(r.rolsuper, false) AS superuser,
       a.pid IN (SELECT w.pid FROM pg_catalog.pg_stat_get_wal_senders() w) AS walsender,
       NULL AS leader_pid,
       pg_catalog.left(a.query, 8000) AS query
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
