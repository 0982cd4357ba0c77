"""Nothing of a hostile database runs with the rights of who looks: every name that poolcheck's SQL uses is a trap there."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

import poolcheck
from poolcheck.cli import run
from poolcheck.live import postgres as wire
from poolcheck.live import route, sql
from poolcheck.live.measure import measure
from poolcheck.live.refusal import RESCUE
from tests.conftest import need_bouncer, need_extension, need_postgres
from tests.live.scenes import eventually
from tests.live.shadow import build, called, code, everything, names, strings
from tests.servers import ROLES, Bouncer, Postgres

pytestmark = pytest.mark.postgres
FILLED = {
    "pid": "0", "backend_start": "2026-01-01", "state_change": "2026-01-01", "state": "idle", "schema": "evil",
    "statement_timeout": "3000",
}  # fmt: skip


@pytest.fixture(scope="module", params=[12, 14, 15, 18], ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """Two hostile databases: in `owned` the owner sets the search path, in `shop` a role may create in public."""
    need_postgres(request.param)
    with Postgres(request.param) as made:
        made.execute(
            *ROLES, "create role own login", "create database owned owner own", "create database shop"
        )
        made.execute("grant create on schema public to app", database="shop")
        as_user(made, "app", "shop", *build("public", better=True))
        as_user(made, "own", "owned", "create schema evil", *build("evil"))
        as_user(made, "own", "owned", "grant usage on schema evil to public")
        yield made


def as_user(server: Postgres, user: str, database: str, *statements: str) -> None:
    """Run statements as an ordinary role."""
    with server.connect(user, database) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def alive(conn: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether the session still answers."""
    with suppress(psycopg.Error):
        conn.execute("select 1")
    return not conn.broken


@contextmanager
def sessions(server: Postgres, database: str) -> Iterator[list[psycopg.Connection[tuple[object, ...]]]]:
    """A lock held and waited for, an idle transaction, idle sessions: every part of every query has rows."""
    opened = [server.connect("app", database) for _ in range(5)]
    try:
        opened[0].execute("select pg_catalog.pg_advisory_lock(72707369)")
        opened[1].execute("begin")
        opened[2].pgconn.send_query(b"select pg_catalog.pg_advisory_lock(72707369)")
        opened[3].execute("begin")
        yield opened
    finally:
        for conn in opened:
            conn.close()


def commands(url: str, folder: Path) -> Iterator[list[str]]:
    """Every way in which poolcheck talks to a server."""
    env = folder / "shadow.env"
    env.write_text(f"DATABASE_URL={url}\n")
    yield ["live", url]
    yield ["live", url, "--sample", "100ms"]
    yield ["live", url, "--watch", "100ms", "--count", "2"]
    yield ["gate", "--env-file", str(env), "--live"]
    yield ["map", str(folder), "--live"]
    yield ["fix", str(folder), "--live", url]
    yield ["size", "--from", url, "--instances", "2", "--sample", "200ms"]
    yield ["reap", url, "--older-than", "0"]
    yield ["reap", url, "--state", "idle", "--older-than", "0", "--yes"]


def looked(server: Postgres, database: str, user: str, folder: Path) -> None:
    """All commands, as that role; nothing may be called, nothing may fail, and the last one ends what it should."""
    for args in commands(server.url(user, database), folder):
        with sessions(server, database) as held:
            mark = server.mark()
            assert run(args) in (0, 1), args
            log = server.log(mark)
            assert called(log) == set(), args
            assert not re.search("ERROR|WARNING", log), args
            if args[-1] == "--yes":
                eventually(lambda: not alive(held[4]), "the end of an idle session")


def test_the_traps_work(server: Postgres) -> None:
    """Without the guest before them, the same queries call what the database's owner put there."""
    sprung: set[str] = set()
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    for name, text in strings():
        major = re.search(r"_(\d+)\.sql$", name)
        if not major or int(major[1]) > server.major or name.startswith("statements"):
            continue
        filled = re.sub(r"\{(\w+)\}", lambda found: FILLED[found[1]], text)
        mark = server.mark()
        with (
            server.connect("postgres", "owned") as conn,
            suppress(psycopg.Error),
        ):  # a trap's answer makes no sense
            conn.execute(filled.encode())
        found = called(server.log(mark))
        bare = re.sub(r"OPERATOR\(pg_catalog\.[^)]+\)", "", text)
        assert bool(found) is bool(names(bare).operators), name
        sprung |= found
    assert {"operator =", "operator ||", "operator ~~", "operator -", "operator <<", "operator |"} <= sprung


def test_owner_sets_the_search_path(server: Postgres, tmp_path: Path) -> None:
    """ALTER DATABASE, as its owner may: a superuser and a monitoring role look."""
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    looked(server, "owned", "postgres", tmp_path)


