"""Sizing: the golden cases by number, and what must hold for every input."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.capacity import pgbouncer_lines, queueing, sizing_words
from poolcheck.capacity.formulas import (
    deadlock_floor,
    threaded_fleet,
)
from poolcheck.capacity.pool_size import (
    functions,
    pooler,
    recommend,
    share,
)
from poolcheck.errors import BadConfig
from poolcheck.model.sizing import Formula, Inputs, Load, Machine, Share, Sizing, surge
from tests.capacity.queue_oracle import mean_wait, wait_percentile


def size(max_connections: int = 100, instances: int = 10, **rest: Any) -> Sizing:
    """The question of the golden cases: 100 connections, 10 instances, everything else by default."""
    return recommend(Inputs(max_connections=max_connections, instances=instances, **rest))


def load(tps: float, hold_ms: float) -> Load:
    """A load by default shape and target."""
    return Load(tps=tps, hold_ms=hold_ms)


GOLDEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "G01": (
        {},
        {
            "classic": 5, "available": 97, "usable": 92, "max_steady": 9, "max_deploy": 7, "comfort": 5,
            "pool_size": 5, "total_steady": 50, "total_deploy": 65, "status": "ok", "procs": 10, "procs_peak": 13,
        },
    ),
    "G02": ({"surge": "0"}, {"max_deploy": 9, "comfort": 6, "pool_size": 6, "total_steady": 60, "total_deploy": 60}),
    "G03": ({"surge": "100%"}, {"max_deploy": 4, "comfort": 3, "pool_size": 3, "total_steady": 30, "total_deploy": 60}),
    "G04": ({"instances": 20}, {"classic": 0, "max_steady": 4, "max_deploy": 3, "comfort": 2, "pool_size": 2, "total_steady": 40, "total_deploy": 50}),
    "G05": ({"instances": 25}, {"classic": -1, "max_steady": 3, "max_deploy": 2, "comfort": 2, "pool_size": 2, "total_steady": 50, "total_deploy": 64}),
    "G06": ({"max_connections": 200, "instances": 4}, {"classic": 45, "available": 197, "max_steady": 48, "max_deploy": 38, "comfort": 27, "pool_size": 27, "total_steady": 108, "total_deploy": 135}),
    "G07": ({"instances": 1}, {"classic": 95, "max_steady": 92, "max_deploy": 46, "comfort": 33, "pool_size": 33, "total_steady": 33, "total_deploy": 66}),
    "G08": ({"workers": 4}, {"procs": 40, "procs_peak": 52, "max_steady": 2, "max_deploy": 1, "comfort": 1, "pool_size": 1, "total_steady": 40, "total_deploy": 52}),
    "G09": ({"instances": 4, "threads": 1}, {"comfort": 13, "useful": 1, "pool_size": 1, "total_steady": 4, "total_deploy": 5}),
    "G10": ({"instances": 60}, {"comfort": 0, "max_steady": 1, "max_deploy": 1, "pool_size": 1, "total_steady": 60, "total_deploy": 75, "status": "tight"}),
    "G11": ({"instances": 80}, {"max_steady": 1, "max_deploy": 0, "pool_size": 1, "status": "deploy_overflows"}),
    "G12": ({"instances": 93}, {"max_steady": 0, "max_deploy": 0, "pool_size": 0, "status": "needs_pooler"}),
    "G13": ({"max_connections": 50, "reserved": 15}, {"available": 35, "max_steady": 3, "max_deploy": 2, "comfort": 1, "pool_size": 1}),
    "G14": (
        {"max_connections": 104, "reserved": 7},
        {"available": 97, "usable": 92, "max_steady": 9, "max_deploy": 7, "comfort": 5, "pool_size": 5, "total_steady": 50, "total_deploy": 65, "status": "ok"},
    ),
    "G15": ({"load": load(200, 20)}, {"erlangs": 4, "need": 3, "need_shared": 7, "pool_size": 3, "total_steady": 30, "total_deploy": 39, "status": "ok"}),
    "G16": ({"load": load(1000, 20)}, {"erlangs": 20, "need": 5, "need_shared": 25, "pool_size": 5}),
    "G17": ({"instances": 40, "load": load(2000, 10)}, {"need": 3, "need_shared": 25, "max_deploy": 1, "pool_size": 1, "status": "needs_pooler"}),
    "G18": ({"load": load(2000, 50)}, {"erlangs": 100, "need": 14, "need_shared": 125, "usable": 92, "status": "over_capacity"}),
    "G19": ({"load": load(500, 20), "machine": Machine(cores=2, cpu_ms=5)}, {"status": "needs_cpu", "knee": 8, "need": 4}),
    "G20": ({"machine": Machine(cores=4)}, {"knee": 9, "pool_size": 5, "status": "ok"}),
}  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN)
def test_fit_need_and_knee(case: str) -> None:
    """Every number of the case, by name."""
    question, expected = GOLDEN[case]
    answer = size(**question)
    assert {name: getattr(answer, name) for name in expected} == expected


def bounced(max_connections: int, *, knee: int | None = None, **options: Any) -> Sizing:
    """A PgBouncer for one instance, with the need and the knee of the case."""
    base = replace(size(max_connections, 1), knee=knee)
    return pooler(base, **options)


@pytest.mark.parametrize(
    ("case", "options", "expected"),
    [
        ("G21", {"pairs": 6, "reserve_pool": 5}, (10, 10, 90)),
        ("G22", {"processes": 10}, (9, 9, 90)),
        ("G23", {"processes": 13}, (7, 7, 91)),
        ("G24", {"need": 7}, (92, 7, 7)),
        ("G25", {"need": 25, "knee": 9}, (92, 9, 9)),
    ],
)
def test_pooler(case: str, options: dict[str, Any], expected: tuple[int, int, int]) -> None:
    """Largest size, size, server connections at worst."""
    got = bounced(100, **options).pooler
    assert got is not None
    assert (got.largest, got.pool_size, got.worst) == expected, case


def test_g26_more_pools_than_slots() -> None:
    """Sixty pairs on sixty slots: no pool can have one connection."""
    answer = bounced(60, pairs=60)
    assert answer.status == "too_many_pools"
    assert answer.pooler is not None
    assert answer.pooler.pool_size == 0


@pytest.mark.parametrize(
    ("case", "count", "limit", "demand", "refused", "cap"),
    [("G27", 200, 3, 600, 503, 30), ("G28", 240, 5, 1200, 1103, 18), ("G29", 80, 1, 80, 0, 92)],
)
def test_functions(case: str, count: int, limit: int, demand: int, refused: int, cap: int) -> None:
    """What functions ask for, what is refused, and how many fit."""
    got = functions(Inputs(max_connections=100, instances=count), limit).functions
    assert got is not None
    assert (got.demand, got.refused, got.cap) == (demand, refused, cap), case


def service(name: str, peak: int, most: int | None = None) -> Share:
    """A service that is only ever so many processes."""
    return Share(service=name, instances=peak, workers=1, peak=peak, most=most, pool_size=0)


def test_g30_share() -> None:
    """One connection each, then in turn, until the warning line."""
    services = (service("web", 13), service("worker", 5), service("preview", 5), service("cron", 2, 1))
    answer = share(Inputs(max_connections=100, instances=1), services)
    assert {each.service: each.pool_size for each in answer.shares} == {
        "web": 3,
        "worker": 3,
        "preview": 2,
        "cron": 1,
    }
    assert answer.total_deploy == 66


@pytest.mark.parametrize(
    ("case", "servers", "rate", "cv2", "waits", "mean_ms", "p99_ms"),
    [
        ("G34", 5, 80, 1, 0.5541, 27.7, 200.7),
        ("G35", 10, 160, 1, 0.4092, 10.2, 92.8),
        ("G36", 10, 160, 0, 0.4092, 5.1, 46.4),
        ("G37", 1, 12, 1, 0.6, 75, 511.8),
    ],
)
def test_waits(
    case: str, servers: int, rate: float, cv2: float, waits: float, mean_ms: float, p99_ms: float
) -> None:
    """Share that waits, mean and 99th percentile for holds of 50 ms."""
    assert queueing.erlang_c(servers, rate * 0.05) == pytest.approx(waits, abs=5e-5), case
    assert mean_wait(servers, rate, 0.05, cv2) * 1000 == pytest.approx(mean_ms, abs=0.05)
    assert wait_percentile(servers, rate, 0.05, 99, cv2) * 1000 == pytest.approx(p99_ms, abs=0.05)


@pytest.mark.parametrize(
    ("rate", "hold", "target", "expected"),
    [(400, 0.05, 0.05, 25), (400, 0.05, 0.01, 29), (1000, 0.005, 0.01, 7), (33.33, 0.24, 0.24, 12)],
)
def test_g38_need(rate: float, hold: float, target: float, expected: int) -> None:
    """The least pool for a load and a bearable wait."""
    assert queueing.need(rate, hold, target) == expected


@given(
    st.floats(1, 500),
    st.floats(0.001, 0.5),
    st.floats(0.001, 1),
    st.sampled_from([90.0, 99.0, 99.9]),
    st.sampled_from([0.0, 1.0, 4.0]),
)
def test_need_is_the_least(rate: float, hold: float, target: float, percentile: float, cv2: float) -> None:
    """One connection less, and more arrivals wait longer or the pool is busier than it may be."""
    found = queueing.need(rate, hold, target, percentile, cv2=cv2)

    def enough(servers: int, slack: float) -> bool:  # the two add up in another order
        busy, wait = rate * hold / servers, wait_percentile(servers, rate, hold, percentile, cv2)
        return busy <= queueing.MOST_BUSY * slack and wait <= target * slack

    assert enough(found, 1 + 1e-9)
    assert found == 1 or not enough(found - 1, 1 - 1e-9)


@pytest.mark.parametrize(
    ("servers", "erlangs", "waits"),
    [(1, 0.5, 0.5), (2, 1, 0.3333), (20, 16, 0.2561), (10, 5, 0.0361), (3, 2.5, 0.7022)],
)
def test_g39_erlang_c(servers: int, erlangs: float, waits: float) -> None:
    """Against printed tables."""
    assert queueing.erlang_c(servers, erlangs) == pytest.approx(waits, abs=5e-5)


def test_g42_deadlock_floor() -> None:
    """HikariCP's two examples."""
    assert (deadlock_floor(3, 4), deadlock_floor(8, 3)) == (10, 17)


