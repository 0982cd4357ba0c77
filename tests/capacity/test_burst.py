"""Bursts: the golden ramps, the scenarios that were held against real servers, and what must hold for every burst."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.capacity.burst import PRESETS, ramp, traffic
from poolcheck.model.simulation import Ramp, Simulation, Slots, Traffic
from tests.capacity.queue_oracle import mean_wait

SMALL = Slots(max_connections=30, others=1)  # 26 for the app: one superuser is logged in
GROWING = Traffic(
    slots=SMALL, rate_from=4, rate_to=80, ramp_seconds=20, seconds=30, hold=0.4, cv2=1, limit=1, cold_start=0.2
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "reserved", "limit", "instance", "seconds", "wanted", "refused"),
    [
        ("G31", 3, 5, 20, 4.655, 1200, 1103),
        ("G32", 0, 5, 21, 5.043, 1200, 1100),
        ("G33", 3, 1, 98, 34.914, 240, 143),
    ],
)
def test_golden_ramps(
    case: str, reserved: int, limit: int, instance: int, seconds: float, wanted: int, refused: int
) -> None:
    """8 to 240 instances in 90 s on a server of 100: performed for real, right to 0.01 s."""
    got = ramp(Ramp(slots=Slots(reserved=reserved), first=8, last=240, seconds=90, limit=limit))
    assert (got.first_refusal_instance, got.wanted, got.refused) == (instance, wanted, refused), case
    assert got.first_refusal_seconds == pytest.approx(seconds, abs=5e-4)


def test_ramp_leads_and_pace() -> None:
    """Seconds from 70 % and from 85 % to the first refusal, connections per second, Little's law."""
    got = ramp(Ramp(first=8, last=240, seconds=90, limit=5, rate=2000 / 60))
    assert got.connections_per_second == pytest.approx(12.89, abs=0.005)
    assert got.warn_seconds == pytest.approx(2.33, abs=0.005)
    assert got.critical_seconds == pytest.approx(1.16, abs=0.005)
    assert got.implied_seconds == pytest.approx(7.2)


def test_a_ramp_that_fits() -> None:
    """Nothing is refused, and nothing needs help."""
    got = ramp(Ramp(first=1, last=19, seconds=10, limit=5))
    assert (got.refused, got.first_refusal_seconds, got.helps, got.open) == (0, None, (), 95)


def test_a_ramp_that_is_too_much_from_the_start() -> None:
    """The first refusal is at once."""
    got = ramp(Ramp(first=30, last=40, seconds=10, limit=5))
    assert (got.first_refusal_seconds, got.first_refusal_instance) == (0.0, 20)


def ok(got: Simulation) -> int:
    """Requests that were served."""
    return (got.requests or 0) - (got.failed or 0) - (got.throttled or 0)


# Requests, failed, peak instances: this model with this seed. What each run means was validated on real servers.
SCENARIOS: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "A limit 1": ({}, (20, 60)),
    "B eager pools of 3": ({"limit": 3, "eager": True}, (30, 90)),
    "C frozen, and a deploy": ({"frozen": True, "deploy_at": 15.0}, (60, 90)),
    "D the same with idle timers": ({"idle_timeout": 2.0, "deploy_at": 15.0}, (15, 45)),
    "E retries": ({"retry": 0.1, "give_up": 2.0}, (15, 45)),
    "A through a pooler": ({"pooler": 25}, (0, 0)),
}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scenarios(name: str, seed: int) -> None:
    """Percent of requests that fail, in the range that real runs gave; with any seed."""
    change, (low, high) = SCENARIOS[name]
    got = traffic(replace(GROWING, seed=seed, **change), helps=False)
    assert got.requests
    assert low <= 100 * (got.failed or 0) / got.requests <= high


