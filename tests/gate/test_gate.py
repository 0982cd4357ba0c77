"""The gate as a function: sums, what decides, and what is not known."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poolcheck import catalogue
from poolcheck.capacity import asked
from poolcheck.capacity.measured import measured
from poolcheck.config.file import Settings
from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.gate import conclusion, gate, peak
from poolcheck.live.project_server import NOT_ASKED, Looked
from poolcheck.model import connection_map
from poolcheck.model.amount import exact
from poolcheck.model.connection_map import Client, Map, Pool, Route
from poolcheck.model.context import Context
from poolcheck.model.problem import Location
from poolcheck.model.report import Report, Skipped
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import LiveServer
from poolcheck.model.verdict import Verdict
from poolcheck.rules.pc651_deploy_peak_above_limit import check as rule
from tests.output.sample import FIRST, HOLDS, ODD_PLACE

FENCE = re.compile(r"^```json (bad|good)\n(.*?)^```", re.MULTILINE | re.DOTALL)


URL = "postgresql://app:x@pg.acme.dev/app?connection_limit=5"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Verdict]:
    """A project with one string, and the gate's verdict on it."""

    def judged(
        url: str = URL, driver: str = "prisma@6.19.3", env: str = ".env.production", **given: Any
    ) -> Verdict:
        name, _, version = driver.rpartition("@")
        (tmp_path / env).write_text(f'DATABASE_URL="{url}"\n')
        packages = {name: version, "@prisma/client": version} if name == "prisma" else {name: version}
        (tmp_path / "package.json").write_text(json.dumps({"name": "web", "dependencies": packages}))
        (tmp_path / "fly.toml").write_text('app = "web"\n')
        monkeypatch.chdir(tmp_path)
        numbers = {"max_connections": 100, "instances": 10, "ignore": ("PC104",), **given}
        report = gate.gate(
            gate.GateOptions(), Settings({k: v for k, v in numbers.items() if v is not None}), {}
        )
        (verdict,) = (each for each in report.sections if isinstance(each, Verdict))
        return verdict

    return judged


class TestSums:
    """Instances at the deploy's peak x processes x pool, against what there is."""

    @pytest.mark.parametrize(
        ("given", "peak_instances", "total", "capacity"),
        [
            ({}, 13, 65, 97),
            ({"surge": "0"}, 10, 50, 97),
            ({"surge": "1"}, 11, 55, 97),
            ({"instances": 1}, 2, 10, 97),
            ({"workers": 2, "reserved": 10}, 13, 130, 90),
        ],
    )
    def test_by_hand(
        self,
        project: Callable[..., Verdict],
        given: dict[str, Any],
        peak_instances: int,
        total: int,
        capacity: int,
    ) -> None:
        """Each number as on paper."""
        (made,) = project(**given).sums

        assert (made.instances_peak, made.total, made.capacity) == (peak_instances, total, capacity)

    @pytest.mark.parametrize(
        ("role", "database", "capacity"), [(None, None, 37), (20, 30, 20), (None, 90, 37)]
    )
    def test_the_servers_word_wins(self, role: int | None, database: int | None, capacity: int) -> None:
        """Its own limits, and a role's that is tighter; another host keeps what the config says."""
        seen = LiveServer(max_connections=40, superuser_reserved=3, role_limit=role, database_limit=database)
        told = measured(MAP, {"pg.acme.dev"}, seen)

        assert [row.capacity for row in asked.rows(told)] == [capacity, 97]

    @pytest.mark.parametrize(
        ("given", "asks"),
        [
            ({"instances": None}, "--instances N"),
            ({"max_connections": None}, "--max N"),
            ({"driver": "left-pad@1.0.0"}, "--pool N"),
            ({"driver": "pg@8.16.3"}, "--pool N"),
            ({"url": "postgresql://postgres.abcdefghijklmnopqrst:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=200"}, "--plan NAME"),
        ],
    )  # fmt: skip
    def test_unknown_is_asked_for_and_never_guessed(
        self, project: Callable[..., Verdict], given: dict[str, Any], asks: str
    ) -> None:
        """No verdict of the row, the option that would tell, and no pass: a sum was asked for."""
        verdict = project(**given)

        assert [each.verdict for each in verdict.sums] == ["cannot say"]
        assert any(asks in each for each in verdict.sums[0].unknown)
        assert verdict.outcome == "could not check"
        assert asks in " ".join(verdict.reasons)

    def test_the_smallest_plan_is_enough(self, project: Callable[..., Verdict]) -> None:
        """Whatever the plan is, its pooler takes the 26 clients; and not 20,000."""
        url = "postgresql://postgres.abcdefghijklmnopqrst:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?connection_limit="

        assert [each.verdict for each in project(url=url + "2").sums] == ["fits"]
        assert [each.verdict for each in project(url=url + "2000").sums] == ["does not fit"]

    @pytest.mark.parametrize("env", [".env.example", ".env.test"])
    def test_nobody_deploys_it(self, project: Callable[..., Verdict], env: str) -> None:
        """An example and a test's server have no sum of their own."""
        assert project(env=env).sums == () or env == ".env.example"

    def test_this_machine_is_no_server_of_a_deployment(self, project: Callable[..., Verdict]) -> None:
        """Nobody's night."""
        assert project(url="postgresql://a:b@localhost/x?connection_limit=90").sums == ()

    def test_a_private_host_is_a_deployed_server(self, project: Callable[..., Verdict]) -> None:
        """A service name inside a cluster is no developer's machine."""
        assert project(url=URL.replace("pg.acme.dev", "pg.ledger.svc.cluster.local")).sums

    def test_words_carry_every_number(self, project: Callable[..., Verdict]) -> None:
        """What people read adds up."""
        (made,) = project(workers=2).sums

        assert made.asked == "web (10 + 3) x 2 x 5 = 130"
        assert made.words == "100 asked, 130 at deploy, of 97 usable slots (134 %, limit 85 %)"