@pytest.mark.parametrize(("connections", "tps"), [(1, 85), (5, 408), (10, 675), (20, 741)])
def test_g43_throughput(connections: int, tps: int) -> None:
    """Two cores, 2.7 ms of computing, 9.12 ms of being blocked."""
    assert round(queueing.throughput(2, 0.0027, 0.00912, connections)) == tps


def test_g44_threaded_fleet() -> None:
    """GitLab's Puma and Sidekiq."""
    assert (threaded_fleet(8, 4), threaded_fleet(1, 21)) == (112, 31)


# --- for every input --------------------------------------------------------------------------------------------

PATIENT = settings(deadline=None)  # a busy machine is no failure

inputs = st.builds(
    Inputs,
    max_connections=st.integers(20, 2000),
    instances=st.integers(1, 300),
    reserved=st.integers(0, 10),
    others=st.integers(0, 5),
    buffer=st.integers(0, 20),
    workers=st.integers(1, 8),
    surge=st.sampled_from(["0", "1", "3", "25%", "50%", "100%"]),
    threads=st.none() | st.integers(1, 20),
    warn_at=st.sampled_from([0.5, 0.7, 0.85, 1.0]),
    load=st.none() | st.builds(Load, tps=st.floats(0.1, 5000), hold_ms=st.floats(0.1, 500), cv2=st.floats(0, 5)),
    machine=st.none() | st.builds(Machine, cores=st.integers(1, 64), cpu_ms=st.none() | st.floats(0.1, 50)),
)  # fmt: skip