def test_role_has_a_search_path(server: Postgres, tmp_path: Path) -> None:
    """ALTER ROLE, set by itself and long forgotten."""
    as_user(server, "own", "owned", "alter database owned reset search_path")
    as_user(server, "app", "owned", "alter role app set search_path = evil, pg_catalog, public")
    try:
        looked(server, "owned", "app", tmp_path)
    finally:
        as_user(server, "app", "owned", "alter role app reset search_path")


def test_anybody_creates_in_public(server: Postgres, tmp_path: Path) -> None:
    """The default search path, and operators that fit better than PostgreSQL's own: everybody's right up to 14."""
    looked(server, "shop", "postgres", tmp_path)


def printed(data: object) -> Iterator[str]:
    """Every SQL statement in a report's JSON: lines of advice that belong together are one."""
    if isinstance(data, str) and re.match(r"\s*(?:SELECT|WITH|ALTER|ROLLBACK|SET)\b", data):
        yield data
    elif isinstance(data, list) and data and all(isinstance(each, str) for each in data):
        text = "\n".join(data)
        yield from (text[found.start() :] for found in re.finditer(r"(?m)^(?:SELECT|WITH)\b", text))
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from printed(each)


def test_what_is_printed_may_be_pasted(
    server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever copies a statement of a report into psql there, as a superuser, calls nothing of the owner's."""
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    url = server.url("postgres", "owned")
    (tmp_path / "a.env").write_text(f"DATABASE_URL={url}\n")
    met: dict[str, int] = {}
    ending: list[str] = []
    with sessions(server, "owned") as held:
        held[1].execute("select pg_catalog.pg_advisory_xact_lock(5)")
        held[4].pgconn.send_query(b"select pg_catalog.pg_advisory_xact_lock(5)")
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        eventually(lambda: server.execute(waiting) == [(2,)], "two sessions that wait")
        for args in (
            ["live", url, "-v"],
            ["reap", url, "--older-than", "0"],
            ["gate", "--live", "--env-file", str(tmp_path / "a.env")],
        ):
            assert run([*args, "--format", "json"]) in (0, 1)
            said = json.loads(capsys.readouterr().out)
            met[args[0]] = len(texts := [*printed(said)])
            paste(server, [each for each in texts if "terminate" not in each])
            ending += texts
    paste(server, ending)
    assert min(met.values()) > 0, met


def paste(server: Postgres, texts: Sequence[str]) -> None:
    """Each by itself, as psql sends it; one that should call a trap shows that the traps are set."""
    mark = server.mark()
    for text in texts:
        with server.connect("postgres", "owned") as conn, suppress(psycopg.Error):
            conn.execute(text.encode())
    assert called(server.log(mark)) == set(), texts
    mark = server.mark()
    with server.connect("postgres", "owned") as conn, suppress(psycopg.Error):
        conn.execute(b"select 1 where 1 = 1")
    assert called(server.log(mark))


def written() -> Iterator[tuple[str, str]]:
    """Every SQL statement that the package may print: of rules, of refusals, of the pages of errors."""
    for path in sorted(Path(poolcheck.__file__).parent.rglob("*.py")):
        if {"demo", "readers", "sql"} & set(path.parts) or path.name in ("postgres.py", "snippets.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else "x" for part in parts]
            if isinstance(texts[0], str) and re.match(r"SELECT |  WHERE |  AND ", texts[0]):
                yield path.name, "".join(map(str, texts))
    for path in sorted((Path(poolcheck.__file__).parent / "catalogue").rglob("*.toml")):
        for found in re.findall(r'"(SELECT [^"]*;)"', path.read_text(encoding="utf-8")):
            yield path.name, found


def test_each_statement_that_may_be_printed_names_its_schema() -> None:
    """Functions, relations and operators: what is printed rarely is held to the same."""
    found = dict.fromkeys(written())
    assert len(found) >= 12
    for name, text in found:
        assert not names(
            re.sub(r"OPERATOR\(pg_catalog\.[^)]+\)", "", re.sub("ORDER BY.*|;", "", text))
        ).operators, (
            name,
            text,
        )
        for made in re.findall(r"([\w.]+)\(", text.replace("OPERATOR(", "")):
            assert made.startswith("pg_catalog."), (name, text)
        for made in re.findall(r"(?i)\b(?:from|join)\s+([\w.]+)", text):
            assert made.startswith("pg_catalog."), (name, text)


def test_the_way_out_of_a_full_server_may_be_pasted(server: Postgres) -> None:
    """From a session that is open already, which has the database's search path."""
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    with sessions(server, "owned") as held:
        paste(server, ["\n".join(RESCUE.code)])
        assert all(map(alive, held[3:]))  # idle for less than ten minutes
        paste(
            server,
            ["\n".join(RESCUE.code).replace("10 minutes", "0 minutes").replace("current_user", "'app'")],
        )
        eventually(lambda: not alive(held[4]), "the end of an idle session")


@pytest.mark.bouncer
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_through_a_pooler(
    server: Postgres, mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is called, and nothing stays on the pooler's sessions: the next client has the path that it had."""
    need_bouncer()
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    with Bouncer(server, mode, pool_size=3) as bouncer:  # type: ignore[arg-type]  # the two of them
        mark = server.mark()
        for args in commands(bouncer.url("app", "owned"), tmp_path):
            assert run(args) in ((2,) if args[0] == "reap" else (0, 1)), args  # not through a pooler
        assert called(server.log(mark)) == set()
        with bouncer.connect("app", "owned") as after:
            for setting, value in (
                ("search_path", "evil, pg_catalog"),
                ("transaction_read_only", "off"),
                ("statement_timeout", "0"),
            ):
                (found,) = after.execute(f"show {setting}".encode()).fetchone() or ("",)
                assert found == value
    assert "PC804" not in capsys.readouterr().out


def test_each_statement_is_analysed_after_the_one_before(server: Postgres) -> None:
    """What all of this stands on: one message, two statements, and the second is looked up on the path of the first."""
    as_user(server, "own", "owned", "alter database owned set search_path = evil, pg_catalog")
    asked = "select 1 where 1 = 1"
    for before, trapped in (
        ("select 1", True),
        ("select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)", False),
    ):
        mark = server.mark()
        with server.connect("postgres", "owned") as conn:
            conn.execute(f"{before}; {asked}".encode())
            assert conn.execute("show search_path").fetchone() == ("evil, pg_catalog",)
        assert bool(called(server.log(mark))) is trapped


def test_temporary_names_come_last(server: Postgres) -> None:
    """On a pooled session somebody else's temporary tables and types are still there."""
    with server.connect("app", "shop") as conn:
        conn.execute("create temp view pg_settings as select 'x' as name, 1/0 as setting")
        conn.execute("create domain pg_temp.text as pg_catalog.text check (false)")
        guest = sql.load("guest", sql.OLDEST).replace("{statement_timeout}", "3000")
        for name in ("facts", "sessions", "others", "probe", "load"):
            conn.execute(f"{guest};\n{sql.load(name, server.major)}".encode())
            conn.execute(f"{guest};\nselect 'a'::text from pg_settings".encode())


def test_left_behind_is_still_seen(server: Postgres) -> None:
    """The settings that the guest replaces are compared with what it found."""
    words = {"host": server.host, "port": str(server.port), "user": "app", "dbname": "shop"}
    for made, left in (
        ("", ()),
        ("set search_path = other", (("search_path", "other"),)),
        ("set statement_timeout = '90s'", (("statement_timeout", "90000"),)),
        (
            "set statement_timeout = 1234; set lock_timeout = 7",
            (("lock_timeout", "7"), ("statement_timeout", "1234")),
        ),
        ("set statement_timeout = 5; reset statement_timeout; set search_path to default", ()),
    ):
        link = wire.connect(words)
        if made:
            link.run(made)
        assert route.left_behind(wire.whoami(link)) == left
        link.close()


def calls(tree: ast.AST, *methods: str) -> Iterator[ast.Call]:
    """Calls of a method of one of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield node


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_every_message_begins_with_the_guest() -> None:
    """A walk over the code: what is sent is sent by `ask`, or has no name in it to look up."""
    plain = re.compile(r"SHOW [a-zA-Z_]*|ROLLBACK|SELECT pg_catalog\.version\(\)")
    sent: list[str] = []
    for path in sorted(Path(poolcheck.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if "demo" in path.parent.name + path.stem:
            continue  # its own server, which it has just made
        if "psycopg" in {name.split(".")[0] for name in imported(tree)}:
            assert path.parent.name == "live", path
            assert not [*calls(tree, "execute", "executemany", "exec_", "exec_params", "copy")], path
        sent += [path.name for _ in calls(tree, "send_query", "send_query_params", "send_prepare")]
        if path.parent.name != "live":
            continue
        for call in calls(tree, "run"):
            if ast.unparse(call.func) == "engine.run":
                continue  # of rules
            first = call.args[0]
            texts = first.values[0] if isinstance(first, ast.JoinedStr) else first
            if isinstance(texts, ast.Constant):
                assert plain.fullmatch(str(texts.value)), (path, texts.value)
            else:
                assert ast.unparse(first) == "';\\n'.join(texts)", path
    assert sent == ["postgres.py"]


def test_the_guest_has_nothing_to_choose() -> None:
    """Calls with literals, with their schema before them: no operator, no cast, no relation."""
    text = sql.load("guest", sql.OLDEST)
    found = names(text)
    assert not found.operators | found.types | found.relations
    assert "from" not in code(text).split()
    called_in = re.findall(r"([\w.]+)\s*\(", code(text))
    assert set(called_in) == {"pg_catalog.current_setting", "pg_catalog.set_config"}
    assert text.index("search_path', 'pg_catalog, pg_temp'") < text.index("statement_timeout', '{")


def test_names_carry_their_schema() -> None:
    """The second wall: what can be qualified is, so that not even the guest is needed for it."""
    grammar = set(
        "operator extract coalesce nullif in filter and or from as where not values select when then else over join exists".split()
    )
    for path in sorted(sql.FOLDER.glob("*.sql")):
        text = code(sql.load(*path.stem.rsplit("_", 1)[:1], int(path.stem.rsplit("_", 1)[1])))
        assert "\\" not in path.read_text(), "standard_conforming_strings may be off"
        for found in re.findall(r"([\w.]+)\s*\(", text):
            assert found.startswith("pg_catalog.") or found in grammar, (path.name, found)
        for found in re.findall(r"::\s*([\w.]+)", text):
            assert found.startswith("pg_catalog.") or found == "bigint", (path.name, found)
        own = set(re.findall(r"(?:\bwith|,)\s+(\w+) as \(", text))  # a name that WITH gives is nobody else's
        for found in re.findall(r"\b(?:from|join)\s+([\w.]+)", text):
            assert "." in found or found == "pg_catalog" or found in own, (path.name, found)


def test_the_list_of_names_is_no_empty_one() -> None:
    """What the queries are known to use."""
    found = everything()
    assert {"=", "~~", "||", "<<", "^", "-"} <= found.operators
    assert {"sum", "max", "string_agg", "set_config", "date_part", "pg_terminate_backend"} <= found.functions
    assert {"pg_stat_activity", "pg_locks", "pg_settings"} <= found.relations


TRAP = """create function stats.trap() returns bool language plpgsql as $$ begin
    raise log using message = 'shadow called: the view'; return true; end $$"""
VIEW = """create or replace view stats.pg_stat_statements as
    select * from stats.pg_stat_statements(true) where stats.trap()"""
OWN_SCHEMA = ("create schema stats authorization own", "create extension pg_stat_statements schema stats")


@pytest.mark.parametrize(
    ("made", "user", "hands"),
    [
        (("create schema stats", "create extension pg_stat_statements schema stats"), "postgres", ""),
        (OWN_SCHEMA, "postgres", "own"),
        (OWN_SCHEMA, "own", ""),  # one's own
        (('create schema "é"', 'create extension pg_stat_statements schema "é"'), "postgres", "é"),
        (
            ("create extension pg_stat_statements",),
            "postgres",
            "own",
        ),  # public belongs to the database's owner
        (
            (
                "create schema stats",
                "create extension pg_stat_statements schema stats",
                "alter view stats.pg_stat_statements owner to own",
                "grant usage, create on schema stats to own",
                TRAP,
                "set role own",
                VIEW,
            ),
            "postgres",
            "own",
        ),
        (
            (
                "create schema stats",
                "create extension pg_stat_statements schema stats",
                "alter function stats.pg_stat_statements(bool) owner to own",
            ),
            "postgres",
            "own",
        ),
    ],
)
def test_statements_of_trusted_hands_only(
    statistics: Postgres, made: tuple[str, ...], user: str, hands: str
) -> None:
    """A view of the extension's name is code that runs with the reader's rights: who could have written it is asked."""
    statistics.execute("drop database if exists strange", "create database strange owner own")
    statistics.execute(*made, database="strange")
    mark = statistics.mark()
    found = measure(statistics.url(user, "strange"), 0.1, lambda _: None)
    assert not called(statistics.log(mark))
    whys = [skipped.why for skipped in found.skipped if skipped.what.startswith("variation")]
    expected = (
        f"pg_stat_statements is in the hands of {hands}, no superuser: not read."
        if hands.isascii()
        else "pg_stat_statements lies in a schema whose name is not ASCII: not read."
    )
    assert whys == ([expected] if hands else [])
    assert ("pg_stat_statements s\n" in statistics.log(mark)) is not bool(hands)


@pytest.fixture(scope="module")
def statistics() -> Iterator[Postgres]:
    """PostgreSQL 15 with pg_stat_statements."""
    need_extension(15, "pg_stat_statements")
    with Postgres(15, shared_preload_libraries="pg_stat_statements") as made:
        made.execute(*ROLES, "create role own login")
        yield made
