"""Who gets which password: a server that asks for it, in each way that a string and a password can come to poolcheck."""

import ast
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import pq

import poolcheck as package
from poolcheck.config.settings import Config
from poolcheck.connection.libpq import KEYWORDS
from poolcheck.connection.parse import parse
from poolcheck.connection.secret import Secret
from poolcheck.live import credentials, dsn
from poolcheck.live.credentials import dial, left_out, on_loopback, words_of
from poolcheck.live.look import Inspection, LookOptions, address
from poolcheck.live.postgres import Lost, NoConnection, Timeouts
from poolcheck.model.target import Target
from tests.commands.running import Ran, poolcheck, python
from tests.conftest import need_program
from tests.live.asker import GSS, MD5, Hostile

CANARY = "s3cr3t-canary"
# Loopback to the resolver, and not to the rule, which goes by names: nothing leaves the machine.
OUT = "127.1"
SOON = Timeouts(connect=2)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with Hostile() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's repository, beside the home of the user."""
    (tmp_path / "home").mkdir()
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


PASSWORDS = ("PGPASSWORD", "PGPASSFILE", "~/.pgpass", "passfile", "service")


def plant(kinds: tuple[str, ...], home: Path) -> tuple[dict[str, str], str]:
    """Passwords of the user that libpq would find: the environment for it, and what the string says of them."""
    env, query = {"HOME": str(home)}, []
    for name in (".pgpass", "passwords"):
        (home / name).write_text(f"*:*:*:*:{CANARY}\n" if name != ".pgpass" or "~/.pgpass" in kinds else "")
        (home / name).chmod(0o600)
    (home / ".pg_service.conf").write_text(f"[mine]\npassword={CANARY}\n")
    if "PGPASSWORD" in kinds:
        env["PGPASSWORD"] = CANARY
    if "PGPASSFILE" in kinds:
        env["PGPASSFILE"] = str(home / "passwords")
    if "PGSERVICE" in kinds:
        env["PGSERVICE"] = "mine"
    if "passfile" in kinds:
        query.append(f"passfile={home / 'passwords'}")
    if "service" in kinds:
        query.append("service=mine")
    return env, "?" + "&".join(query) if query else ""


MCP = "from poolcheck.commands import _mcp_tools as t; import json; print(json.dumps(t.live({arguments})))"
FOUND = {
    "live": ["live"],
    "live --watch": ["live", "--watch", "--count", "1"],
    "live, a console": ["live"],
    "gate": ["gate", "--live", "--no-ci"],
    "gate FILE": ["gate", "--live", "--no-ci", ".env"],
    "gate FOLDER": ["gate", "--live", "--no-ci", "../repository"],
    "mcp live": ["mcp", ""],
    "mcp live env_file": ["mcp", "env_file='.env'"],
    "mcp live dsn": ["mcp", "dsn={url!r}"],
    "mcp live bouncer": ["mcp", "dsn={url!r}, bouncer={url!r}"],
}
NAMED = {
    "live DSN": ["live", "{url}"],
    "live --env-file": ["live", "--env-file", ".env"],
    "live --var": ["live", "--var", "NAMED_URL"],
    "live, environment": ["live"],
    "live --bouncer": ["live", "postgresql://x@127.0.0.1:1/d", "--bouncer", "{url}"],
    "live --admin": ["live", "postgresql://x@127.0.0.1:1/d", "--admin", "{url}"],
    "reap DSN": ["reap", "{url}"],
    "reap --admin": ["reap", "postgresql://x@127.0.0.1:1/d", "--admin", "{url}"],
    "gate DSN": ["gate", "--live", "--no-ci", "{url}"],
    "gate --env-file": ["gate", "--live", "--no-ci", "--env-file", ".env"],
    "gate --bouncer": ["gate", "--live", "--no-ci", "--bouncer", "{url}", "postgresql://x@127.0.0.1:1/d"],
    "fix --live": ["fix", "--live", "{url}"],
    "size --from": ["size", "--from", "{url}", "--instances", "2"],
}
# Not what PGSERVICE itself leads to.
SECOND = ("gate FILE", "gate FOLDER", "mcp live env_file", "mcp live dsn")


