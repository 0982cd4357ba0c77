"""Texts as people paste them and logs as programs write them: what is recognised, counted, dated and masked."""

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from poolcheck.catalogue import error_texts
from poolcheck.explain import workers
from poolcheck.explain.explain import errors_table, explain, explain_text, nearest, steps
from poolcheck.explain.log import records
from poolcheck.explain.log_times import parse_moment
from poolcheck.explain.scan import BLOCK, REACH, SMALL, scan
from poolcheck.model.explanation import Explanations

SLOTS = "remaining connection slots are reserved for non-replication superuser connections"
FULL = "FATAL:  sorry, too many clients already"
P2024 = (
    "Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool "
    "(Current connection pool timeout: 10, connection limit: 5)"
)


def ids(text: str) -> list[str]:
    return [item.error.id for item in explain_text(text)]


def scanned(data: bytes) -> Explanations:
    return scan([("log", io.BytesIO(data))]).found


class TestHowItIsPasted:
    """The same error in the clothes it comes in."""

    @pytest.mark.parametrize(
        "text",
        [
            FULL,
            f"  {FULL}  \n\n",
            FULL.replace("  ", " "),
            FULL.replace(" ", "\t"),
            FULL.replace(" ", "\u00a0"),
            f"> {FULL}",
            f"> > {FULL}",
            f"| {FULL}",
            f"web-1  | 2026-11-21T03:00:00Z {FULL}",
            f"[pod/web-5d9c/app] 2026-11-21T03:00:00.123456789Z {FULL}",
            f"2026-11-21T03:00:00.123456789Z stderr F {FULL}",
            f"\x1b[31m\x1b[1m{FULL}\x1b[0m",
            "\x1b[31mFATAL:\x1b[0m  sorry, \x1b[4mtoo many\x1b[24m clients already",
            f"\x1b]8;;http://x\x07{FULL}\x1b]8;;\x07",
            FULL.replace(" ", "\n"),
            FULL.replace(" ", "\r\n"),
            FULL.replace("too many", "too\n    many"),
            "FATAL:  sorry, too many cli\nents already",
            "FATAL:  sorry, too many cli\n   ents already",
            "> FATAL:  sorry, too\n> many clients\n> already",
            f"error: {FULL}\n    at Parser.parseErrorMessage (/app/node_modules/pg-protocol/dist/parser.js:285:98)",
            f'{{"level":"error","msg":"{FULL}"}}',
            json.dumps({"log": json.dumps({"err": {"message": FULL}}) + "\n", "stream": "stderr"}),
            json.dumps({"a": json.dumps({"b": json.dumps({"message": FULL})})}),
            json.dumps({"stack": f"Error: {FULL}\n    at x (y.js:1:2)"}, indent=2),
            f'2026-11-21 03:00:00 ERROR app {{"error": "{FULL}", "id": 7}}',
            f'level=error msg="{FULL}" path=/x',
            "FATAL: sorry&#44; too many clients already".replace("&#44;", ","),
            f"Error: {FULL}".encode().decode("latin-1"),
            f"\ufeff{FULL}",
            f"\x00{FULL}\x00",
            f"```\n{FULL}\n```",
        ],
    )
    def test_the_same_error(self, text: str) -> None:
        assert ids(text) == ["pg-too-many-clients"]

    def test_escaped_quotes_in_a_json_log(self) -> None:
        line = json.dumps({"message": 'FATAL:  too many connections for role "app"'})
        (item,) = explain_text(line)

        assert item.error.id == "pg-role-limit"
        assert ("role", "app") in item.details

    @pytest.mark.parametrize(
        "text",
        [
            r'{"message":"too many connections for role \"app\"", broken',
            r"message=\"too many connections for role \\\"app\\\"\"",
            "too many connections for role &quot;app&quot;",
            '2026-11-21 03:00:00 UTC,"app","shop",1,"",x,1,"auth",,,0,FATAL,53300,"too many connections for role ""app""",,,',
        ],
    )
    def test_quotes_in_other_escapes(self, text: str) -> None:
        (item,) = explain_text(text)

        assert item.error.id == "pg-role-limit"
        assert ("role", "app") in item.details

    def test_postgresql_json_log(self) -> None:
        line = json.dumps(
            {
                "timestamp": "2026-11-21 03:00:00.123 UTC",
                "pid": 4711,
                "error_severity": "致命错误",
                "state_code": "53300",
                "message": "对不起, 已经有太多的客户",
                "func_name": "InitProcess",
            },
            ensure_ascii=False,
        )
        (item,) = explain_text(line)

        assert item.error.id == "pg-too-many-clients"
        assert str(item.first) == "2026-11-21T03:00:00.123Z"


