"""The gate as a function: sums, what decides, and what is not known."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from poolcheck import catalogue
from poolcheck.connection.parse import parse
from poolcheck.errors import ExitCode, NothingToCheck
from poolcheck.gate import conclusion, peak
from poolcheck.gate.measured import NOT_ASKED, Looked
from poolcheck.model.context import Context, Numbers
from poolcheck.model.fleet import Amount, Fleet, Member
from poolcheck.model.problem import Location
from poolcheck.model.project import DriverUse, Package, Version
from poolcheck.model.report import Report, Skipped
from poolcheck.model.severity import Severity
from poolcheck.model.snapshot import Server
from poolcheck.model.target import Target
from poolcheck.model.verdict import PeakSum
from poolcheck.rules.pc651_deploy_peak_above_limit import check as rule
from tests.output.sample import FIRST, HOLDS, ODD_PLACE

PRISMA = DriverUse("prisma", Version("6.19.3", (6, 19, 3), exact=True), "package.json")
PG = DriverUse("pg", Version("8.16.3", (8, 16, 3), exact=True), "package.json")
NUMBERS = Numbers(max_connections=100, instances=10)
FENCE = re.compile(r"^```json (bad|good)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def target(url: str, *drivers: DriverUse, **more: Any) -> Target:
    """An app string of a project with these drivers."""
    conn = parse(url)
    plain = Target(
        name="DATABASE_URL", conn=conn, location=Location(".env", 1, 1), role="app", match=catalogue.match(conn),
        package=Package(drivers=drivers), raw=url,
    )  # fmt: skip
    return replace(plain, **more)


def sums(
    one: Target, numbers: Numbers = NUMBERS, **more: Any
) -> tuple[tuple[PeakSum, ...], tuple[Skipped, ...]]:
    """The sums of one string."""
    options: dict[str, Any] = {"limit": 0.85, "pool": None, **more}
    return peak.peaks([one], Context(catalogue=catalogue, numbers=numbers), **options)


URL = "postgresql://app:x@pg.acme.dev/app?connection_limit=5"


class TestSums:
    """Instances at the deploy's peak x processes x pool, against what there is."""

    @pytest.mark.parametrize(
        ("numbers", "peak_instances", "total", "capacity"),
        [
            (NUMBERS, 13, 65, 97),
            (replace(NUMBERS, surge="0"), 10, 50, 97),
            (replace(NUMBERS, surge="1"), 11, 55, 97),
            (replace(NUMBERS, instances=1), 2, 10, 97),
            (replace(NUMBERS, workers=2, reserved=10), 13, 130, 90),
        ],
    )
    def test_by_hand(self, numbers: Numbers, peak_instances: int, total: int, capacity: int) -> None:
        """Each number as on paper."""
        (made,), skipped = sums(target(URL, PRISMA), numbers)

        assert (made.instances_peak, made.total, made.capacity, skipped) == (
            peak_instances,
            total,
            capacity,
            (),
        )

    def test_the_server_wins_over_the_config_where_it_is_that_server(self) -> None:
        """Its own limits, and a role's that is tighter; another host keeps the config's number."""
        free = Server(max_connections=40, superuser_reserved=3)

        def capacity(server: Server, url: str = URL) -> int:
            seen = peak.MeasuredLimits(hosts=frozenset({"pg.acme.dev"}), server=server)
            return sums(target(url, PRISMA), server=seen)[0][0].capacity

        assert capacity(free) == 37
        assert capacity(replace(free, role_limit=20, database_limit=30)) == 20
        assert capacity(replace(free, database_limit=90)) == 37
        assert capacity(free, URL.replace("pg.", "db.")) == 97

    @pytest.mark.parametrize(
        ("one", "numbers", "why"),
        [
            (target(URL, PRISMA), replace(NUMBERS, instances=None), "how many instances"),
            (target(URL, PRISMA), replace(NUMBERS, max_connections=None), "max_connections is not known"),
            (target(URL), NUMBERS, "which driver reads it is not known"),
            (target(URL, PG), NUMBERS, "is set in code"),
            (target(URL, PRISMA, role="migration"), NUMBERS, "no connection string of a deployed app"),
            (target(URL, PRISMA, example_file=True), NUMBERS, "no connection string of a deployed app"),
            (
                target("postgresql://a:b@localhost/x", PRISMA),
                NUMBERS,
                "no connection string of a deployed app",
            ),
            (
                target(
                    "postgresql://postgres.abcdefghijklmnopqrst:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?connection_limit=2",
                    PRISMA,
                ),
                NUMBERS,
                "how many clients its pooler takes",
            ),
        ],
    )
    def test_unknown_is_skipped_and_never_guessed(self, one: Target, numbers: Numbers, why: str) -> None:
        """No sum, and the reason."""
        made, skipped = sums(one, numbers)

        assert made == ()
        assert why in skipped[0].why

    def test_a_private_host_is_a_deployed_server(self) -> None:
        """A service name inside a cluster is no developer's machine."""
        assert sums(target(URL.replace("pg.acme.dev", "pg.ledger.svc.cluster.local"), PRISMA))[0]

    def test_words_carry_every_number(self) -> None:
        """What people read adds up."""
        (made,), _ = sums(target(URL, PRISMA), replace(NUMBERS, workers=2))

        assert made.words == (
            "13 instances while a deploy runs (10 + 3) x 2 processes x 5 = 130 of 97 usable slots (134 %, limit 85 %)"
        )