def run(command: list[str], folder: Path, env: dict[str, str], url: str) -> Ran:
    if command[0] != "mcp":
        return poolcheck(*(each.format(url=url) for each in command), cwd=folder, env=env)
    return python("-c", MCP.format(arguments=command[1].format(url=url)), cwd=folder, env=env)


@pytest.mark.parametrize(
    ("command", "kinds"),
    [(command, PASSWORDS) for command in FOUND] + [(command, ("PGSERVICE",)) for command in SECOND],
)
def test_string_that_was_found_gets_no_password(
    command: str, kinds: tuple[str, ...], folder: Path, hostile: Hostile
) -> None:
    """Whoever wrote the file chose the host; each command comes to it, and none brings anything."""
    env, query = plant(kinds, folder.parent / "home")
    url = f"postgresql://x@127.0.0.1:{hostile.port}/d{query}"
    name = "PGBOUNCER_URL" if "console" in command else "DATABASE_URL"
    other = "DATABASE_URL=postgresql://x:own@127.0.0.1:1/d\n" if "console" in command else ""
    (folder / ".env").write_text(f"{other}{name}={url}\n")
    ran = run(FOUND[command], folder, env, url)

    assert b"user\0" in hostile.sent  # it came
    assert CANARY.encode() not in hostile.sent
    assert CANARY not in ran.out + ran.err
    said = " ".join((ran.out + ran.err).split())
    assert [kind for kind in kinds if kind not in said] == []
    assert "--env-file" in said or "A string in the environment may have them" in said


@pytest.mark.parametrize("command", NAMED)
def test_string_that_the_user_named_gets_it(command: str, folder: Path, hostile: Hostile) -> None:
    """As psql does it; so the server above would have had it."""
    env, query = plant(("PGPASSWORD",), folder.parent / "home")
    url = f"postgresql://x@127.0.0.1:{hostile.port}/d{query}"
    (folder / ".env").write_text(f"DATABASE_URL={url}\n")
    env |= {"NAMED_URL": url} if "var" in command or "environment" in command else {}
    ran = run(NAMED[command], folder, env, url)

    assert CANARY.encode() in hostile.sent
    assert CANARY not in ran.out + ran.err