def test_what_the_scenarios_teach() -> None:
    """A pooler loses nothing, at the price of waiting; frozen instances make a deploy an outage; retries multiply."""
    plain, frozen, timers, retries, pooled = (
        traffic(replace(GROWING, **SCENARIOS[name][0]), helps=False)
        for name in (
            "A limit 1",
            "C frozen, and a deploy",
            "D the same with idle timers",
            "E retries",
            "A through a pooler",
        )
    )
    assert pooled.failed == 0
    assert 2 < (pooled.p99 or 0) < 8
    assert (frozen.failed or 0) > 2 * (timers.failed or 0)
    assert retries.peak_instances > 3 * plain.peak_instances
    assert not plain.recovers


def test_the_story() -> None:
    """2,000 requests a minute, eager pools of 5 that try again: an outage; lazy, single or pooled: none at all."""
    story = Traffic(
        rate_from=2000 / 60, rate_to=2000 / 60, seconds=180, hold=0.72, limit=5, eager=True, retry=0.5, give_up=10,
        frozen=True,
    )  # fmt: skip
    got = traffic(story)
    assert (got.failed or 0) > 0.4 * (got.requests or 0)
    assert got.peak_instances > 150
    assert got.first_refusal_seconds is not None
    assert got.first_refusal_seconds < 2
    found = {each.option: each for each in got.helps}
    assert found["--pool 1"].failed == found["without --eager"].failed == 0
    capped = found["--max-instances 18"]
    assert capped.failed == capped.refused == 0
    assert capped.throttled > 1000
    (pooler,) = (each for each in got.helps if each.option.startswith("--pooler"))
    assert pooler.failed == 0
    assert (pooler.p99 or 9) < 1.5


def test_helps_are_the_same_requests_with_one_change() -> None:
    """Running the advised change by itself gives the row's numbers."""
    got = traffic(GROWING)
    pooler = next(each for each in got.helps if each.option.startswith("--pooler"))
    alone = traffic(replace(GROWING, pooler=int(pooler.option.split()[1])), helps=False)
    assert (alone.failed, alone.refused, alone.p99) == (pooler.failed, pooler.refused, pooler.p99)


def test_scaling_limits_turn_requests_away() -> None:
    """A burst of instances, then so many a second."""
    burst = Traffic(rate_from=200, rate_to=200, seconds=10, hold=1, limit=1, scale_burst=20, scale_rate=1.0)
    got = traffic(burst, helps=False)
    assert got.peak_instances <= 20 + 10 + 1
    assert (got.throttled or 0) > 1000
    assert got.refused == 0


def test_clients_beyond_the_poolers_limit_are_refused() -> None:
    """A pooler refuses too: beyond max_client_conn."""
    got = traffic(replace(GROWING, pooler=5, pooler_clients=20), helps=False)
    assert got.refused > 0
    assert got.open == 5


def test_idle_instances_are_removed() -> None:
    """And their connections with them, frozen or not."""
    quiet = Traffic(
        rate_from=20, rate_to=0, ramp_seconds=5, seconds=60, hold=0.5, frozen=True, instance_idle=10
    )
    last = traffic(quiet, helps=False).series[-1]
    assert (last.instances, last.connections) == (0, 0)


def test_requests_wait_for_the_pool_of_their_instance() -> None:
    """Two connections, twenty requests at once: nobody is refused, they queue as in the formula."""
    shared = Traffic(
        rate_from=28, rate_to=28, seconds=2000, hold=0.05, cv2=1, limit=2, concurrency=100_000, cold_start=0, connect=0,
        max_instances=1, idle_timeout=None,
    )  # fmt: skip
    got = traffic(shared, helps=False)
    assert got.open == 2
    mean = mean_wait(2, 28, 0.05)
    assert got.p50 is not None
    assert 0.03 < got.p50 < mean + 0.05


def test_speed() -> None:
    """6,000 requests in 0.2 s; here with room for a busy machine."""
    story = Traffic(rate_from=100 / 3, rate_to=100 / 3, seconds=180, hold=0.72, limit=5)
    best = min(_seconds(story) for _ in range(5))
    assert best < 0.2