class TestFleets:
    """What the project's own files say of replicas."""

    WEB = Member(
        name="web", location=Location("web.yaml", 9, 1), instances=Amount(10, "replicas: 10", Location("web.yaml", 9)),
        workers=Amount(2, "--workers 2"), pool=Amount(3, "connection_limit=3"), surge=3,
    )  # fmt: skip
    JOBS = replace(
        WEB, name="jobs", instances=Amount(1, "replicas: 1"), workers=Amount(1, "1 process"), surge=0
    )
    FLEET = Fleet(
        name="db", location=Location("web.yaml", 9, 1), members=(WEB, JOBS),
        limit=Amount(100, "max_connections=100", Location("db.yaml", 4)), reserved=3, against="slots",
    )  # fmt: skip

    def test_services_are_added_up(self) -> None:
        """13 x 2 x 3 + 3 = 81 of 97."""
        made = peak.of_fleet(self.FLEET, 0.85)

        assert made.words == "web 13 x 2 x 3 + jobs 3 = 81 of 97 usable slots (84 %, limit 85 %)"
        assert "replicas: 10 (web.yaml:9)" in made.source
        assert made.capacity_words == "max_connections=100 (db.yaml:4) - 3 reserved"
        assert not list(rule.check(made, Context(catalogue=catalogue)))
        (found,) = rule.check(replace(made, limit=0.8), Context(catalogue=catalogue))
        assert found.fix is not None
        assert "largest pools" in found.fix.title

    def test_one_service_gets_its_size(self) -> None:
        """With a single service the size that stays within the limit is named."""
        made = peak.of_fleet(replace(self.FLEET, members=(self.WEB,)), 0.5)

        (found,) = rule.check(made, Context(catalogue=catalogue))
        assert found.fix is not None
        assert found.fix.title == "Give each process 1: 26 x 1 = 26 stays within the limit"

    def test_no_instances_are_missed_where_files_tell_them(self) -> None:
        """The string's own sum is not asked for then."""
        nobody = replace(NUMBERS, instances=None)

        made, skipped = sums(target(URL, PRISMA), nobody, fleets=[self.FLEET])
        assert ([each.name for each in made], skipped) == (["db"], ())
        made, _ = sums(target(URL, PRISMA), NUMBERS, fleets=[self.FLEET])
        assert [each.name for each in made] == ["db", "DATABASE_URL"]


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