class TestCodes:
    """A message in a language that nobody wrote down is known by its code and routine."""

    @pytest.mark.parametrize(
        ("routine", "wanted", "layer"),
        [
            ("InitProcess", "pg-too-many-clients", "slots"),
            ("InitPostgres", "pg-reserved-untold", "slots"),
            ("InitializeSessionUserId", "pg-role-limit", "role-limit"),
            ("CheckMyDatabase", "pg-database-limit", "db-limit"),
            ("SomethingNew", "pg-53300", "slots"),
        ],
    )
    def test_53300_by_routine(self, routine: str, wanted: str, layer: str) -> None:
        text = f"error: foo bar baz\n  severity: 'FATAL',\n  code: '53300',\n  file: 'x.c',\n  routine: '{routine}'\n}}"
        (item,) = explain_text(text)

        assert (item.error.id, item.layer) == (wanted, layer)
        assert "53300" in item.notes[-1]

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("FATAL:  53300: xyz\nLOCATION:  InitProcess, proc.c:353", "pg-too-many-clients"),
            ("Npgsql.PostgresException (0x80004005): 53300: xyz", "pg-53300"),
            ("xyz (SQLSTATE 53300)", "pg-53300"),
            ("SQLSTATE[53300]: xyz", "pg-53300"),
            ('{"sqlState":"57P03"}', "pg-starting-or-stopping"),
            ("ERREUR:  42P05: xyz", "pg-prepared-exists"),
            ("code=26000", "pg-prepared-missing"),
        ],
    )
    def test_a_code_where_it_is_said_to_be_one(self, text: str, wanted: str) -> None:
        assert ids(text) == [wanted]

    @pytest.mark.parametrize(
        "text", ["took 53300 ms", "port 53300", "[53300] LOG:  started", "id=53300", "26000 rows"]
    )
    def test_a_number_is_no_code(self, text: str) -> None:
        assert ids(text) == []

    def test_the_text_is_preferred_to_the_code(self) -> None:
        assert ids(f"{{ message: '{SLOTS}', code: '53300', routine: 'InitPostgres' }}") == [
            "pg-reserved-up-to-15"
        ]


class TestNesting:
    """Both the cause and what it was seen through are named, the cause first."""

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            (f"Too many database connections opened: {FULL}", ["pg-too-many-clients", "prisma-p2037"]),
            (
                f"server login has been failing, cached error: {FULL} (server_login_retry)",
                ["pg-too-many-clients", "pgbouncer-login-cached"],
            ),
            (
                (
                    "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out "
                    "after 30000ms.\n\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)\n"
                    f"Caused by: org.postgresql.util.PSQLException: {FULL}\n\tat org.postgresql.core.v3.x(X.java:1)\n\t... 9 more"
                ),
                ["pg-too-many-clients", "hikari-timeout"],
            ),
            (
                (
                    "Traceback (most recent call last):\n"
                    '  File "a.py", line 1, in <module>\n    connect()\n'
                    f"psycopg.OperationalError: connection failed: {FULL}\n\n"
                    "The above exception was the direct cause of the following exception:\n\n"
                    "Traceback (most recent call last):\n"
                    '  File "b.py", line 2, in <module>\n    run()\n'
                    "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"
                ),
                ["pg-too-many-clients", "sqlalchemy-queuepool"],
            ),
            (
                (
                    "psycopg_pool.PoolTimeout: couldn't get a connection after 30.00 sec\n"
                    "error connecting in 'pool-1': connection failed: Connection refused"
                ),
                ["net-refused", "psycopg-pool-timeout", "psycopg-pool-connecting"],
            ),
            (
                (
                    "HikariPool-1 - Connection is not available, request timed out after 30000ms.\n"
                    "Caused by: java.net.SocketException: Connection reset by peer"
                ),
                ["net-reset", "hikari-timeout"],
            ),
            (f"SQLSTATE[08006] [7] connection failed: {FULL}", ["pg-too-many-clients", "pdo-connect"]),
            (
                "FATAL:  terminating connection due to administrator command\nserver closed the connection unexpectedly",
                ["pg-terminated"],
            ),
            ("failed to acquire connection: context deadline exceeded", ["pgxpool-acquire"]),
        ],
    )
    def test_the_cause_is_first(self, text: str, wanted: list[str]) -> None:
        assert ids(text) == wanted

    def test_what_carries_a_text_has_that_texts_layer(self) -> None:
        inner, outer = explain_text(
            'Too many database connections opened: FATAL: too many connections for role "app"'
        )

        assert inner.layer == outer.layer == "role-limit"
        assert inner.inside == ("prisma-p2037",)
        assert outer.inside == ()

    def test_alone_it_has_its_own(self) -> None:
        (item,) = explain_text("P2037")

        assert item.layer == "slots"

    def test_p2024_is_not_the_servers_refusal(self) -> None:
        (item,) = explain_text(P2024)

        assert item.layer == "app-pool"
        assert "P2037" in item.error.not_means
        assert ("limit", "5") in item.details

    def test_small_and_capital_s(self) -> None:
        assert ids("FATAL:  Sorry, too many clients already") == ["pgpool-children"]


