-- Who waits for whom and for which lock, advisory locks, prepared transactions, standbys, connection limits of roles and databases; from 14 on how sessions ended.
-- Readable by every role, with an end to each list. The lock table is read once. pg_blocking_pids looks through it again for
-- each pid: not for more than 200 of them on a server in trouble, of every queue the first. Who stands behind them in the same
-- queue for the same mode is counted. Whoever holds what is waited for tells the rest. 72707369 is Prisma Migrate's lock.
WITH l AS (SELECT * FROM pg_catalog.pg_locks),
q AS (SELECT w.*, pg_catalog.dense_rank() OVER (ORDER BY w.tag) AS lock,
             pg_catalog.row_number() OVER (PARTITION BY w.tag, w.mode ORDER BY w.pid) AS turn
        FROM (SELECT k.*, pg_catalog.concat_ws('/', k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid, k.transactionid,
                                               k.classid, k.objid, k.objsubid) AS tag
                FROM l k WHERE NOT k.granted LIMIT 5000) w),
p AS (SELECT q.*, pg_catalog.row_number() OVER (ORDER BY q.turn, q.lock, q.pid) AS place FROM q)
SELECT 'waits' AS kind, p.mode AS name, p.pid::bigint AS a, p.lock AS b, NULL::bigint AS c, NULL::bigint AS d,
       pg_catalog.array_to_string((pg_catalog.pg_blocking_pids(p.pid))[1:500], ',') AS more
  FROM p WHERE p.place <= 200
UNION ALL
SELECT 'queue', p.mode, NULL, p.lock, NULL, NULL, pg_catalog.string_agg(p.pid::pg_catalog.text, ',')
  FROM p WHERE p.place > 200 GROUP BY p.lock, p.mode, p.turn / 500
UNION ALL
SELECT DISTINCT 'lock', q.locktype, q.lock, NULL::bigint, NULL::bigint, NULL::bigint,
       CASE WHEN q.database = d.oid OR q.database = 0::pg_catalog.oid
            THEN q.relation::pg_catalog.regclass::pg_catalog.text
            ELSE 'relation ' || q.relation::pg_catalog.text || ' of another database' END
  FROM q, pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'holds', h.mode, h.pid, h.lock,
       CASE WHEN h.pid IS NULL THEN (SELECT t.transactionid::pg_catalog.text::bigint FROM l t
                                      WHERE t.pid IS NULL AND t.locktype = 'transactionid'
                                        AND t.virtualtransaction = h.virtualtransaction LIMIT 1) END, NULL, NULL
  FROM (SELECT k.mode, k.pid, n.lock, k.virtualtransaction
          FROM l k
          JOIN (SELECT DISTINCT q.tag, q.lock FROM q) n
            ON n.tag = pg_catalog.concat_ws('/', k.locktype, k.database, k.relation, k.page, k.tuple, k.virtualxid, k.transactionid,
                                            k.classid, k.objid, k.objsubid)
         WHERE k.granted AND k.locktype IN (SELECT q.locktype FROM q) LIMIT 1000) h
UNION ALL
SELECT 'prepared', x.gid, x.transaction::pg_catalog.text::bigint, extract(epoch FROM pg_catalog.clock_timestamp() - x.prepared)::bigint,
       NULL, NULL, x.database::pg_catalog.text
  FROM (SELECT * FROM pg_catalog.pg_prepared_xacts y ORDER BY y.prepared LIMIT 200) x
UNION ALL
SELECT 'standby', s.sync_state, s.pid, NULL, NULL, NULL, s.state
  FROM pg_catalog.pg_stat_get_wal_senders() s
UNION ALL
SELECT 'advisory',
       ((k.classid::bigint << 32) | k.objid::bigint)::pg_catalog.text || CASE k.objsubid WHEN 1 THEN '' ELSE ' (two keys)' END,
       k.pid, NULL, NULL, NULL, k.granted::pg_catalog.text
  FROM (SELECT * FROM l WHERE l.locktype = 'advisory' AND l.pid IS NOT NULL
         ORDER BY l.objid = 72707369::pg_catalog.oid DESC LIMIT 200) k
UNION ALL
SELECT 'role', r.rolname, r.rolconnlimit, NULL, NULL, NULL, NULL
  FROM (SELECT * FROM pg_catalog.pg_roles q WHERE q.rolconnlimit >= 0 AND q.rolcanlogin AND NOT q.rolsuper LIMIT 2000) r
UNION ALL
SELECT 'database', d.datname, d.datconnlimit, NULL, NULL, NULL, NULL
  FROM (SELECT * FROM pg_catalog.pg_database b WHERE b.datconnlimit >= 0 LIMIT 2000) d
UNION ALL
SELECT 'counters', '', pg_catalog.sum(d.sessions)::bigint, pg_catalog.sum(d.sessions_abandoned)::bigint, pg_catalog.sum(d.sessions_fatal)::bigint,
       pg_catalog.sum(d.sessions_killed)::bigint,
       pg_catalog.to_char(pg_catalog.min(d.stats_reset) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM pg_catalog.pg_stat_database d