@pytest.mark.parametrize("kind", [*PASSWORDS, "PGSERVICE"])
@pytest.mark.parametrize("trusted", [False, True])
def test_each_kind_of_password(
    kind: str, trusted: bool, folder: Path, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alone is one that libpq finds, for a string that is the user's; and for no other."""
    env, query = plant((kind,), folder.parent / "home")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((NoConnection, Lost)):
        dial(parse(f"postgresql://x@127.0.0.1:{hostile.port}/{query}"), SOON, trusted=trusted).run("select 1")

    assert (CANARY.encode() in hostile.sent) is trusted


def start(server: Hostile, query: str = "", *, trusted: bool = False, host: str = "127.0.0.1") -> bytes:
    """What the server is sent by one connection with a string that has nothing but the place."""
    server.clients.clear()
    with pytest.raises(NoConnection):
        dial(parse(f"postgresql://{host}:{server.port}/{query}"), SOON, trusted=trusted)
    return server.sent


VARIABLES = {
    (option.envvar or b"").decode(): option.keyword.decode()
    for option in pq.Conninfo.get_defaults()
    if option.envvar and option.keyword.decode() not in credentials.HARMLESS
}
VALUES = {
    "PGHOST": "127.0.0.9", "PGHOSTADDR": "127.0.0.9", "PGPORT": "1", "PGSSLCERTMODE": "allow", "PGREQUIREAUTH": "password",
    "PGTARGETSESSIONATTRS": "standby", "PGLOADBALANCEHOSTS": "random", "PGGSSENCMODE": "disable", "PGGSSDELEGATION": "1",
    "PGOPTIONS": f"-c a.b={CANARY}", "PGSSLCOMPRESSION": "1",
}  # fmt: skip


@pytest.mark.parametrize("variable", VARIABLES)
def test_nothing_of_the_environment_is_added(
    variable: str, hostile: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every variable that libpq reads, by its own list: the server is sent the same bytes with it and without it."""
    if variable == "PGSERVICE":
        (tmp_path / "services").write_text(f"[{CANARY}]\n" + "".join(
            f"{word}={CANARY}\n" for word in ("user", "password", "dbname", "options", "hostaddr", "passfile", "sslkey")
        ))  # fmt: skip
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    before = start(hostile)
    monkeypatch.setenv(variable, VALUES.get(variable, CANARY))

    assert before
    assert start(hostile) == before
    assert variable in left_out(found("postgresql:///?client_encoding=UTF8"))


def found(url: str) -> Target:
    return dsn._argument(url, Config(), trusted=False)


def test_string_says_what_is_allowed_and_nothing_else() -> None:
    """Every keyword of libpq, of this version and of the next: allowed on purpose, or left out and said so."""
    for word in {*KEYWORDS, *(option.keyword.decode() for option in pq.Conninfo.get_defaults())}:
        url = f"postgresql://h/d?{word}=canary"
        given, told = words_of(parse(url), trusted=False), left_out(found(url))
        if word in credentials.ALLOWED:
            assert str(given[word]) == "canary" or isinstance(given[word], Secret)
            assert word not in told.split(":")[-1]
        else:
            assert given.get(word) != "canary"
            assert word not in KEYWORDS or word in told
    for word in (
        "passfile",
        "service",
        "servicefile",
        "sslkey",
        "sslcert",
        "sslrootcert",
        "options",
        "sslkeylogfile",
    ):
        assert word not in credentials.ALLOWED
    assert "sslrootcert" not in left_out(found("postgresql://h/d?sslrootcert=system&sslmode=verify-full"))


def test_keys_are_logged_nowhere(tmp_path: Path) -> None:
    """Libpq 18 appends to the file that `sslkeylogfile` names: a string that was found could write anywhere."""
    target = tmp_path / "written"
    assert "sslkeylogfile" not in words_of(parse(f"postgresql://h/d?sslkeylogfile={target}"), trusted=False)


@pytest.mark.parametrize(
    ("host", "query", "own"),
    [
        ("127.0.0.1", "", True),
        ("127.255.1.2", "", True),
        ("localhost", "", True),
        ("LOCALHOST", "", True),
        ("[::1]", "", True),
        ("%2Ftmp", "", True),
        ("", "", True),
        ("localhost,127.0.0.1", "", True),
        ("localhost,db", "", False),
        ("127.0.0.1.evil.example", "", False),
        ("localhost.evil.example", "", False),
        ("127.1", "", False),
        ("127.0.0.256", "", False),
        ("0.0.0.0", "", False),
        ("localho\u017ft", "", False),
        ("localhost", "?hostaddr=192.0.2.1", False),
        ("db", "?hostaddr=127.0.0.1", True),
        ("db,localhost", "?hostaddr=127.0.0.1,192.0.2.1", False),
        ("localhost,db", "?hostaddr=127.0.0.1,", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(host: str, query: str, own: bool) -> None:
    """By what is dialled, and by the whole name."""
    assert on_loopback(parse(f"postgresql://u@{host}/d{query}").libpq()) is own


@pytest.mark.parametrize(
    "mode", ["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer", "?require_auth=password"]
)
@pytest.mark.parametrize("trusted", [False, True])
def test_no_password_in_the_clear_beyond_this_machine(mode: str, trusted: bool, hostile: Hostile) -> None:
    """The string's own password neither; only who names the string can allow it."""
    conn = parse(f"postgresql://x:{CANARY}@{OUT}:{hostile.port}/d{mode}")
    with pytest.raises((NoConnection, Lost)) as refused:
        dial(conn, SOON, trusted=trusted).run("select 1")
    allowed = trusted and "require_auth" in mode

    assert (CANARY.encode() in hostile.sent) is allowed
    assert allowed or "require_auth=password" in str(refused.value)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("trusted", [False, True])
def test_method_that_hides_the_password_is_allowed(trusted: bool) -> None:
    """MD5 is no cleartext: the answer comes, and holds no password."""
    with Hostile(MD5) as server:
        with pytest.raises(NoConnection):
            dial(parse(f"postgresql://x:{CANARY}@{OUT}:{server.port}/d"), SOON, trusted=trusted)
        assert b"md5" in server.sent
        assert CANARY.encode() not in server.sent


def test_no_ticket_for_a_string_that_was_found() -> None:
    """Kerberos is a credential of the machine too."""
    with Hostile(GSS) as server:
        with pytest.raises(NoConnection) as refused:
            dial(parse(f"postgresql://x@127.0.0.1:{server.port}/d?gssdelegation=1"), SOON, trusted=False)
        assert '"password,scram-sha-256,md5,none"' in refused.value.text


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Hostile]:
    """A server with TLS that asks for the password in the clear."""
    openssl = need_program("openssl", package="openssl")
    key, certificate = str(tmp_path / "key"), str(tmp_path / "crt")
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.1", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Hostile(tls=context, right=CANARY.encode()) as server:
        yield server


@pytest.mark.parametrize("trusted", [False, True])
def test_password_in_the_clear_within_tls(encrypted: Hostile, trusted: bool) -> None:
    """TLS that is possible is used, before anything is refused; and what is said then is what is shown."""
    for mode in ("", "?sslmode=allow", "?sslmode=prefer", "?sslmode=require"):
        url = f"postgresql://app:{{}}@{OUT}:{encrypted.port}/postgres{mode}"
        link = dial(parse(url.format(CANARY)), Timeouts(), trusted=trusted)
        ssl_in_use = link.ssl
        link.close()

        assert ssl_in_use
        with pytest.raises(NoConnection, match="password authentication failed"):
            dial(parse(url.format("wrong")), Timeouts(), trusted=trusted)


def test_typed_password_goes_to_the_server_that_it_was_typed_for(hostile: Hostile) -> None:
    """One string of a file asks, the other has the same question: it is another server's."""
    asked: list[str] = []

    def ask(question: str) -> str | None:
        asked.append(question)
        return CANARY if len(asked) == 1 else None

    with Hostile() as other:
        first, second = (found(f"postgresql://x@127.0.0.1:{port}/d") for port in (hostile.port, other.port))
        seen = Inspection(config=Config(), options=LookOptions(), sources=dsn.Sources(first), ask=ask)
        with pytest.raises((NoConnection, Lost)):
            seen.connect(first).run("select 1")
        with pytest.raises(NoConnection):
            seen.connect(second)

        assert CANARY.encode() in hostile.sent
        assert CANARY.encode() not in other.sent
    assert asked == [f"Password for {address(first)}", f"Password for {address(second)}"]
    two = found("postgresql://x@good,evil:1/d?hostaddr=192.0.2.1,192.0.2.2")
    with pytest.raises(NoConnection):
        seen.connect(two)


def test_only_one_way_to_a_connection() -> None:
    """Whatever connects goes through `dial`: nothing else in the package has psycopg, or `postgres.connect`."""
    root = Path(package.__file__).parent
    dials, drivers = set(), set()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import) and any(each.name.startswith("psycopg") for each in node.names):
                drivers.add(name)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("psycopg"):
                drivers.add(name)
            if isinstance(node, ast.ImportFrom) and node.module == "poolcheck.live.postgres":
                dials |= {name for alias in node.names if alias.name in ("connect", "*")}
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "postgres.connect":
                dials.add(name)
    assert dials == {"live/credentials.py"}
    assert {name for name in drivers if "demo" not in name} == {"live/credentials.py", "live/postgres.py"}