class TestPoolers:
    """The server's words through a pooler's port: the server is full behind it."""

    NOTE = "the server refuses the pooler"

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ('connection to server at "10.0.0.5", port 6432 failed: ', True),
            (
                'connection to server at "ep-x-pooler.eu-central-1.aws.neon.tech" (1.2.3.4), port 5432 failed: ',
                True,
            ),
            ('connection to server at "aws-0-eu-west-1.pooler.supabase.com", port 6543 failed: ', True),
            ('connection to server at "10.0.0.5", port 5432 failed: ', False),
            ("", False),
        ],
    )
    def test_by_the_address_in_the_text(self, where: str, expected: bool) -> None:
        (item,) = explain_text(where + FULL)

        assert any(self.NOTE in note for note in item.notes) == expected

    def test_by_what_the_caller_knows(self) -> None:
        assert self.NOTE in explain_text(FULL, dialled_pooler=True)[0].notes[0]
        assert explain_text(f"port 6432: {FULL}", dialled_pooler=False)[0].notes == ()

    def test_the_pool_clients_are_another_matter(self) -> None:
        (item,) = explain_text("port 6432: no more connections allowed (max_client_conn)")

        assert (item.layer, item.notes) == ("pooler-clients", ())

    def test_the_dialled_address_is_shown(self) -> None:
        (item,) = explain_text(f'connection to server at "db.internal" (10.0.0.5), port 5432 failed: {FULL}')

        assert ("dialled", "db.internal:5432") in item.details


class TestSecrets:
    """Whatever is echoed is masked."""

    @pytest.mark.parametrize(
        "text",
        [
            f"postgresql://app:hunter2@db.internal:5432/shop: {FULL}",
            f'{{"url":"postgres://app:hunter2@db/shop","message":"{FULL}"}}',
            f"host=db user=app password=hunter2 dbname=shop: {FULL}",
            f"PGPASSWORD=hunter2 psql: {FULL}",
            f"PGPASSWORD='hunter2 x'\npsql: {FULL}",
            'invalid URI query parameter: "hunter2"',
            f"DATABASE_URL=postgresql://app:hunter2\n@db:5432/shop {FULL}",
        ],
    )
    def test_no_password_is_shown(self, text: str) -> None:
        items = explain_text(text)

        assert items
        assert "hunter2" not in repr([(item.evidence, item.details, item.notes) for item in items])

    def test_a_pool_word_is_no_secret(self) -> None:
        (item,) = explain_text('psycopg.ProgrammingError: invalid URI query parameter: "pgbouncer"')

        assert ("parameter", "pgbouncer") in item.details

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=20),
        st.data(),
    )
    def test_a_planted_password_never_comes_back(self, tail: str, data: st.DataObject) -> None:
        secret = "Zq9" + tail.replace("@", "a").replace("/", "b").replace('"', "c").replace("'", "d").replace(
            "\\", "e"
        )
        text = data.draw(
            st.sampled_from([f"x postgresql://app:{secret}@db/shop {FULL}", f"{FULL} password={secret}"])
        )

        for item in explain_text(text):
            assert secret not in item.evidence
            assert all(secret not in value for _, value in item.details)


class TestEvidence:
    """What of the text is shown."""

    def test_it_is_cut_around_what_was_found(self) -> None:
        (item,) = explain_text("x " * 500 + FULL + " y" * 500)

        assert "sorry, too many clients already" in item.evidence
        assert len(item.evidence) <= 240

    def test_control_characters_are_out(self) -> None:
        (item,) = explain_text(f"\x1b[2J\x07\u202e{FULL}")

        assert item.evidence.strip() == "FATAL: sorry, too many clients already"

    def test_a_statements_driver_is_told(self) -> None:
        (item,) = explain_text('ERROR:  prepared statement "_pg3_0" already exists')

        assert ("prepared by", "psycopg 3") in item.details


MOMENTS = [
    ("2026-11-21T03:00:00.123Z x", "2026-11-21T03:00:00.123Z"),
    ("2026-11-21T03:00:00.123456789Z x", "2026-11-21T03:00:00.123Z"),
    ("2026-11-21T05:00:00+02:00 x", "2026-11-21T03:00:00Z"),
    ("2026-11-21T05:00:00+0200 x", "2026-11-21T03:00:00Z"),
    ("2026-11-20 22:00:00-05 x", "2026-11-21T03:00:00Z"),
    ("2026-11-21 03:00:00,123 ERROR x", "2026-11-21T03:00:00.123"),
    ("[2026-11-21 03:00:00] production.ERROR: x", "2026-11-21T03:00:00"),
    ("2026-11-21 03:00:00.123 UTC [4711] app@shop FATAL:  x", "2026-11-21T03:00:00.123Z"),
    ("2026-11-21 03:00:00.123 CET [4711] FATAL:  x", "2026-11-21T03:00:00.123"),
    ("2026/11/21 03:00:00 x", "2026-11-21T03:00:00"),
    ("2026/11/21 03:00:00.5 main.go:12: x", "2026-11-21T03:00:00.500"),
    ("Nov 21 03:00:00 db1 postgres[4711]: x", "11-21 03:00:00"),
    ("Nov  1 03:00:00 db1 postgres[4711]: x", "11-01 03:00:00"),
    ("<30>Nov 21 03:00:00 db1 x", "11-21 03:00:00"),
    ("E1121 03:00:00.123456       1 a.go:1] x", "11-21 03:00:00.123"),
    ("Nov 21, 2026 3:00:00 PM org.x", "2026-11-21T15:00:00"),
    ("Nov 21, 2026 12:00:00 AM org.x", "2026-11-21T00:00:00"),
    ('10.0.0.1 - - [21/Nov/2026:05:00:00 +0200] "GET / HTTP/1.1" 500', "2026-11-21T03:00:00Z"),
    ("03:00:00.123 [main] ERROR x", "03:00:00.123"),
    ('{"level":50,"time":1795230000123,"msg":"x"}', "2026-11-21T03:00:00.123Z"),
    ('{"ts":1795230000.5,"msg":"x"}', "2026-11-21T03:00:00.500Z"),
    ('{"timestamp":"1795230000","msg":"x"}', "2026-11-21T03:00:00Z"),
    ('{"time":1795230000123456789}', "2026-11-21T03:00:00.123Z"),
    ('{"__REALTIME_TIMESTAMP":"1795230000123456","MESSAGE":"x"}', "2026-11-21T03:00:00.123Z"),
    ('{"instant":{"epochSecond":1795230000,"nanoOfSecond":5},"message":"x"}', "2026-11-21T03:00:00Z"),
    ("1795230000.123 [4711] FATAL:  x", "2026-11-21T03:00:00.123Z"),
    ("1795230000123 ERROR x", "2026-11-21T03:00:00.123Z"),
    ('time="2026-11-21T03:00:00Z" level=error msg=x', "2026-11-21T03:00:00Z"),
    ("web-1  | 2026-11-21T03:00:00Z x", "2026-11-21T03:00:00Z"),
]