def _seconds(asked: Traffic) -> float:
    begun = time.perf_counter()
    traffic(asked, helps=False)
    return time.perf_counter() - begun


# --- for every burst ----------------------------------------------------------------------------------------------

PATIENT = settings(deadline=None)  # a busy machine is no failure

bursts = st.builds(
    Traffic,
    slots=st.builds(Slots, max_connections=st.integers(10, 60), others=st.integers(0, 3)),
    rate_from=st.floats(0.5, 60),
    rate_to=st.floats(0.5, 120),
    ramp_seconds=st.sampled_from([0.0, 2.0, 5.0]),
    seconds=st.floats(1, 8),
    hold=st.floats(0.01, 1.5),
    cv2=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    limit=st.integers(1, 5),
    eager=st.booleans(),
    concurrency=st.integers(1, 4),
    warm=st.integers(0, 5),
    cold_start=st.sampled_from([0.0, 0.2]),
    idle_timeout=st.none() | st.floats(0.05, 3),
    frozen=st.booleans(),
    instance_idle=st.sampled_from([0.5, 3.0, 300.0]),
    max_instances=st.none() | st.integers(1, 40),
    scale_burst=st.none() | st.integers(1, 20),
    scale_rate=st.floats(0, 10),
    retry=st.none() | st.floats(0.05, 1),
    give_up=st.floats(0, 3),
    pooler=st.none() | st.integers(1, 30),
    deploy_at=st.none() | st.floats(0, 4),
    seed=st.integers(0, 10_000),
)


@settings(PATIENT, max_examples=150)
@given(bursts)
def test_what_holds_for_every_burst(asked: Traffic) -> None:
    """Never above the slots; every request ends once; a pooler refuses nobody; the series agrees with the sums."""
    got = traffic(asked, helps=False)
    slots = asked.slots.available
    assert got.open <= slots
    assert all(0 <= point.connections <= slots for point in got.series)
    assert all(0 <= point.busy <= max(point.connections, 0) for point in got.series if asked.pooler is None)
    assert got.requests is not None
    assert 0 <= ok(got) <= got.requests
    if asked.pooler is not None:
        assert got.refused == got.failed == 0
        assert got.open <= asked.pooler
    if got.refused == 0:
        assert got.failed == 0
        assert got.first_refusal_seconds is None
    if asked.limit == 1:
        assert got.open <= got.peak_instances
    if asked.max_instances is not None and asked.max_instances >= asked.warm:
        assert got.peak_instances <= asked.max_instances
    assert [point.t for point in got.series] == sorted(point.t for point in got.series)
    assert got.series[-1].refused <= got.refused


@settings(PATIENT, max_examples=30)
@given(bursts)
def test_the_same_seed_gives_the_same_burst(asked: Traffic) -> None:
    """All of it."""
    assert traffic(asked) == traffic(asked)


@given(st.integers(10, 500), st.integers(0, 50), st.integers(1, 300), st.floats(0.1, 600), st.integers(1, 20))
def test_what_holds_for_every_ramp(most: int, first: int, more: int, seconds: float, limit: int) -> None:
    """Open and refused add up; a higher limit is never refused earlier; never above the slots."""
    asked = Ramp(
        slots=Slots(max_connections=most), first=first, last=first + more, seconds=seconds, limit=limit
    )
    got = ramp(asked)
    assert got.open + got.refused == got.wanted
    assert all(point.connections <= asked.slots.available for point in got.series)
    if got.first_refusal_seconds is not None:
        assert 0 <= got.first_refusal_seconds <= seconds + 1e-9
        later = ramp(replace(asked, slots=Slots(max_connections=most + 50))).first_refusal_seconds
        assert later is None or later >= got.first_refusal_seconds


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run(name: str) -> None:
    """Each is a platform that the model can run."""
    asked = replace(Traffic(rate_from=20, rate_to=20, seconds=10, hold=0.3, limit=2), **PRESETS[name])
    assert traffic(asked, helps=False).requests