def client(name: str, instances: int, processes: int, pool: int, surge: int = 0) -> Client:
    """A workload of a manifest."""
    at = Location(f"{name}.yaml", 9)
    return Client(
        name=name, place=at, instances=exact(instances, f"replicas: {instances}", at), surge=exact(surge, "maxSurge"),
        processes=exact(processes, f"--workers {processes}"), deployed=True,
        pools=(Pool(driver="pg", title="pg.Pool", place=at, size=exact(pool, f"max: {pool}", at), variable="DATABASE_URL"),),
    )  # fmt: skip


def server(name: str, most: int = 100) -> connection_map.Server:
    """A server with its limit in a file."""
    at = Location("db.yaml", 4)
    return connection_map.Server(
        name=name, addresses=(f"{name}:5432",), max_connections=exact(most, f"max_connections={most}", at),
        reserved=exact(3, "3 reserved"),
    )  # fmt: skip


def route(client_: str, server_: str) -> Route:
    """A client's string."""
    at = Location(f"{client_}.yaml", 12)
    return Route(id=client_, variable="DATABASE_URL", place=at, role="app", client=client_, server=server_)


MAP = Map(
    clients=(client("web", 10, 2, 3, 3), client("jobs", 1, 1, 3), client("api", 2, 1, 5)),
    servers=(server("pg.acme.dev"), server("db.acme.dev")),
    routes=(route("web", "pg.acme.dev"), route("jobs", "pg.acme.dev"), route("api", "db.acme.dev")),
)


class TestRows:
    """What the project's own files say of replicas."""

    def test_clients_are_added_up(self) -> None:
        """13 x 2 x 3 + 3 = 81 of 97."""
        made = peak.peaks(asked.rows(MAP), 0.85)[0]

        assert made.asked == "web (10 + 3) x 2 x 3 = 78 + jobs = 3"
        assert made.total == 81
        assert "replicas: 10 (web.yaml:9)" in made.source
        assert made.capacity_words == "max_connections=100 (db.yaml:4) - 3 reserved"
        assert not list(rule.check(made, Context(catalogue=catalogue)))
        (found,) = rule.check(replace(made, limit=0.8), Context(catalogue=catalogue))
        assert found.fix is not None
        assert "largest pools" in found.fix.title

    def test_one_client_gets_its_size(self) -> None:
        """With a single client the size that stays within the limit is named."""
        alone = replace(MAP, clients=MAP.clients[:1], routes=MAP.routes[:1])
        (found,) = rule.check(peak.peaks(asked.rows(alone), 0.5)[0], Context(catalogue=catalogue))

        assert found.fix is not None
        assert found.fix.title == "Give each process 1: 26 x 1 = 26 stays within the limit"