class TestTimes:
    """When, as far as the lines say it."""

    @pytest.mark.parametrize(("line", "wanted"), MOMENTS)
    def test_a_line_with_a_time(self, line: str, wanted: str) -> None:
        assert str(parse_moment(line)) == wanted

    @pytest.mark.parametrize(("line", "wanted"), MOMENTS)
    def test_it_begins_an_event(self, line: str, wanted: str) -> None:
        assert [str(record.moment) for record in records(f"{line}\n  at more\n{line}\n")] == [wanted, wanted]

    @pytest.mark.parametrize(
        "line",
        [
            "x",
            "",
            "2026-02-31 03:00:00 x",
            "2026-11-21 25:00:00 x",
            "99:99:99 x",
            "Feb 30 03:00:00 x",
            "id 1795230000",
        ],
    )
    def test_a_line_without(self, line: str) -> None:
        assert parse_moment(line) is None

    def test_29_february_without_a_year(self) -> None:
        assert str(parse_moment("Feb 29 03:00:00 db1 x")) == "02-29 03:00:00"


LOG = f"""\
2026-11-21 03:00:05.000 INFO ok
2026-11-21 03:00:09.000 ERROR {P2024}
    at x (a.js:1)
  code: 'P2024'
2026-11-21 03:00:01.000 ERROR {P2024}
2026-11-21 03:04:00.000 UTC [1] FATAL:  {SLOTS}
2026-11-21 03:04:09.000 UTC [2] FATAL:  {SLOTS}
2026-11-21 03:06:00.000 UTC [3] FATAL:  terminating connection due to administrator command
"""


class TestLogs:
    """Counts, first and last times, and which layer began to fail."""

    def test_each_error_with_its_count_and_times(self) -> None:
        found = explain(LOG)

        assert [(item.error.id, item.count, str(item.first), str(item.last)) for item in found.items] == [
            ("prisma-p2024", 2, "2026-11-21T03:00:01", "2026-11-21T03:00:09"),
            ("pg-reserved-up-to-15", 2, "2026-11-21T03:04:00Z", "2026-11-21T03:04:09Z"),
            ("pg-terminated", 1, "2026-11-21T03:06:00Z", "2026-11-21T03:06:00Z"),
        ]
        assert found.several

    def test_the_story(self) -> None:
        found = explain(LOG)

        assert [(onset.layer, onset.count) for onset in found.story] == [
            ("app-pool", 2),
            ("slots", 2),
            ("killed", 1),
        ]

    def test_the_story_is_told_by_time_not_by_place(self) -> None:
        """Logs of several processes are often put together out of order."""
        turned = "".join(reversed(LOG.splitlines(keepends=True)))

        assert [onset.layer for onset in explain(turned).story] == ["app-pool", "slots", "killed"]

    def test_without_times_by_place(self) -> None:
        found = explain(f"{FULL}\n{FULL}\nERROR: query_wait_timeout\n")

        assert [(item.error.id, item.count) for item in found.items] == [
            ("pg-too-many-clients", 2),
            ("pgbouncer-query-wait-timeout", 1),
        ]

    def test_without_times_the_story_begins_where_the_text_does(self) -> None:
        """The items stand from the inside outwards; which layer failed first only the order of the lines can tell."""
        found = explain(f"{P2024}\n{FULL}\nERROR: query_wait_timeout\n")

        assert [onset.layer for onset in found.story] == ["app-pool", "slots", "pooler-wait"]
        assert found.items[0].error.id == "pg-too-many-clients"

    def test_a_stack_trace_counts_once(self) -> None:
        trace = f"Error: {FULL}\n    at a ({FULL})\n    at b\n"

        assert [item.count for item in explain(trace * 3).items] == [3]

    def test_one_error_is_no_log(self) -> None:
        assert not explain(FULL).several
        assert explain(FULL).story == ()

    def test_alike_lines_keep_their_own_times(self) -> None:
        lines = "".join(f"2026-11-21 03:00:{second:02d} UTC [{second}] {FULL}\n" for second in range(60))
        (item,) = explain(lines).items

        assert (item.count, str(item.first), str(item.last)) == (
            60,
            "2026-11-21T03:00:00Z",
            "2026-11-21T03:00:59Z",
        )