@settings(PATIENT)
@given(inputs)
def test_never_over_the_slots(asked: Inputs) -> None:
    """What works fits with the buffer kept, also while a deploy runs; nothing is ever negative."""
    answer = recommend(asked)
    assert answer.pool_size >= 0
    assert answer.max_deploy <= answer.max_steady
    assert answer.total_steady <= answer.usable
    if answer.works:
        assert answer.pool_size >= 1
        assert answer.total_deploy <= answer.usable
    if answer.status == "ok":
        assert answer.total_deploy <= answer.warn_line


@settings(PATIENT)
@given(inputs, st.integers(1, 500))
def test_more_slots_never_give_less(asked: Inputs, more: int) -> None:
    """Monotonic in max_connections."""
    assert (
        recommend(replace(asked, max_connections=asked.max_connections + more)).pool_size
        >= recommend(asked).pool_size
    )


@settings(PATIENT)
@given(inputs.filter(lambda asked: asked.load is None), st.integers(1, 100))
def test_more_instances_never_give_more(asked: Inputs, more: int) -> None:
    """Monotonic in instances, when the load is not known (with a load each instance gets a smaller part of it)."""
    assert recommend(replace(asked, instances=asked.instances + more)).pool_size <= recommend(asked).pool_size


@settings(PATIENT)
@given(inputs)
def test_a_shared_pool_never_needs_more_than_private_ones(asked: Inputs) -> None:
    """Splitting costs connections, never saves them."""
    answer = recommend(asked)
    if answer.need is not None and answer.need_shared is not None:
        assert answer.need_shared <= answer.need * answer.procs
        assert answer.erlangs is not None
        assert answer.need_shared >= answer.erlangs


