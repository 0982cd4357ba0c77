"""`poolcheck config`, the config file's complaints, per-path settings and the JSON Schema."""

import datetime as dt
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from poolcheck.cli import cli, run
from poolcheck.commands._effective import effective
from poolcheck.config import checks, schema
from poolcheck.config.file import Settings, load
from poolcheck.config.settings import Config, NamedServer
from poolcheck.errors import BadConfig
from poolcheck.model.effective import ToldTable
from poolcheck.output.paint import Paint, Style
from poolcheck.output.sections.settings import record
from poolcheck.output.sections.settings import text as section_text
from tests.steps import steps

NEON = "postgresql://app:s3cret@ep-cool-darkness-123456.us-east-2.aws.neon.tech/app?sslmode=require"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def poolcheck(*args: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, args, catch_exceptions=False)


def rows(*args: str) -> dict[str, Any]:
    """The settings by name, from the JSON of `poolcheck config`."""
    result = poolcheck("config", "--format", "json", *args)
    assert result.exit_code == 0, result.output
    return {each["name"]: each for each in json.loads(result.stdout)["settings"]}


class TestEffective:
    """Values, and where each comes from."""

    def test_defaults_files_and_options(self, project: Path) -> None:
        """An option wins over the file, the file over the default; each says so."""
        (project / "poolcheck.toml").write_text(
            'instances = 3\nmax-connections = 60\n\n[thresholds]\nwarn_at = 0.5\n\n[per-path."apps/a.b/**"]\nignore = ["PC2"]\n'
        )

        found = rows("--instances", "4")

        assert (found["instances"]["value"], found["instances"]["source"]) == (4, "--instances")
        assert found["max_connections"]["source"] == "poolcheck.toml:2"
        assert found["thresholds.warn_at"]["source"] == "poolcheck.toml:5"
        assert found['per-path."apps/a.b/**".ignore']["source"] == "poolcheck.toml:8"
        assert (found["buffer"]["value"], found["buffer"]["source"]) == (5, "default")

    def test_servers_and_clients(self, project: Path) -> None:
        """Each key that is set, with its line; in text and JSON."""
        (project / "poolcheck.toml").write_text(
            '[server.orders]\nhosts = ["*.orders.x"]\nmax-connections = 400\n\n[client."apps/api"]\ninstances = 6\n'
        )

        found = rows()
        text = poolcheck("config").output

        assert (found["server.orders.hosts"]["value"], found["server.orders.hosts"]["source"]) == (
            ["*.orders.x"],
            "poolcheck.toml:2",
        )
        assert found["server.orders.max_connections"]["source"] == "poolcheck.toml:3"
        assert found['client."apps/api".instances']["value"] == 6
        assert [name for name in found if name.startswith(("server", "client"))] == [
            "server.orders.hosts",
            "server.orders.max_connections",
            'client."apps/api".instances',
        ]
        assert re.search(r'(?m)^  client\."apps/api"\.instances = 6 +poolcheck\.toml:6$', text)

    def test_max_of_one_server(self, project: Path) -> None:
        """Over the table of that name, or as one of its own; a bare number stays everybody's, and the last one counts."""
        (project / "poolcheck.toml").write_text(
            "max_connections = 50\n[server.orders]\nmax_connections = 400\nreserved = 7\n"
        )

        found = rows("--max", "100", "--max", "orders=300", "--max", "billing=20", "--max", "orders=200")

        told = {name: (each["value"], each["source"]) for name, each in found.items()}
        assert told["max_connections"] == (100, "--max")
        assert told["server.orders.max_connections"] == (200, "--max")
        assert told["server.orders.reserved"] == (7, "poolcheck.toml:4")
        assert told["server.billing.max_connections"] == (20, "--max")
        only = rows("--max", "orders=300")
        assert (only["max_connections"]["value"], only["max_connections"]["source"]) == (
            50,
            "poolcheck.toml:1",
        )
        assert rows("--max", "1", "--max", "2")["max_connections"]["value"] == 2

    def test_max_as_the_map_reads_it(self, project: Path) -> None:
        """A number of an option says so; one of the file does not."""
        (project / "poolcheck.toml").write_text("[server.orders]\nmax_connections = 400\nreserved = 7\n")

        config = Settings({"server_limits": {"billing": 20}}).over(project)

        assert config.server == (
            NamedServer(name="orders", max_connections=400, reserved=7),
            NamedServer(name="billing", max_connections=20, source="--max"),
        )
        assert Settings({"server_limits": None}).over(project).server == config.server[:1]

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("0", "0 is not in the range x>=1"),
            ("orders=0", "0 is not in the range x>=1"),
            ("orders=", "'' is not a valid integer range"),
            ("=5", "'' is not the name of a server; write for example orders=400"),
            ("a/b=5", "'a/b' is not the name of a server"),
            ("a=b=5", "'a=b' is not the name of a server"),
            ("300000", "--max: must be at least 1 and at most 262,143, not 300000"),
            ("orders=300000", "--max: must be at least 1 and at most 262,143, not 300000"),
        ],
    )
    def test_max_of_another_form(
        self, project: Path, value: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Told on the command line, by the rules of the file."""
        for command in ("config", "gate", "lint"):
            assert run([command, "--max", value]) == 2
            assert said in capsys.readouterr().err

    def test_what_the_map_matches(self, project: Path) -> None:
        """Where there is a map, the tables say what they are about."""
        tables = (
            ToldTable(kind="server", name="orders", matched=("db", "db2")),
            ToldTable(kind="client", name="apps/api", matched=()),
        )
        section = effective(Config(), {}, tables)

        assert record(section)["tables"][0] == {"table": "[server.orders]", "matched": ["db", "db2"]}
        shown = list(section_text(section, Paint(Style(color=False))))
        assert "  [server.orders] is matched to: db, db2" in shown
        assert '  [client."apps/api"] is matched to: nothing' in shown
        assert "tables" not in record(effective(Config(), {}))

    def test_pyproject(self, project: Path) -> None:
        """[tool.poolcheck] is found from below, and a key of another table is not taken for its line."""
        (project / "pyproject.toml").write_text(
            "[tool.other]\ninstances = 9\n\n[tool.poolcheck]\ninstances = 3\n"
        )
        (project / "apps").mkdir()

        assert rows("apps")["instances"]["source"] == "pyproject.toml:5"

    def test_text_says_what_nobody_set(self, project: Path) -> None:
        """Without a file everything is a default."""
        result = poolcheck("config")

        assert "no config file" in result.output
        assert "instances = (not set)" in result.output
        assert result.exit_code == 0

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('ignore = ["PC999"]', "no rule is named 'PC999'"),
            ('driver = ["prizma@6"]', "Did you mean prisma"),
            ('provider = "nein"', "no provider is named 'nein'"),
            ('provider = "neon"\nplan = "huge"', "has no plan 'huge'"),
            ('[per-path."x"]\nignore = ["no-such-rule"]', "no rule is named 'no-such-rule'"),
            ('[server.a]\nprovider = "nein"', "[server.a]: no provider is named 'nein'"),
            ('[server.a]\nprovider = "neon"\nplan = "huge"', "[server.a]: Neon has no plan 'huge'"),
        ],
    )
    def test_names_are_checked(
        self, project: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A typing error must not switch a rule off in silence."""
        (project / "poolcheck.toml").write_text(text)

        assert run(["config"]) == 2
        assert said in capsys.readouterr().err


class TestComplaints:
    """Every complaint at once: file, line, key, what is wrong, what was meant."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("instances = true", "poolcheck.toml:1: instances: must be a whole number, not true or false"),
            ('instances = "3"', "must be a whole number, not a string"),
            (
                "\n\nmax_connections = 300000",
                "poolcheck.toml:3: max_connections: must be at least 1 and at most 262,143",
            ),
            ("surge = -1", "surge: '-1' has the wrong form"),
            ('max_usage = "185%"', "max_usage: '185%' has the wrong form"),
            ('require = ["sum"]', "'sum' is not one of sums, live, all\n  Did you mean sums?"),
            ("select = [1]", "must be a list of strings"),
            ('driver = ["prisma@six"]', "'prisma@six' has the wrong form"),
            ("thresholds = 3", "thresholds: must be a table, not a whole number"),
            ("[thresholds]\nwarn_at = nan", "thresholds.warn_at: must be at least 0 and at most 1"),
            ("[per-path]\nx = 3", "per-path.x: must be a table"),
            (
                '[per-path."a/**"]\nruntme = "edge"',
                'poolcheck.toml:2: per-path."a/**".runtme: unknown key\n  Did you mean runtime?',
            ),
            ("max_usage = '1%'\nmax-usage = '2%'", "given twice, as max_usage and max-usage"),
            ("path = 'x'", "path: unknown key"),
            ("instances = 2001-01-01", "must be a whole number, not a date"),
            (
                "[server]\nmax_connections = 4",
                "server.max_connections: must be a table with a name of its own",
            ),
            ("\n\n[server.'a b']", "poolcheck.toml:3: server: a table's name has the wrong form"),
            ("[server.-x]", "server: a table's name has the wrong form"),
            ('[client.""]', "client: a table's name has the wrong form"),
            (
                "[server.orders]\nmax_conections = 4",
                "poolcheck.toml:2: server.orders.max_conections: unknown key\n  Did you mean max_connections?",
            ),
            ("[server.orders]\nmax-connections = 0", "must be at least 1 and at most 262,143, not 0"),
            (
                '[server.a]\nhosts = ["DB.x"]\n\n[server.b]\nhosts = ["db.X"]',
                "poolcheck.toml:5: server.b.hosts: db.X is one of the hosts of [server.a], too",
            ),
            (
                '[client."apps/api"]\ninstnces = 6',
                'client."apps/api".instnces: unknown key\n  Did you mean instances?',
            ),
            ('[client."apps/api"]\nsurge = "a lot"', "surge: 'a lot' has the wrong form"),
            (
                '[server.orders]\n[client.api]\nserver = "ordrs"',
                "poolcheck.toml:3: client.api.server: there is no [server.NAME] of that name\n  Did you mean orders?",
            ),
            ('[client.api]\nserver = "orders"', "Write [server.orders] as well."),
        ],
    )
    def test_one(self, project: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Exact to the key and the line."""
        (project / "poolcheck.toml").write_text(text)

        assert run(["config"]) == 2
        assert said in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[server.a]\nhosts = ["VALUE"]', "server.a.hosts: must be hosts without scheme, user, password"),
            (
                '[server.a]\ndsn_env = "VALUE"',
                "server.a.dsn_env: must be the name of a variable, not what is in it",
            ),
            ('[server.a]\nbouncer-env = "VALUE"', "server.a.bouncer-env: must be the name of a variable"),
            ('[client.a]\nserver = "VALUE"', "client.a.server: must be the name of a [server.NAME]"),
            ('[server."VALUE"]\nreserved = 3', "server: a table's name has the wrong form"),
        ],
    )
    @pytest.mark.parametrize(
        "value",
        [
            "postgresql://app:canary@db.example.com:5432/app",
            "app:canary@db.example.com",
            "host=db.example.com password=canary",
            "//app:canary@db/app",
            "/etc/canary",
        ],
    )
    def test_a_connection_string_in_the_wrong_place_is_not_printed(
        self, project: Path, text: str, said: str, value: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Who takes hosts, or the variable's name, for the string itself is told so without it."""
        (project / "poolcheck.toml").write_text(text.replace("VALUE", value))

        assert run(["config"]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert value not in err
        assert "canary" not in err

    @pytest.mark.parametrize(
        "host", ["db:5432", "db/app", "u@db", "[::1]", "a b", "", "-x", "db;", "${HOST}"]
    )
    def test_no_host(self, host: str) -> None:
        """A port, a user or a path leads nowhere: the map compares names alone."""
        with pytest.raises(BadConfig, match="must be hosts without scheme"):
            load_text(f"[server.a]\nhosts = [{json.dumps(host)}]")

    @pytest.mark.parametrize(
        "host",
        ["db", "*", "orders.cluster-*.rds.amazonaws.com", "10.0.0.7", "::1", "fe80::*", "pg_1", "DB.svc."],
    )
    def test_a_host(self, host: str) -> None:
        """Names, addresses of both families, and any text for `*`."""
        assert load_text(f"[server.a]\nhosts = {json.dumps(host)}").server[0].hosts == (host,)

    def test_all_of_them(self, project: Path) -> None:
        """Not the first only; in the order of the file."""
        file = project / "poolcheck.toml"
        file.write_text("instnces = 1\nbuffer = -1\n[thresholds]\nmin_free = 'x'\n")

        with pytest.raises(BadConfig) as wrong:
            load(file)

        lines = wrong.value.message.splitlines()
        assert [f":{line}:" in said for line, said in zip((1, 2, 4), lines, strict=True)] == [True] * 3

    def test_many_clients_of_servers_that_there_are_not(self) -> None:
        """The nearest name is looked for as often as it is shown: eight times the tables are eight times the work."""

        def complain(many: int) -> None:
            text = "".join(f"[server.s{at}]\n[client.c{at}]\nserver = 't{at}'\n" for at in range(many))
            with pytest.raises(BadConfig, match=r"and .* more"):
                load_text(text)

        assert steps(lambda: complain(800)) < 12 * steps(lambda: complain(100))

    def test_patterns_without_end(self) -> None:
        """Each is held against every address of the project."""
        load_text(f"[server.a]\nhosts = {json.dumps([f'*{at}' for at in range(200)])}")
        with pytest.raises(BadConfig, match=r"server: more than 200 hosts with `\*`"):
            load_text(f"[server.a]\nhosts = {json.dumps([f'*{at}' for at in range(201)])}")

    def test_a_file_that_is_something_else(self, project: Path) -> None:
        """Hundreds of unknown keys are cut."""
        file = project / "poolcheck.toml"
        file.write_text("\n".join(f"key{number} = 1" for number in range(300)))

        with pytest.raises(BadConfig, match="and 280 more"):
            load(file)

    @pytest.mark.parametrize(
        "text", ["[" * 100_000, "a = " + "[" * 100_000, "a = " + "9" * 100_000, "a." * 50_000 + "a = 1"]
    )
    def test_what_toml_itself_gives_up_on(self, project: Path, text: str) -> None:
        """Nested without end, a number without end, a key without end: a sentence, and no bug of ours."""
        (project / "poolcheck.toml").write_text(text)
        with pytest.raises(BadConfig, match=r"poolcheck\.toml"):
            load(project / "poolcheck.toml")

    def test_control_characters_are_not_printed(self, project: Path) -> None:
        """Keys and values come from a file."""
        file = project / "poolcheck.toml"
        file.write_text('"a\\u001b[31m" = 1\nfail_on = "\\u001b[31mx"\n')

        with pytest.raises(BadConfig) as wrong:
            load(file)
        assert "\x1b" not in wrong.value.message


KEYS = st.sampled_from(
    [
        "runtime",
        "instances",
        "max-connections",
        "surge",
        "select",
        "thresholds",
        "per-path",
        "per_path",
        "server",
        "client",
        "hosts",
        "dsn_env",
        "pool",
        "warn_at",
        "x",
        "a/**",
        "!",
        "",
        "\\",
        "require",
        "driver",
    ]
)
SCALARS = st.one_of(
    st.just(dt.date(2026, 1, 1)), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["25%", "edge", "PC1", "prisma@6", "sums"]),
)  # fmt: skip
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=4),
    lambda inner: st.dictionaries(KEYS, st.one_of(SCALARS, inner, st.lists(SCALARS, max_size=3)), max_size=4),
    max_leaves=8,
)