LOCK_WAIT = (
    "process 180551 still waiting for AccessShareLock on relation 6260313 of database 16451 after 1000.263 ms"
)
P1002 = (
    "The database server at `ep-x-pooler.eu-central-1.aws.neon.tech:5432` was reached but timed out.\n\n"
    "Please try again.\n\nContext: Timed out trying to acquire a postgres advisory lock "
    "(SELECT pg_advisory_lock(72707369)). Elapsed: 10000ms."
)
# (block of several lines, ids from the inside outwards)
BLOCKS = [
    (f"Error: P1002\n\n{P1002}\n", ["prisma-p1002-lock"]),
    (f"Error: P1002: {P1002}\n", ["prisma-p1002-lock"]),
    (
        (
            'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    connect()\n'
            f"psycopg.OperationalError: connection failed: {FULL}\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            'Traceback (most recent call last):\n  File "b.py", line 2, in g\n    raise x from e\n'
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00\n"
        ),
        ["pg-too-many-clients", "sqlalchemy-queuepool"],
    ),
    (
        (
            "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after"
            " 30000ms.\n\tat com.zaxxer.hikari.pool.HikariPool.x(HikariPool.java:696)\n\t... 23 more\n"
            f"Caused by: org.postgresql.util.PSQLException: {FULL}\n\tat org.postgresql.x(Y.java:1)\n"
        ),
        ["pg-too-many-clients", "hikari-timeout"],
    ),
    (
        (
            "Error: timeout exceeded when trying to connect\n    at Pool.x (/app/pool.js:1:2) {\n"
            f"  [cause]: error: {FULL}\n      at Parser.x (/app/p.js:2:1) {{\n    code: '53300'\n  }}\n}}\n"
        ),
        ["pg-too-many-clients", "node-pool-timeout"],
    ),
]


class TestOneErrorIsOneError:
    """A block of several lines counts once, for the layer of its inner cause."""

    @pytest.mark.parametrize(("block", "wanted"), BLOCKS)
    def test_a_block(self, block: str, wanted: list[str]) -> None:
        found = explain(block)

        assert [(item.error.id, item.count) for item in found.items] == [(each, 1) for each in wanted]
        assert not found.several

    @pytest.mark.parametrize(("block", "wanted"), BLOCKS)
    def test_three_of_them_are_three(self, block: str, wanted: list[str]) -> None:
        found = explain(f"{block}\nall is well\n" * 3)

        assert [(item.error.id, item.count) for item in found.items] == [(each, 3) for each in wanted]
        assert [(onset.error, onset.count) for onset in found.story] == [(wanted[0], 3)]

    @pytest.mark.parametrize(("block", "wanted"), BLOCKS[2:])
    @pytest.mark.parametrize(
        "prefix", ["2026-11-21T03:00:00.123456789Z ", "web-1  | 2026-11-21T03:00:00Z stderr F "]
    )
    def test_each_line_with_its_own_time(self, block: str, wanted: list[str], prefix: str) -> None:
        """As docker, kubectl and CI print them."""
        lines = "".join(f"{prefix}{line}\n" for line in block.splitlines() * 2)
        found = explain(lines)

        assert found.records == 2 or "Traceback" in block
        assert {item.error.id for item in found.items} == {*wanted}

    @pytest.mark.parametrize("prefix", ["", "Jul  9 11:01:11 db1 postgres[7]: [5-1] "])
    @pytest.mark.parametrize("large", [False, True])
    def test_the_servers_details_belong_to_its_line(self, prefix: str, large: bool) -> None:
        """Each has the time and process of log_line_prefix; the holder of the lock stands in DETAIL."""
        stamp = f"{prefix}2026-07-09 11:01:11.000 CEST [180551] exporter@app "
        event = (
            f"{stamp}LOG:  {LOCK_WAIT}\n"
            f"{stamp}DETAIL:  Process holding the lock: 179255. Wait queue: 179504, 179552.\n"
            f"{stamp}CONTEXT:  while waiting\n{stamp}STATEMENT:  select 1\n"
        )
        text = (event * 3).encode()
        found = scanned(filler(SMALL) + text + filler(SMALL)) if large else scanned(text)
        (item,) = found.items

        assert (item.error.id, item.count, found.records) == ("pg-lock-wait", 3, 3)
        assert ("holder", "179255") in item.details

    def test_a_severity_before_the_word_begins_an_event(self) -> None:
        line = "2026-07-09 11:01:11 ERROR psycopg.Error: out of shared memory HINT:  You might need to increase max_locks\n"

        assert explain(line * 3).records == 3

    def test_separate_errors_stay_separate(self) -> None:
        found = explain(f"{FULL}\n\nError: {P2024}\n\nERROR: query_wait_timeout\n")

        assert [item.count for item in found.items] == [1, 1, 1]
        assert found.records == 3

    def test_a_lock_queue_came_first(self) -> None:
        waits = "".join(f"2026-07-09 11:0{m}:11.000 UTC [{m}] LOG:  {LOCK_WAIT}\n" for m in range(1, 6))
        full = "".join(f"2026-07-09 11:09:{s}.000 UTC [4{s}] {FULL}\n" for s in range(10, 40))

        assert [(onset.layer, onset.count) for onset in explain(full + waits).story] == [
            ("locks", 5),
            ("slots", 30),
        ]