@settings(PATIENT)
@given(inputs, st.integers(1, 8), st.integers(1, 8), st.integers(0, 5))
def test_poolers_never_open_more_than_the_slots(
    asked: Inputs, pairs: int, processes: int, reserve: int
) -> None:
    """Every pool and every reserve full: still inside the usable slots."""
    got = pooler(recommend(asked), pairs=pairs, processes=processes, reserve_pool=reserve).pooler
    assert got is not None
    assert got.worst <= recommend(asked).usable


@settings(PATIENT)
@given(
    inputs.filter(lambda asked: asked.load is None),
    st.lists(st.tuples(st.integers(1, 20), st.none() | st.integers(1, 5)), min_size=1, max_size=6),
)
def test_shares_fit_and_are_fair(asked: Inputs, parts: list[tuple[int, int | None]]) -> None:
    """Within the warning line where one each fits there; nobody more than one ahead, but for its own cap."""
    services = tuple(service(f"s{number}", peak, most) for number, (peak, most) in enumerate(parts))
    answer = share(asked, services)
    if answer.status == "ok":
        assert answer.total_deploy <= answer.warn_line
    uncapped = [each.pool_size for each in answer.shares if each.most is None or each.pool_size < each.most]
    if uncapped:
        assert max(each.pool_size for each in answer.shares) - min(uncapped) <= 1


@settings(PATIENT, max_examples=25)
@given(st.floats(1, 500), st.floats(0.001, 0.2), st.integers(2, 8))
def test_batches_need_at_least_as_much(rate: float, hold: float, batch: int) -> None:
    """The formula is the hopeful case; five arrivals in a hundred are left to chance."""
    if rate * hold > 30:
        return
    single = queueing.need(rate, hold, hold, 95)
    assert queueing.need(rate, hold, hold, 95, batch=batch) >= single - 1