@given(TABLES)
@settings(max_examples=300, deadline=None)
def test_any_table_is_a_config_or_a_complaint(table: dict[str, Any]) -> None:
    """Never another error; what the loader takes, the schema takes, but for numbers that JSON does not have."""
    said = ""
    try:
        made = checks.build(Config, table, checks.SettingsSource("x.toml", ""))
    except BadConfig as wrong:
        said = wrong.message
    if said:
        assert "x.toml:1: " in said
        return
    assert isinstance(made, Config)
    assert isinstance(made.at("a/b.env"), Config)
    assert Draft7Validator(schema.schema()).is_valid(table)


class TestPerPath:
    """Settings for some paths only."""

    def test_rules_and_runtime(self, project: Path) -> None:
        """Below apps/api the runtime is a server's; below apps/old everything of step 1 is left out and counted."""
        for name in ("web", "api", "old"):
            (project / "apps" / name).mkdir(parents=True)
            (project / "apps" / name / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "poolcheck.toml").write_text(
            '[per-path."apps/api/**"]\nruntime = "server"\n[per-path."apps/old/"]\nignore = ["direct-endpoint-for-app"]\nreason = "to be shut down"\n'
        )

        report = json.loads(poolcheck("lint", "--format", "json").stdout)

        assert [each["location"]["path"] for each in report["findings"] if each["rule"] == "PC101"] == [
            "apps/web/.env"
        ]
        assert [each["location"]["path"] for each in report["suppressed"]] == ["apps/old/.env"]
        kinds = {each["path"]: each["runtime"] for each in report["context"]["packages"]}
        assert kinds["apps/api"] == "server"

    def test_paths_are_relative_to_the_file(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same verdict from a folder below."""
        (project / "apps").mkdir()
        (project / "apps" / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (project / "poolcheck.toml").write_text('[per-path."apps/**"]\nignore = ["PC1"]\n')

        assert poolcheck("lint").exit_code == 0
        monkeypatch.chdir(project / "apps")
        assert poolcheck("lint").exit_code == 0
        assert poolcheck("lint", "--isolated").exit_code == 1

    def test_a_later_table_wins(self) -> None:
        """As the file is read."""
        config = Config(
            per_path=(
                load_text(
                    '[per-path."**"]\nruntime = "server"\n[per-path."b/**"]\nruntime = "edge"\n'
                ).per_path
            )
        )

        assert config.at("a/.env").runtime == "server"
        assert config.at("b/.env").runtime == "edge"


def load_text(text: str) -> Config:
    """The config that a text says."""
    made: Config = checks.build(Config, tomllib.loads(text), checks.SettingsSource("x.toml", text))
    return made


class TestSchema:
    """The JSON Schema says what the loader does."""

    def test_the_published_file_is_up_to_date(self) -> None:
        """`python -m poolcheck.config.schema` writes it."""
        assert schema.FILE.read_text(encoding="utf-8") == schema.render()

    def test_is_a_schema_and_is_printed(self) -> None:
        """Valid by draft 7's own schema."""
        Draft7Validator.check_schema(schema.schema())
        assert json.loads(poolcheck("config", "--schema").stdout) == schema.schema()

    @pytest.mark.parametrize(
        ("text", "good"),
        [
            ('runtime = "edge"\ninstances = 3\nselect = "PC1"\nignore = ["pc101", "pool-too-large"]', True),
            ('surge = 2\nmax-usage = "70%"\nrequire = ["sums", "live"]', True),
            ('[thresholds]\nwarn-at = 0.5\n[per-path."a/**"]\nruntime = "server"', True),
            ('driver = ["prisma@6.19.3", "@prisma"]', False),
            ("instances = 0", False),
            ("instances = 1.5", False),
            ("instances = true", False),
            ('fail_on = "eror"', False),
            ('fail_on = "error\\n"', False),
            ("surge = '25%%'", False),
            ("unknown = 1", False),
            ("[thresholds]\nwarn_at = 2", False),
            ('[per-path."a"]\nselect = ["PC1"]', False),
            (
                '[server.orders]\nhosts = "*.x"\nmax-connections = 4\ndsn_env = "A_URL"\n[client."a/b"]\nsurge = 2\nserver = "orders"',
                True,
            ),
            ('[server."a b"]', False),
            ("[server.a]\nsource = 'x'", False),
            ('[client.""]', False),
            ('[client."postgres://h/d"]', False),
            ('[server.a]\nhosts = ["postgres://h/d"]', False),
            ('[server.a]\nhosts = ["h:5432"]', False),
            ("[server.a]\ndsn_env = 5", False),
            ('[server.a]\ndsn_env = "$URL"', False),
            ("[server.a]\nname = 'b'", False),
            ("[client.a]\npool = -1", False),
            ("max_usage = 85", False),
            ('ignore = ["not a rule"]', False),
        ],
    )
    def test_agrees_with_the_loader(self, text: str, good: bool) -> None:
        """Whatever one refuses, the other does."""
        by_schema = Draft7Validator(schema.schema()).is_valid(tomllib.loads(text))
        try:
            load_text(text)
            by_loader = True
        except BadConfig:
            by_loader = False

        assert (by_schema, by_loader) == (good, good)


def test_what_each_table_is_matched_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the map of the folder; a name wins over a folder, and a table of nobody is an error with the nearest name."""
    (tmp_path / "compose.yml").write_text(
        "services:\n  db: {image: 'postgres:17'}\n"
        "  web:\n    build: ./web\n    environment: {DATABASE_URL: 'postgresql://a:b@db/app'}\n"
        "  jobs:\n    build: ./web\n    environment: {DATABASE_URL: 'postgresql://a:b@db/app'}\n"
    )
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package.json").write_text('{"dependencies": {"pg": "8.16.3"}}')
    config = tmp_path / "poolcheck.toml"
    monkeypatch.chdir(tmp_path)

    config.write_text("[server.db]\nmax_connections = 200\n[client.web]\ninstances = 4\n")
    said = CliRunner().invoke(cli, ["config"]).stdout
    assert "[server.db] is matched to: db\n" in said
    assert "[client.web] is matched to: web\n" in said

    config.write_text('[client."./web/"]\ninstances = 4\n')
    assert "is matched to: web, jobs" in CliRunner().invoke(cli, ["config"]).stdout

    config.write_text("[client.webb]\ninstances = 4\n")
    wrong = CliRunner().invoke(cli, ["config"])
    assert wrong.exit_code == 2
    assert "client.webb: matches no client" in wrong.output
