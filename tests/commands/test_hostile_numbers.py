"""Any numbers at all: `size` and `simulate` give a report or a complaint, never a crash, and do not hang."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolcheck.cli import run

WHOLE = st.sampled_from(
    ["-1", "0", "1", "2", "3", "7", "97", "100", "1000", "262143", "262144", "10" * 12, "x", ""]
)
REAL = st.sampled_from(["-1", "0", "1e-9", "0.5", "1", "20", "2000", "1e6", "1e300", "inf", "nan", "x"])
TIME = st.sampled_from(["0s", "1ms", "250ms", "10s", "2m", "1h", "999h", "-1s", "s", "1e3"])
RATE = st.sampled_from(
    ["0", "1/h", "5/s", "300/m", "1..50/s", "50/s..1/s", "0..9", "1e9", "..", "5/d", "9" * 30]
)
SURGE = st.sampled_from(["0", "25%", "100%", "999999%", "-1", "%", "3", ""])
SHARE = st.sampled_from(
    ["a=1", "a=1,b=2x3", "a=1x0", "a=999999x9999", "a=5+100%@2", "a", "=", "a=1,a=2", "a=1+@"]
)


def options(**kinds: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Some of these options, each with some value."""
    each = st.fixed_dictionaries({}, optional=kinds)
    return each.map(
        lambda found: [
            word for name, value in found.items() for word in (f"--{name.replace('_', '-')}", value)
        ]
    )


SIZE = options(
    max=WHOLE, instances=WHOLE, workers=WHOLE, reserved=WHOLE, others=WHOLE, buffer=WHOLE, threads=WHOLE, fanout=WHOLE,
    tps=REAL, hold_ms=REAL, cv2=REAL, wait_ms=REAL, percentile=REAL, cores=WHOLE, cpu_ms=REAL, spindles=WHOLE,
    warn_at=REAL, surge=SURGE, pairs=WHOLE, pooler_processes=WHOLE, reserve_pool=WHOLE, limit=WHOLE, share=SHARE,
    runtime=st.sampled_from(["serverless", "server"]), formula=st.sampled_from(["classic", "poolcheck"]),
)  # fmt: skip
SIMULATE = options(
    **{"from": WHOLE, "in": TIME, "for": TIME}, to=WHOLE, rate=RATE, limit=WHOLE, hold_ms=REAL, cv2=REAL, concurrency=WHOLE,
    cold_start=TIME, idle_timeout=TIME, instance_idle=TIME, max_instances=WHOLE, warm=WHOLE, retry=TIME, give_up=TIME,
    pooler=WHOLE, max_client_conn=WHOLE, deploy_at=TIME, seed=WHOLE, max=WHOLE, reserved=WHOLE, others=WHOLE, buffer=WHOLE,
    preset=st.sampled_from(["lambda", "vercel", "cloud-run", "k8s-hpa", "workers+hyperdrive"]),
)  # fmt: skip
MANY = settings(
    max_examples=300, deadline=20_000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@MANY
@given(SIZE, st.sampled_from([[], ["--pooler"]]), st.sampled_from(["text", "json"]))
def test_size(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    args: list[str], pooler: list[str], how: str,
) -> None:  # fmt: skip
    """With --max and --instances most of the time, so that more than the first check is met."""
    monkeypatch.chdir(tmp_path)
    answer = run(["size", "--max", "100", "--instances", "10", *args, *pooler, "--format", how])
    said = capsys.readouterr()
    assert answer in (0, 1, 2)
    assert bool(said.out) == (answer != 2)
    assert bool(said.err) == (answer == 2)


@MANY
@given(
    SIMULATE,
    st.sampled_from([["--to", "20", "--in", "5s"], ["--rate", "20/s", "--hold-ms", "100"], []]),
    st.booleans(),
)
def test_simulate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    args: list[str], base: list[str], eager: bool,
) -> None:  # fmt: skip
    """A ramp, traffic, or whatever the options make of it."""
    monkeypatch.chdir(tmp_path)
    answer = run(["simulate", *base, *args, *(["--eager"] if eager else [])])
    said = capsys.readouterr()
    assert answer in (0, 1, 2)
    assert bool(said.out) == (answer != 2)
    assert bool(said.err) == (answer == 2)