class TestWhoWasDialled:
    """The server's address where the words say so; a client's never."""

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("Can't reach database server at `db.internal:5432`", "db.internal:5432"),
            ("Can't reach database server at `db.internal`:`5432`", "db.internal:5432"),
            ("Error: connect ECONNREFUSED 10.0.0.5:5432", "10.0.0.5:5432"),
            ("dial tcp 10.0.0.5:5432: connect: connection refused", "10.0.0.5:5432"),
            (
                "Connection to db.internal:5432 refused. Check that the hostname and port are correct",
                "db.internal:5432",
            ),
            ("S-0x55: shop/app@10.0.0.5:5432 closing because: connect failed (age=0s)", "10.0.0.5:5432"),
            ("C-0x55: shop/app@10.2.1.3:4455 pooler error: query_wait_timeout", ""),
            ("C-0x55: shop/app@10.2.1.3:4455 closing because: client_login_timeout (age=60s)", ""),
            ("ERROR: pool is banned [10.2.1.3:4455] checkout timeout", ""),
            (f"2026-11-21 03:00:00 UTC [1] 10.2.1.3:4455 app@shop {FULL}", ""),
        ],
    )
    def test_dialled(self, text: str, wanted: str) -> None:
        details = [dict(item.details).get("dialled", "") for item in explain_text(text)]

        assert details
        assert set(details) == {wanted}