# --- what cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"instances": 0}, "--instances must be at least 1"),
        ({"max_connections": 0}, "--max must be at least 1"),
        ({"max_connections": 300_000}, "PostgreSQL's own limit"),
        ({"max_connections": 3}, "no slot is left for the app: 3 - 3 reserved"),
        ({"max_connections": 10, "others": 8}, "10 - 3 reserved - 8 for others = -1"),
        ({"reserved": -1}, "--reserved cannot be negative"),
        ({"others": -1}, "--others cannot be negative"),
        ({"buffer": -1}, "--buffer cannot be negative"),
        ({"workers": 0}, "--workers must be at least 1"),
        ({"threads": 0}, "--threads must be at least 1"),
        ({"fanout": 0}, "--fanout must be at least 1"),
        ({"warn_at": 0}, "--warn-at is a share"),
        ({"warn_at": 1.5}, "--warn-at is a share"),
        ({"surge": "lots"}, "--surge is a share or a count"),
        ({"surge": "-5"}, "--surge is a share or a count"),
        ({"load": Load(tps=0, hold_ms=5)}, "--tps must be above 0"),
        ({"load": Load(tps=5, hold_ms=-5)}, "--hold-ms must be above 0"),
        ({"load": Load(tps=float("nan"), hold_ms=5)}, "--tps must be above 0"),
        ({"load": Load(tps=5, hold_ms=float("inf"))}, "--hold-ms must be above 0"),
        ({"load": Load(tps=5, hold_ms=5, percentile=100)}, "--percentile must be above 0 and below 100"),
        ({"load": Load(tps=5, hold_ms=5, wait_ms=-1)}, "--wait-ms cannot be negative"),
        ({"load": Load(tps=5, hold_ms=5, cv2=-1)}, "--cv2 cannot be negative"),
        ({"load": Load(tps=1e9, hold_ms=1e6)}, "more than PostgreSQL can have"),
        ({"machine": Machine(cores=0)}, "--cores must be at least 1"),
        ({"machine": Machine(cores=1, cpu_ms=0)}, "--cpu-ms must be above 0"),
        ({"machine": Machine(cores=1, spindles=-1)}, "--spindles cannot be negative"),
    ],
)
def test_wrong_numbers_are_named(wrong: dict[str, Any], words: str) -> None:
    """With the option that holds them."""
    with pytest.raises(BadConfig) as caught:
        size(**wrong)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("instances", "text", "extra"),
    [(10, "25%", 3), (4, "25%", 1), (10, "0", 0), (10, "2", 2), (10, "100%", 10), (1, "25%", 1)],
)
def test_surge(instances: int, text: str, extra: int) -> None:
    """A share is rounded up, as Kubernetes does."""
    assert surge(instances, text) == extra


# --- the classic formula ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instances", "classic", "verdict", "status"),
    [
        (1, 95, "would refuse", "deploy_overflows"),
        (4, 20, "would refuse", "deploy_overflows"),
        (8, 7, "passes the warning line", "tight"),
        (10, 5, "same", "ok"),
        (12, 3, "leaves slots unused", "ok"),
        (17, 0, "not usable", "over_capacity"),
        (25, -1, "not usable", "over_capacity"),
        (93, -4, "not usable", "needs_pooler"),
    ],
)
def test_classic_value_and_what_it_earns(instances: int, classic: int, verdict: str, status: str) -> None:
    """The verdict beside the recommended size, and the status when it is the headline."""
    assert (size(instances=instances).classic, size(instances=instances).classic_verdict) == (
        classic,
        verdict,
    )
    headline = size(instances=instances, formula="classic")
    assert (headline.pool_size, headline.status) == (max(0, classic), status)
    assert headline.recommended == size(instances=instances).pool_size


def test_limits_of_role_and_database_count() -> None:
    """The tightest limit decides."""
    assert size(role_limit=10).available == 10
    assert size(role_limit=60, database_limit=40).available == 40
    assert size(role_limit=500).available == 97


# --- in words ----------------------------------------------------------------------------------------------------

FACTOR = r"\d[\d,]*(?: [a-zA-Z,()]+)*"
PRODUCT = re.compile(rf"(?<![\d/.])(?<!\+ )({FACTOR}(?: x {FACTOR})+) = (\d[\d,]*)(?![\d.])")
DIFFERENCE = re.compile(r"(\d+) = (\d+) [a-z_]+(?: \([^)]*\))?((?: - \d+(?: [a-z]+)*)+)")


def as_number(text: str) -> int:
    """The digits at the start."""
    found = re.match(r"[\d,]+", text)
    assert found
    return int(found.group().replace(",", ""))


def check_sums(lines: Iterable[str]) -> int:
    """Every product and every difference is right; gives how many there were."""
    count = 0
    for line in lines:
        for match in PRODUCT.finditer(line):
            product = 1
            for factor in match[1].split(" x "):
                product *= as_number(factor)
            assert product == as_number(match[2]), line
            count += 1
        for match in DIFFERENCE.finditer(line):
            less = sum(int(each) for each in re.findall(r" - (\d+)", match[3]))
            assert int(match[2]) - less == int(match[1]), line
            count += 1
    return count


