"""`${DB_PASS}` in an env file: filled in as python-dotenv does, where the user named the file, and told apart where not."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.config.settings import Config
from poolcheck.errors import BadInput, NothingToCheck
from poolcheck.live.dsn import Sources, sources
from poolcheck.live.fill_in import fill_in
from poolcheck.readers.env import dotenv
from tests.commands.running import poolcheck
from tests.servers import Postgres

SECRET = "s3cr3t-hunter2"


@pytest.fixture(scope="module")
def locked() -> Iterator[Postgres]:
    """A server that asks `app` for its password."""
    hba = "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
    with Postgres(18, hba=hba) as server:
        server.execute(f"create role app login password '{SECRET}'")
        yield server


def url(server: Postgres, password: str) -> str:
    """The server's address for `app`, with this text where the password stands."""
    return f"postgresql://app:{password}@127.0.0.1:{server.port}/postgres"


@pytest.mark.postgres
@pytest.mark.parametrize(
    "text",
    [
        "X={url}\n",
        "export X={url}\n",
        'X="{url}"\n',
        "X='{url}'\n",
        "DB_PASS=wrong\nDB_PASS=" + SECRET + "\nX={url}\n",
        "A=${DB_PASS}\nX={a}\n",
        "X={default}\n",
        'CERT="-----BEGIN\nX=no\n-----END"\nX={url}\n',
        "\ufeffX = {url} # the app's\r\n",
        "PGHOST=127.0.0.1\nPGPORT={port}\nPGUSER=app\nPGPASSWORD=${DB_PASS}\nPGDATABASE=postgres\n",
    ],
)
def test_connects_as_the_app_does(locked: Postgres, tmp_path: Path, text: str) -> None:
    """The server asks for the password, and gets the right one: from the environment, the file, or a default."""
    for mark, made in {
        "{url}": url(locked, "${DB_PASS}"),
        "{a}": url(locked, "${A}"),
        "{default}": url(locked, "${NOBODY_SETS_THIS:-" + SECRET + "}"),
        "{port}": str(locked.port),
    }.items():
        text = text.replace(mark, made)
    (tmp_path / "f").write_text(text)
    variable = "PGHOST" if "PGHOST" in text else "X"
    for named in (["--var", variable], []):
        ran = poolcheck("live", "--env-file", "f", *named, cwd=tmp_path, env={"DB_PASS": SECRET})

        assert (ran.code, ran.err) == (0, "")
        assert SECRET not in ran.out


@pytest.mark.postgres
def test_gate_and_reap_connect_too(locked: Postgres, tmp_path: Path) -> None:
    """Every command that takes --env-file."""
    (tmp_path / "f").write_text(f"DATABASE_URL={url(locked, '${DB_PASS}')}\n")
    for arguments in (
        ["gate", "--live", "--no-ci", "--isolated", "--env-file", "f"],
        ["reap", "--env-file", "f", "--older-than", "1h"],
    ):
        ran = poolcheck(*arguments, cwd=tmp_path, env={"DB_PASS": SECRET})

        assert "could not be looked at" not in ran.out
        assert "no usable connection string" not in ran.out + ran.err
        assert ran.code == 0, ran.out + ran.err
        assert SECRET not in ran.out + ran.err


def read(folder: Path, text: str, *, variable: str | None = None, environment: bool = True) -> Sources:
    """The choice out of a file that was named."""
    (folder / "f").write_text(text)
    return sources(None, Config(), env_file=str(folder / "f"), variable=variable, environment=environment)


def test_missing_part_is_named(tmp_path: Path) -> None:
    """A string in parts is made of several variables."""
    with pytest.raises(BadInput, match=r"PGHOST needs \$\{DB_PASS\}, set neither"):
        read(tmp_path, "PGHOST=h\nPGUSER=u\nPGPASSWORD=${DB_PASS}\n")