def filler(size: int) -> bytes:
    """Ordinary lines, in which nothing is wrong."""
    line = (
        b'2026-11-21T03:00:00.000Z 10.0.0.7 "GET /orders/53300 HTTP/1.1" 200 1234 connection=keep-alive ok\n'
    )
    return line * (size // len(line) + 1)


class TestLargeLogs:
    """What is too large for a close look: constant memory, nothing lost, nothing counted twice."""

    @pytest.mark.parametrize(
        "before", [0, SMALL, BLOCK - 40, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK - REACH, 2 * BLOCK + 17]
    )
    def test_wherever_it_stands(self, before: int) -> None:
        line = f"2026-11-21 03:04:00.000 UTC [1] FATAL:  {SLOTS}\n".encode()
        head = filler(before)[: max(before - 1, 0)] + b"\n"
        found = scanned(head + line + filler(SMALL))

        assert [(item.error.id, item.count, str(item.first)) for item in found.items] == [
            ("pg-reserved-up-to-15", 1, "2026-11-21T03:04:00Z")
        ]

    def test_at_the_very_end_without_a_newline(self) -> None:
        found = scanned(filler(2 * SMALL) + FULL.encode())

        assert [(item.error.id, item.count) for item in found.items] == [("pg-too-many-clients", 1)]

    def test_the_time_stands_lines_before_the_cause(self) -> None:
        event = f"2026-11-21 03:04:00,000 ERROR failed\n{'  at x.y.Z(Z.java:1)' * 3}\n" * 1
        event += "  at a.b.C(C.java:2)\n" * 20 + f"Caused by: {FULL}\n"
        found = scanned(filler(SMALL) + event.encode() + filler(SMALL))

        assert [str(item.first) for item in found.items] == ["2026-11-21T03:04:00"]

    def test_cause_and_wrapper_in_one_event(self) -> None:
        event = "2026-11-21 03:04:00,000 ERROR HikariPool-1 - Connection is not available, request timed out after 30000ms.\n"
        event += "\tat a.b.C(C.java:2)\n" * 5 + f"Caused by: {FULL}\n"
        found = scanned(filler(SMALL) + event.encode() * 3 + filler(SMALL))

        assert [(item.error.id, item.count) for item in found.items] == [
            ("pg-too-many-clients", 3),
            ("hikari-timeout", 3),
        ]
        assert found.items[0].inside == ("hikari-timeout",)

    def test_a_translated_message(self) -> None:
        line = "2026-11-21 03:04:00.000 UTC [1] ВАЖНО:  извините, уже слишком много клиентов\n"
        found = scanned(filler(SMALL) + line.encode() + filler(SMALL))

        assert [item.error.id for item in found.items] == ["pg-too-many-clients"]

    def test_a_code_alone(self) -> None:
        line = '{"time":1795230000123,"err":{"message":"xyz","code":"53300","routine":"InitProcess"}}\n'
        found = scanned(filler(SMALL) + line.encode() + filler(SMALL))

        assert [item.error.id for item in found.items] == ["pg-too-many-clients"]

    def test_one_line_of_twenty_megabytes(self) -> None:
        found = scanned(b"x " * (5 << 20) + FULL.encode() + b" y" * (5 << 20))

        assert [(item.error.id, item.count) for item in found.items] == [("pg-too-many-clients", 1)]

    def test_bytes_that_are_no_text(self) -> None:
        found = scanned(bytes(range(256)) * 3000 + b"\n" + FULL.encode() + b"\n" + bytes(range(256)) * 3000)

        assert [item.error.id for item in found.items] == ["pg-too-many-clients"]

    def test_memory_does_not_grow_with_the_log(self) -> None:
        """200 MB that are never in memory at once, with an error in every megabyte."""
        block = filler(1 << 20) + f"2026-11-21 03:04:00.000 UTC [1] FATAL:  {SLOTS}\n".encode()

        class Endless(io.RawIOBase):
            left = 200 * len(block)
            rest = b""

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
                while len(self.rest) < len(buffer) and self.left > 0:
                    self.rest += block
                    self.left -= len(block)
                size = min(len(buffer), len(self.rest))
                buffer[:size] = self.rest[:size]
                self.rest = self.rest[size:]
                return size

        error_texts.errors()
        tracemalloc.start()
        try:
            found = scan([("log", io.BufferedReader(Endless()))]).found
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert [item.count for item in found.items] == [200]
        assert peak < 60 << 20

    @pytest.mark.parametrize("skip", [0, 5000])
    def test_a_file_in_parts_is_the_same_log(
        self, skip: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Large files are shared among processes; no event is cut, lost or counted twice."""
        event = "2026-11-21 03:{:02d}:00,000 ERROR Pool-1 - Connection is not available, request timed out after 3000ms.\n"
        event += "\tat a.b.C(C.java:2)\n" * 9 + f"Caused by: {FULL}\n"
        path = tmp_path / "app.log"
        path.write_text("".join(event.format(number % 60) for number in range(3000)))
        monkeypatch.setattr(workers, "WORTH_IT", 1000)
        monkeypatch.setattr(workers, "REACH", 4096)

        with path.open("rb") as stream:
            stream.seek(skip)
            divided = workers.parts(stream, lambda text, at: text.startswith(b"2026", at))
            together = scan([("app.log", stream)]).found
        alone = scanned(path.read_bytes()[skip:])

        if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1:
            assert len(divided) > 1
        assert [end for _, _, end in divided][:-1] == [start for _, start, _ in divided][1:]
        assert [
            (item.error.id, item.layer, item.count, item.first, item.last) for item in together.items
        ] == [(item.error.id, item.layer, item.count, item.first, item.last) for item in alone.items]
        assert together.items[0].evidence == alone.items[0].evidence
        assert (together.records, together.story) == (alone.records, alone.story)
        assert together.bytes_read == alone.bytes_read

    def test_a_pipe_shared_among_processes_is_the_same_log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Chunks are cut where events begin, handed out, and counted in their order."""
        event = "2026-11-21 03:{:02d}:00,000 ERROR Pool-1 - Connection is not available, request timed out after 3000ms.\n"
        event += "\tat a.b.C(C.java:2)\n" * 9 + f"Caused by: {FULL}\n"
        data = "".join(event.format(number % 60) for number in range(40_000)).encode()
        alone = scanned(data)
        monkeypatch.setattr(workers, "WORTH_IT", BLOCK)
        together = scanned(data)

        assert len(data) > 3 * BLOCK
        assert [item.count for item in together.items] == [40_000, 40_000]
        assert [
            (item.error.id, item.count, item.first, item.last, item.inside) for item in together.items
        ] == [(item.error.id, item.count, item.first, item.last, item.inside) for item in alone.items]
        assert (together.records, together.story, together.bytes_read) == (
            alone.records,
            alone.story,
            alone.bytes_read,
        )

    def test_a_small_or_packed_file_is_not_divided(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "app.log"
        path.write_text("x\n")
        with path.open("rb") as stream:
            assert workers.parts(stream, lambda _text, _at: True) == []
        monkeypatch.setattr(workers, "WORTH_IT", 10)
        path.write_bytes(gzip.compress(b"x" * 100))
        with path.open("rb") as stream:
            assert workers.parts(stream, lambda _text, _at: True) == []
        assert workers.parts(io.BytesIO(b"x" * 1000), lambda _text, _at: True) == []

    @pytest.mark.parametrize(
        "pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"]
    )
    @pytest.mark.parametrize("size", [0, 2 * SMALL])
    def test_packed(self, pack: Callable[[bytes], bytes], size: int) -> None:
        found = scanned(pack(filler(size) + FULL.encode()))

        assert [item.error.id for item in found.items] == ["pg-too-many-clients"]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
    @pytest.mark.parametrize("size", [0, 2 * SMALL])
    def test_other_encodings(self, encoding: str, size: int) -> None:
        """PowerShell writes UTF-16 when a log is redirected into a file."""
        found = scanned((filler(size).decode() + FULL).encode(encoding))

        assert [item.error.id for item in found.items] == ["pg-too-many-clients"]

    def test_a_packed_log_that_was_cut_off(self) -> None:
        """What came before the fault counts, and the fault is told."""
        packed = gzip.compress((FULL + "\n").encode() + filler(4 * SMALL))
        result = scan([("cut.gz", io.BytesIO(packed[: len(packed) // 2]))])

        assert [item.error.id for item in result.found.items] == ["pg-too-many-clients"]
        assert result.broken[0][0] == "cut.gz"

    @pytest.mark.parametrize(
        "data", [b"\x1f\x8bnot gzip at all", b"BZhno", b"\xfd7zXZ\x00no", b"\x28\xb5\x2f\xfdzstd"]
    )
    def test_what_only_begins_like_a_packed_log(self, data: bytes) -> None:
        result = scan([("x", io.BytesIO(data))])

        assert result.found.items == ()
        assert result.broken

    def test_nothing_at_all(self) -> None:
        result = scan([("x", io.BytesIO(b""))])

        assert (result.found.items, result.broken) == ((), ())

    def test_several_files_are_one_log(self) -> None:
        streams = [(name, io.BytesIO(f"2026-11-21 03:00:00 {FULL}\n".encode())) for name in ("a", "b")]

        assert [item.count for item in scan(streams).found.items] == [2]


class TestUnknown:
    """Nothing is made up."""

    def test_the_nearest_known_text(self) -> None:
        found = explain(
            "could not obtain connection from the pool, waited 5.001 seconds, all pooled connections in use"
        )

        assert found.items == ()
        assert found.near[0].error.id == "activerecord-timeout"

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            (
                "does not exist",
                {"pg-prepared-missing", "pg-no-role", "pg-no-database", "pg-prepared-pgbouncer-name"},
            ),
            ("Too many connections for this", {"pg-role-limit", "pg-database-limit"}),
            ("could not get connection from pool", {"pgcat-pool"}),
        ],
    )
    def test_remembered_words(self, text: str, wanted: set[str]) -> None:
        """Words that several texts hold, or that none holds quite so, lead to them; they are not taken for one."""
        found = explain(text)

        assert found.items == ()
        assert found.near[0].error.id in wanted

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "hello world",
            "connection failed",
            "error",
            "x" * 10_000,
            "timeout",
            "the server was not there",
        ],
    )
    def test_nothing_is_near(self, text: str) -> None:
        assert nearest(text) == ()

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=400))
    @example("{" * 5000)
    @example('{"a":' * 3000)
    @example('{"' * 2000)
    @example("\\" * 5000 + "n")
    @example("(" * 3000)
    @example("Traceback (most recent call last)\n" * 300)
    def test_any_text_is_read(self, text: str) -> None:
        for item in explain_text(text):
            assert error_texts.error(item.error.id) is item.error

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=2000))
    def test_any_bytes_are_read(self, data: bytes) -> None:
        assert scan([("x", io.BytesIO(data))]).found.bytes_read <= max(len(data), 1) * 1100

    @pytest.mark.parametrize(
        "text",
        [
            "a" * 200_000,
            "{" * 100_000,
            '"' * 100_000,
            "\\" * 100_000,
            " " * 200_000,
            "\n" * 100_000,
            "1:" * 50_000,
            "x, " * 50_000,
        ],
    )
    def test_hostile_texts_take_no_longer(self, text: str) -> None:
        began = time.process_time()
        explain(text)

        assert time.process_time() - began < 5