def words_of(sizing: Sizing) -> list[str]:
    """All sentences; a verdict and advice exactly where something is not fine."""
    assert sizing_words.headline(sizing)
    assert bool(sizing_words.verdict(sizing)) == (sizing.status != "ok")
    assert bool(sizing_words.advice(sizing)) == (sizing.status != "ok")
    return [
        sizing_words.verdict(sizing),
        *(sizing_words.verdict(sizing, each) for each in sizing.also),
        *sizing_words.sums(sizing),
        sizing_words.memory(sizing),
        sizing_words.unchecked(sizing),
    ]


@settings(PATIENT, max_examples=300)
@given(inputs, st.sampled_from(["poolcheck", "classic"]))
def test_every_sum_in_words_is_right(asked: Inputs, formula: Formula) -> None:
    """For any numbers: what is printed adds up."""
    assert check_sums(words_of(recommend(replace(asked, formula=formula)))) >= 1


@settings(PATIENT)
@given(inputs, st.integers(1, 8), st.integers(1, 4), st.integers(0, 5), st.integers(1, 30))
def test_every_sum_of_a_pooler_is_right(
    asked: Inputs, pairs: int, processes: int, reserve: int, clients: int
) -> None:
    """And its file names the same sizes."""
    made = pooler(
        recommend(asked), pairs=pairs, processes=processes, reserve_pool=reserve, client_pool=clients
    )
    check_sums(words_of(made))
    assert made.pooler is not None
    ini = pgbouncer_lines.render(made)
    assert bool(ini) == (made.pooler.pool_size > 0)
    if ini:
        assert f"\ndefault_pool_size = {made.pooler.pool_size}\n" in ini
        assert not [
            line for line in ini.splitlines() if not re.fullmatch(r"|;.*|\[\w+\]|[\w*]+ =( .*)?", line)
        ]


@settings(PATIENT)
@given(inputs, st.integers(1, 20))
def test_every_sum_of_functions_is_right(asked: Inputs, limit: int) -> None:
    """Demand, refusals, cap."""
    made = functions(asked, limit)
    check_sums(words_of(made))
    assert made.functions is not None
    assert made.functions.cap * limit <= made.usable


@settings(PATIENT)
@given(
    inputs.filter(lambda asked: asked.load is None),
    st.lists(st.tuples(st.integers(1, 20), st.none() | st.integers(1, 5)), min_size=1, max_size=6),
)
def test_every_sum_of_services_is_right(asked: Inputs, parts: list[tuple[int, int | None]]) -> None:
    """One line a service, and all of them."""
    services = tuple(service(f"s{number}", peak, most) for number, (peak, most) in enumerate(parts))
    assert check_sums(words_of(share(asked, services))) >= len(parts)


def test_a_pool_is_never_below_what_the_load_keeps_busy() -> None:
    """The rule of thumb for cores gives way to a load that proves it wrong; a real lack of CPU does not."""
    busy = size(load=load(1000, 20), machine=Machine(cores=4))
    made = pooler(busy)
    assert made.pooler is not None
    assert busy.knee == 9
    assert (made.pooler.pool_size, made.pooler.need) == (25, 25)
    assert any("rule of thumb" in line for line in sizing_words.sums(made))
    starved = pooler(size(load=load(1000, 20), machine=Machine(cores=4, cpu_ms=5)))
    assert starved.status == "needs_cpu"
    assert starved.pooler is not None
    assert starved.pooler.pool_size == starved.knee == 16


@settings(PATIENT)
@given(inputs.filter(lambda asked: asked.load is not None), st.integers(1, 4), st.integers(1, 3))
def test_a_pooler_that_works_keeps_up(asked: Inputs, pairs: int, processes: int) -> None:
    """All pools together are more than the load keeps busy."""
    made = pooler(recommend(asked), pairs=pairs, processes=processes)
    assert made.erlangs is not None
    assert made.pooler is not None
    if made.works:
        assert made.pooler.pool_size * pairs * processes * queueing.MOST_BUSY >= made.erlangs - 1e-6