@pytest.mark.parametrize("variable", ["X", None])
def test_missing_variable_is_named(tmp_path: Path, variable: str | None) -> None:
    """Instead of a literal `${DB_PASS}` as password."""
    with pytest.raises(
        BadInput, match=r"X needs \$\{DB_PASS\}, set neither in the file nor in the environment"
    ):
        read(tmp_path, "A=${DB_PASS}\nX=postgresql://u:${A}@h/d\n", variable=variable)


def test_bare_dollar_is_not_sent(tmp_path: Path) -> None:
    """python-dotenv leaves `$DB_PASS` as it is."""
    with pytest.raises(BadInput, match="holds a reference that is not filled in"):
        read(tmp_path, "X=postgresql://u:$DB_PASS@h/d\n", variable="X")


def test_dollar_in_a_password_is_one(tmp_path: Path) -> None:
    """What is no reference is sent as it is."""
    conn = read(tmp_path, "X=postgresql://u:pa$$word$1@h/d\n", variable="X").main.conn

    assert conn.password is not None
    assert conn.password.reveal() == "pa$$word$1"


def test_file_that_was_found_gets_nothing_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository's .env may name anybody's host: the environment's secrets are not sent there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    text = "DATABASE_URL=postgresql://u:${AWS_SECRET_ACCESS_KEY}@evil/d\n"
    (tmp_path / ".env").write_text(text)

    with pytest.raises(NothingToCheck):
        sources(None, Config(), environ={})
    with pytest.raises(BadInput, match="which the file does not set"):
        read(tmp_path, text, environment=False)


def test_file_that_was_found_is_filled_in_from_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own variables and its own defaults."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("P=own\nDATABASE_URL=postgresql://${U:-me}:${P}@h/d\n")
    conn = sources(None, Config(), environ={}).main.conn

    assert conn.user == "me"
    assert conn.password is not None
    assert conn.password.reveal() == "own"


@pytest.mark.postgres
def test_gate_of_a_folder_gives_nothing_away(locked: Postgres, tmp_path: Path) -> None:
    """`gate --live` looks at the folder's own strings; whoever wrote them gets nothing of the job's environment."""
    (tmp_path / ".env").write_text(f"DATABASE_URL={url(locked, '${DB_PASS}')}\n")
    ran = poolcheck("gate", "--live", "--no-ci", "--isolated", ".env", cwd=tmp_path, env={"DB_PASS": SECRET})

    assert "DATABASE_URL needs ${DB_PASS}, which the file does not set" in " ".join(ran.out.split())


NAMES = st.sampled_from(["A", "B", "P", "Q"])
PIECES = st.one_of(
    NAMES.map("${{{}}}".format),
    NAMES.map("${{{}:-x}}".format),
    st.sampled_from(["a", "$", "{", "}", "${", ":-", "$A"]),
)
LINES = st.lists(st.tuples(NAMES, st.lists(PIECES, max_size=4).map("".join)), max_size=5)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_values_are_python_dotenvs(lines: list[tuple[str, str]]) -> None:
    """What is whole has the value that the app gets; what is not whole is left as it was written."""
    text = "".join(f"{name}={value}\n" for name, value in lines)
    theirs = dotenv_values(stream=io.StringIO(text))
    env = dotenv.read(text, ".env")
    filled = fill_in(env, environment=True)

    for before, after in zip(env.entries, filled.env.entries, strict=True):
        if after is not before and [each.key for each in env.active].count(after.key) == 1:
            assert after.value == theirs[after.key]
        if after.key in filled.lacking:
            assert after.value == before.value


def test_value_that_grows_without_end_is_left(tmp_path: Path) -> None:
    """Thirty lines that double the one before: the file is not handed on."""
    rows = ["V0=xxxxxxxxxx", *(f"V{number}=${{V{number - 1}}}${{V{number - 1}}}" for number in range(1, 40))]
    started = time.process_time()
    with pytest.raises(BadInput):
        read(tmp_path, "\n".join([*rows, "X=postgresql://u:${V39}@h/d\n"]), variable="X")

    assert time.process_time() - started < 5