class TestSteps:
    """The five steps in the light of what failed."""

    def test_always_five_in_order(self) -> None:
        for page in error_texts.layers():
            error = next(
                error for error in error_texts.errors() if error.layer == page.id and error.step != 6
            )
            made = steps(explain_text(error.examples[0]))

            assert [step.step for step in made][:5] == [1, 2, 3, 4, 5], error.id

    def test_none_for_nothing(self) -> None:
        assert steps(()) == ()

    def test_a_full_pool_of_the_application_asks_for_no_larger_server(self) -> None:
        made = steps(explain_text(P2024))

        assert made[4].status == "not needed"
        assert made[2].status == "do"

    def test_with_two_layers_the_more_pressing_status_counts(self) -> None:
        made = steps(explain(LOG).items)

        assert [step.status for step in made][:5] == ["check", "check", "do", "check", "check"]

    def test_migrations_come_after_the_five(self) -> None:
        made = steps(
            explain_text(
                "Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369))"
            )
        )

        assert [step.step for step in made] == [1, 2, 3, 4, 5, 6]
        assert made[-1].status == "do"


def test_the_table_has_every_entry_once() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in errors_table().splitlines()[2:]]

    assert sorted(rows) == sorted(error.id for error in error_texts.errors())


def test_explaining_needs_no_driver() -> None:
    """`live` and `explain` share this; a text is explained without psycopg."""
    code = (
        "import sys; from poolcheck.explain.explain import explain_text; assert explain_text('sorry, too many clients already');"
        "heavy = {'psycopg', 'rich', 'sqlparse', 'tree_sitter', 'click.testing'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
