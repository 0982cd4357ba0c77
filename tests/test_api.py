"""`poolcheck.lint`, `look` and `size`: typed, lazy, the same results as the commands, and nothing printed."""

import doctest
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import poolcheck
from poolcheck import api
from poolcheck.cli import cli
from poolcheck.commands.lint import command as lint_command
from poolcheck.config.settings import Config
from poolcheck.errors import NothingToCheck, PoolcheckError
from tests.live.scenes import scene
from tests.servers import Postgres, free_port

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "nextjs-prisma6-neon-direct"
SECRET = "s3cr3t-hunter2"
NEON = f"postgresql://app:{SECRET}@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"


def run(*arguments: str) -> str:
    """What the command prints."""
    return CliRunner().invoke(cli, list(arguments)).stdout


class TestPackage:
    """`import poolcheck` and its names."""

    def test_import_brings_nothing_else(self) -> None:
        """Neither click nor typing: the command line imports the package first."""
        code = "import sys; before = set(sys.modules); import poolcheck; print(sorted(set(sys.modules) - before))"
        done = subprocess.run([sys.executable, "-SIc", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"], capture_output=True, text=True, check=True)  # fmt: skip

        assert done.stdout.strip() == "['poolcheck']"

    @pytest.mark.parametrize("name", poolcheck.__all__)
    def test_public_name_is_there_and_explained(self, name: str) -> None:
        """Every name of __all__ can be had, is listed, and has a docstring."""
        value = getattr(poolcheck, name)

        assert name in dir(poolcheck)
        assert name == "__version__" or (value.__doc__ or "").strip()

    def test_unknown_name_is_an_attribute_error(self) -> None:
        """As in any module."""
        with pytest.raises(AttributeError, match="module 'poolcheck' has no attribute 'lnt'"):
            getattr(poolcheck, "lnt")  # noqa: B009 - mypy would refuse the name

    def test_no_module_takes_the_place_of_a_public_name(self) -> None:
        """`import poolcheck.look` would put a module where the function is."""
        for name in poolcheck.__all__:
            assert not (ROOT / "poolcheck" / f"{name}.py").exists()
            assert not (ROOT / "poolcheck" / name).exists()

    def test_documentation_examples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The examples of poolcheck.api say what happens."""
        monkeypatch.chdir(ROOT)
        result = doctest.testmod(api)

        assert result.attempted > 0
        assert result.failed == 0

    def test_settings_are_those_of_the_file_and_of_the_options(self) -> None:
        """A setting of the library is a setting of poolcheck.toml, and an option of `lint`."""
        options = {parameter.name for parameter in lint_command.params if isinstance(parameter, click.Option)}

        assert set(api.Given.__annotations__) <= set(Config.__dataclass_fields__)
        assert set(api.Given.__annotations__) <= options


class TestLint:
    """`poolcheck.lint`."""

    def test_same_as_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The report is the command's."""
        monkeypatch.chdir(EXAMPLE)

        assert poolcheck.as_dict(poolcheck.lint()) == json.loads(run("lint", "--format", "json"))

    def test_path_or_url_or_several(self, tmp_path: Path) -> None:
        """A Path, a string, a URL, or a list of them."""
        env = tmp_path / ".env"
        env.write_text(f"DATABASE_URL={NEON}\n")

        forms: list[api.Where | list[api.Where]] = [env, str(env), [env], [str(env), tmp_path]]
        for what in forms:
            report = poolcheck.lint(what, driver=["prisma@6"], runtime="serverless")
            assert {finding.rule.id for finding in report.findings} >= {"PC101", "PC203"}
        assert "PC101" in {finding.rule.id for finding in poolcheck.lint(NEON, runtime="edge").findings}

    def test_settings_win_over_the_file(self, tmp_path: Path) -> None:
        """As options do; `isolated` leaves the file out, `config` names another."""
        (tmp_path / ".env").write_text(f"DATABASE_URL={NEON}\n")
        (tmp_path / "poolcheck.toml").write_text('select = ["PC203"]\ndriver = ["prisma@6"]\n')
        other = tmp_path / "other.toml"
        other.write_text('fail_on = "never"\n')

        assert [f.rule.id for f in poolcheck.lint(tmp_path).findings] == ["PC203"]
        assert [f.rule.id for f in poolcheck.lint(tmp_path, select=["PC101"]).findings] == ["PC101"]
        assert "PC101" in {f.rule.id for f in poolcheck.lint(tmp_path, isolated=True).findings}
        assert poolcheck.lint(tmp_path, config=other).code == 0
        assert poolcheck.lint(tmp_path, isolated=True, fail_on="error").code == 1

    def test_what_stops_it_is_raised(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """As a PoolcheckError; a misspelt setting as Python's own TypeError. Nothing is printed."""
        with pytest.raises(NothingToCheck):
            poolcheck.lint(tmp_path, isolated=True)
        with pytest.raises(poolcheck.PoolcheckError, match="runtime"):
            poolcheck.lint(EXAMPLE, runtime="lambda")
        with pytest.raises(TypeError, match="runtme"):
            poolcheck.lint(EXAMPLE, runtme="edge")  # type: ignore[call-arg]  # what a caller may write
        with pytest.raises(TypeError, match="driver takes a list"):
            poolcheck.lint(EXAMPLE, driver="prisma@6")
        assert capfd.readouterr() == ("", "")

    def test_no_secret_in_any_form(self) -> None:
        """Neither in the report's repr nor in its JSON."""
        report = poolcheck.lint(NEON)

        assert SECRET not in repr(report)
        assert SECRET not in json.dumps(poolcheck.as_dict(report))


@pytest.mark.postgres
class TestLook:
    """`poolcheck.look`, at a real server."""

    def test_calm_server(self, postgres: Postgres, capfd: pytest.CaptureFixture[str]) -> None:
        """True numbers, no finding, nothing printed."""
        with scene(postgres):
            report = poolcheck.look(postgres.url("monitor"), isolated=True)
        seen = poolcheck.as_dict(report)

        assert report.findings == ()
        assert report.code == 0
        assert seen["server"]["max_connections"] == 40
        assert seen["slots"] == seen["slots"] | {"usable": 37, "used": 0, "free": 37}
        assert capfd.readouterr() == ("", "")

    def test_crowded_server_and_its_settings(self, postgres: Postgres) -> None:
        """A finding above --fail-on; select and fail_on work as options do."""
        with scene(postgres) as stage:
            stage.open(33, name="web")
            report = poolcheck.look(postgres.url("monitor"), isolated=True)
            never = poolcheck.look(postgres.url("monitor"), isolated=True, fail_on="never", select=["PC7"])

        assert "PC701" in {finding.rule.id for finding in report.findings}
        assert report.code == 1
        assert never.code == 0
        assert {finding.rule.id[:3] for finding in never.findings} == {"PC7"}

    def test_look_is_still_the_function_afterwards(self, postgres: Postgres) -> None:
        """No module that a look imports has taken its place."""
        with scene(postgres):
            poolcheck.look(postgres.url("monitor"), isolated=True)

        assert callable(poolcheck.look)
        assert poolcheck.look is api.look

    def test_unreachable(self) -> None:
        """Nobody listens: a report that says so with code 2, and without the password."""
        report = poolcheck.look(f"postgresql://app:{SECRET}@127.0.0.1:{free_port()}/app", isolated=True)
        seen = poolcheck.as_dict(report)

        assert report.code == 2
        assert report.findings == ()
        assert seen["refusal"]["layer"] == "network"
        assert SECRET not in repr(report) + json.dumps(seen)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("connect_timeout", {"connect_timeout": 0}),
            ("statement_timeout", {"statement_timeout": -1}),
            ("sample", {"sample": -1}),
        ],
    )
    def test_times_out_of_range(self, name: str, arguments: dict[str, float]) -> None:
        """Refused before anything is opened."""
        with pytest.raises(poolcheck.PoolcheckError, match=name):
            poolcheck.look("postgresql://app@127.0.0.1/app", **arguments)  # type: ignore[arg-type]  # floats


class TestSize:
    """`poolcheck.size`."""

    def test_same_as_the_command(self) -> None:
        """Every number of the record but the driver lines, which only the command adds."""
        sizing = poolcheck.size(max_connections=100, instances=10, tps=200, hold_ms=20, cores=4)
        printed = json.loads(
            run("size", "--max=100", "--instances=10", "--tps=200", "--hold-ms=20", "--cores=4", "--isolated", "--format=json")
        )["sizing"]  # fmt: skip

        assert sizing.works
        assert isinstance(sizing, poolcheck.Sizing)
        for name in ("pool_size", "status", "classic", "available", "usable", "max_steady", "max_deploy", "comfort",
                     "total_steady", "total_deploy", "procs", "procs_peak", "erlangs", "need", "need_shared", "knee"):  # fmt: skip
            assert getattr(sizing, name) == printed[name], name

    def test_what_cannot_work_is_an_answer(self) -> None:
        """Too many instances are a status, not an exception."""
        sizing = poolcheck.size(max_connections=100, instances=93)

        assert sizing.status == "needs_pooler"
        assert not sizing.works
        assert sizing.pool_size == 0

    def test_wrong_numbers_are_refused(self) -> None:
        """Out of range, or half of a pair."""
        with pytest.raises(poolcheck.PoolcheckError, match="at least 1"):
            poolcheck.size(max_connections=0, instances=1)
        with pytest.raises(poolcheck.PoolcheckError, match="tps times hold_ms"):
            poolcheck.size(max_connections=100, instances=1, tps=5)
        with pytest.raises(poolcheck.PoolcheckError, match="cpu_ms needs cores"):
            poolcheck.size(max_connections=100, instances=1, cpu_ms=5)

    def test_settings_have_the_defaults_of_the_command(self) -> None:
        """No second set of defaults."""
        assert poolcheck.size(max_connections=100, instances=10) == poolcheck.size(
            max_connections=100,
            instances=10,
            workers=1,
            surge="25%",
            reserved=3,
            others=0,
            buffer=5,
            warn_at=0.7,
        )


class TestNoSecretInErrors:
    """What a program gets to log holds no secret, whichever argument it stood in."""

    DSNS = (f"postgresql://u:{SECRET}@h/d", f"host=h password={SECRET}", f"Host=h;Password={SECRET}")

    @pytest.mark.parametrize("dsn", DSNS)
    def test_every_setting(self, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each setting, each argument, and a setting's name."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.env").write_text("DATABASE_URL=postgresql://a@h/d\n")
        calls: list[Callable[[], object]] = [
            partial(api.lint, "a.env", **{name: value})  # type: ignore[arg-type]  # that is the point
            for name in (*api.Given.__annotations__, dsn)
            for value in (dsn, [dsn])
        ]
        calls += [partial(api.lint, "a.env", config=dsn), partial(api.lint, f"./{dsn}/x")]
        calls += [partial(api.look, dsn, bouncer="mysql" + dsn), partial(api.look, f"mysql{dsn}")]
        calls += [partial(api.size, max_connections=9, instances=1, surge=dsn)]
        met: list[str] = []
        for call in calls:
            try:
                call()
            except (PoolcheckError, TypeError) as error:
                met.append(f"{error}{error!r}{error.args}{vars(error)}")
        assert len(met) > 20
        assert SECRET not in "".join(met)