class TestRule:
    """PC651 on sums."""

    @pytest.mark.parametrize(("verdict", "text"), FENCE.findall(rule.doc))
    def test_examples_of_the_page(self, verdict: str, text: str) -> None:
        """The bad one is found, the good one is not."""
        found = list(rule.check(replace(HOLDS, **json.loads(text)), Context(catalogue=catalogue)))

        assert bool(found) == (verdict == "bad")

    def test_no_size_fits(self) -> None:
        """13 processes cannot stay within 85 % of 10 slots."""
        (found,) = rule.check(replace(HOLDS, capacity=10, total=26), Context(catalogue=catalogue))

        assert found.fix is not None
        assert "pooler" in found.fix.title
        assert "16 are refused" in found.why


class TestConclude:
    """What decides."""

    def conclude(self, report: Report, **more: Any) -> tuple[str, ExitCode, tuple[str, ...]]:
        """Outcome, exit code and reasons."""
        options: dict[str, Any] = {
            "sums": (HOLDS,),
            "looked": NOT_ASKED,
            "required": set(),
            "nothing": None,
        }
        verdict, code = conclusion.conclude(report, **{**options, **more})
        return verdict.outcome, code, verdict.reasons

    def test_findings_come_first(self) -> None:
        """A finding is a finding, whatever else could not be looked at."""
        trouble = Looked(words="could not be looked at", trouble=Skipped("the server", "no route"))
        report = Report(command="gate", findings=(FIRST,), skipped=(Skipped("x", "y"),))

        outcome, code, reasons = self.conclude(report, looked=trouble, required={"live"})

        assert (outcome, code) == ("fail", ExitCode.FINDINGS)
        assert reasons == (
            "1 finding at or above error: PC204.",
            "The server could not be looked at: no route.",
        )

    def test_below_the_threshold_passes(self) -> None:
        """A warning with --fail-on error; nothing fails with never."""
        report = Report(command="gate", findings=(ODD_PLACE,))
        assert self.conclude(report)[:2] == ("pass", ExitCode.OK)
        assert self.conclude(replace(report, fail_on=Severity.WARNING))[0] == "fail"
        assert self.conclude(replace(report, findings=(FIRST,), fail_on=None))[0] == "pass"

    def test_optional_trouble_passes_and_required_does_not(self) -> None:
        """An unreachable server is exit code 2 only where it had to be looked at."""
        trouble = Looked(words="could not be looked at", trouble=Skipped("the server", "no route"))
        report = Report(command="gate", skipped=(Skipped("the server", "no route"),))

        assert self.conclude(report, looked=trouble)[1] == ExitCode.OK
        assert self.conclude(report, looked=trouble, required={"live"})[1] == ExitCode.FAILED
        assert self.conclude(report, looked=trouble, required={"all"})[1] == ExitCode.FAILED

    def test_nothing_to_check(self) -> None:
        """Exit code 3; with a server that could not be reached either, 2."""
        nothing = NothingToCheck("no connection string was found")
        report = Report(command="gate")
        assert self.conclude(report, sums=(), nothing=nothing)[1] == ExitCode.NOTHING
        trouble = Looked(words="could not be looked at", trouble=Skipped("the server", "no route"))
        assert self.conclude(report, sums=(), nothing=nothing, looked=trouble)[1] == ExitCode.FAILED

    def test_required_sums(self) -> None:
        """A sum that was not made, and is required."""
        report = Report(
            command="gate", skipped=(Skipped("the sum of X", "how many instances run is not known"),)
        )
        outcome, code, reasons = self.conclude(report, sums=(), required={"sums"})

        assert (outcome, code) == ("could not check", ExitCode.FAILED)
        assert reasons == ("The sums were not made: how many instances run is not known.",)


def test_statistics_count_what_counts_and_what_does_not() -> None:
    """Most findings first; the worst severity of a rule."""
    report = Report(command="gate", findings=(ODD_PLACE, FIRST, FIRST), suppressed=(ODD_PLACE, ODD_PLACE))

    assert conclusion.statistics(report).rows == (
        ("PC204", "pool-too-large", "error", 2, 0),
        ("PC205", "misspelt-parameter", "warning", 1, 2),
    )
