"""`poolcheck simulate`: the picture, what would help, the series, bad input."""

import json
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from poolcheck.cli import run
from poolcheck.commands import simulate

RAMP = ("--from", "8", "--to", "240", "--in", "90s", "--limit", "5", "--max", "100")
TRAFFIC = ("--rate", "50/s", "--hold-ms", "900", "--limit", "2", "--for", "30s", "--max", "40")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder: no config file."""
    monkeypatch.chdir(tmp_path)


def shown(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> str:
    """What a run prints."""
    assert run(["simulate", *args]) == code, capsys.readouterr()
    return capsys.readouterr().out


def simulated(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> dict[str, Any]:
    """The `simulation` object."""
    found: dict[str, Any] = json.loads(shown(capsys, *args, "--format", "json", code=code))["simulation"]
    return found


def test_ramp_in_words_and_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """The first refusal, the sums, the seconds an alert has, and the picture inside 80 columns of ASCII."""
    out = shown(capsys, *RAMP, "--rate", "2000/m", code=1)
    said = re.sub(r"\s+", " ", out)
    for part in (
        "First refusal 4.66 s in, at instance 20: 1,200 connections wanted, 97 open, 1,103 refused",
        "8 to 240 instances in 90 s x 5 connections = 12.9 new connections per second",
        "20 x 5 = 100 is more than 97 = 100 max_connections - 3 reserved",
        "From 70 % of the slots to the first refusal: 2.3 s; from 85 %: 1.2 s",
        "240 instances, all busy, at 33.33 requests/s means 7.2 s per request",
        "--pool 1",
        "--instances 18",
    ):
        assert part in said
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    picture = [line for line in lines if re.match(r" {0,7}\d* *[|+]", line)]
    assert len(picture) == 16
    limit = next(line for line in picture if line.lstrip().startswith("97 |"))
    assert limit.index("X") < 15
    assert not any("#" in line for line in picture[: picture.index(limit)])
    assert "".join(picture).isascii()


def test_ramp_json_has_the_documented_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """As in the design's record."""
    found = simulated(capsys, *RAMP, code=1)
    assert {
        "first_refusal_seconds", "first_refusal_instance", "wanted", "open", "refused", "peak_instances", "requests",
        "failed", "series",
    } <= set(found)  # fmt: skip
    assert (found["first_refusal_instance"], found["wanted"], found["open"], found["refused"]) == (
        20,
        1200,
        97,
        1103,
    )
    assert found["requests"] is None
    assert set(found["series"][0]) == {
        "t",
        "instances",
        "connections",
        "busy",
        "waiting",
        "refused",
        "failed",
    }


def test_a_ramp_that_fits_is_green(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0."""
    assert "No refusal: 95 connections wanted, and 97 slots" in shown(
        capsys, "--from", "1", "--to", "19", "--in", "1m", "--limit", "5", code=0
    )


def test_traffic_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Failures with their share, what would help with the option that does it."""
    out = shown(capsys, *TRAFFIC, code=1)
    said = re.sub(r"\s+", " ", out)
    assert re.search(r"First refusal [\d.]+ s in, at instance \d+: [\d,]+ connections refused", said)
    assert re.search(r"of [\d,]+ requests failed \(\d+ %\)", said)
    assert "50/s for 30 s, each holding a connection for 900 ms: 45 connections busy" in said
    assert "What would help" in said
    assert re.search(r"pooler with \d+ server connections +0 %", out)
    assert all(len(line) <= 80 for line in out.splitlines())


def test_advice_works_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option of the table, added to the command line, gives the row."""
    found = simulated(capsys, *TRAFFIC, code=1)
    for each in found["helps"]:
        again = simulated(
            capsys, *TRAFFIC, *each["option"].split(), code=1 if each["failed"] or each["throttled"] else 0
        )
        assert (again["failed"], again["throttled"]) == (each["failed"], each["throttled"]), each["option"]


def test_same_seed_same_result(capsys: pytest.CaptureFixture[str]) -> None:
    """And another seed another."""
    assert shown(capsys, *TRAFFIC, code=1) == shown(capsys, *TRAFFIC, code=1)
    assert (
        simulated(capsys, *TRAFFIC, code=1)["requests"]
        != simulated(capsys, *TRAFFIC, "--seed", "2", code=1)["requests"]
    )


def test_series_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """A header, then one moment a line, to the end of the time."""
    lines = shown(capsys, *TRAFFIC, "--format", "csv", code=1).splitlines()
    assert lines[0] == "t,instances,connections,busy,waiting,refused,failed"
    assert len(lines) > 200
    assert float(lines[-1].split(",")[0]) == pytest.approx(30)
    assert all(len(line.split(",")) == 7 for line in lines)


@pytest.mark.parametrize(
    "args", [RAMP, TRAFFIC, (*TRAFFIC, "--pooler", "20")], ids=["ramp", "traffic", "pooler"]
)
def test_svg(capsys: pytest.CaptureFixture[str], args: tuple[str, ...], tmp_path: Path) -> None:
    """A picture beside the report: well-formed, with a title, everything inside its frame."""
    target = tmp_path / "burst.svg"
    assert run(["simulate", *args, "--svg", str(target)]) in (0, 1)
    assert "slots" in capsys.readouterr().out
    root = ET.fromstring(target.read_text(encoding="utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    title = root.find(f"{space}title")
    assert title is not None
    assert title.text
    for line in root.iter(f"{space}polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 760
            assert 0 <= y <= 380


@pytest.mark.parametrize(
    "preset", ["lambda", "vercel", "vercel+attach", "cloud-run", "k8s-hpa", "workers+hyperdrive"]
)
def test_presets(capsys: pytest.CaptureFixture[str], preset: str) -> None:
    """Each runs; options win over it."""
    assert run(["simulate", "--rate", "20/s", "--hold-ms", "200", "--for", "10s", "--preset", preset]) == 0
    assert preset not in capsys.readouterr().err
    found = simulated(
        capsys,
        "--rate",
        "20/s",
        "--hold-ms",
        "200",
        "--for",
        "10s",
        "--preset",
        preset,
        "--limit",
        "3",
        code=0,
    )
    assert found["preset"] == preset
    assert found["inputs"]["limit"] == 3


def test_slots_of_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """From the catalogue."""
    found = simulated(
        capsys,
        "--from",
        "1",
        "--to",
        "5",
        "--in",
        "5s",
        "--limit",
        "5",
        "--provider",
        "neon",
        "--plan",
        "0.25cu",
        code=0,
    )
    assert found["available"] == 97


@pytest.mark.parametrize("width", ["40", "60", "200"])
def test_picture_keeps_to_the_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    """From narrow to wide."""
    monkeypatch.setenv("COLUMNS", width)
    out = shown(capsys, *RAMP, code=1)
    picture = [line for line in out.splitlines() if "#" in line or "|" in line]
    assert all(len(line) <= int(width) for line in picture)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "what shall be simulated?"),
        (["--to", "10"], "how long does the ramp take?"),
        (["--from", "10", "--to", "5", "--in", "1s"], "a ramp grows"),
        (["--from", "-1", "--to", "5", "--in", "1s"], "a ramp grows"),
        (["--from", "5"], "what shall be simulated?"),
        (["--from", "1", "--to", "5", "--in", "0s"], "'0s' is no time"),
        (["--from", "1", "--to", "5", "--in", "soon"], "'soon' is no time"),
        (["--from", "1", "--to", "5", "--in", "9s", "--hold-ms", "5"], "--hold-ms belongs to traffic"),
        (["--from", "1", "--to", "5", "--in", "9s", "--limit", "0"], "--pool must be at least 1"),
        (["--from", "1", "--to", "99999999", "--in", "9s"], "more than any server"),
        (["--from", "1", "--to", "5", "--in", "9s", "--max", "3"], "no slot is left: 3 - 3 reserved"),
        (["--rate", "10/s"], "how long does a request hold its connection?"),
        (["--rate", "10/s", "--hold-ms", "0"], "--hold-ms must be above 0"),
        (["--rate", "10/s", "--hold-ms", "nan"], "--hold-ms must be above 0"),
        (["--rate", "fast", "--hold-ms", "1"], "'fast' is no rate"),
        (["--rate", "0", "--hold-ms", "1"], "'0' is no rate"),
        (["--rate", "1..2..3", "--hold-ms", "1"], "is no rate"),
        (["--rate", "1/s..2/s", "--hold-ms", "1"], "how long does the traffic take to grow?"),
        (["--rate", "9999/s", "--hold-ms", "1", "--for", "1h"], "requests are more than the 200,000"),
        (["--rate", "10/s", "--hold-ms", "1", "--give-up", "1s"], "--give-up needs --retry"),
        (["--rate", "10/s", "--hold-ms", "1", "--max-client-conn", "1"], "--max-client-conn needs --pooler"),
        (["--rate", "10/s", "--hold-ms", "1", "--pooler", "0"], "--pooler must be at least 1"),
        (["--rate", "10/s", "--hold-ms", "1", "--cv2", "-1"], "--cv2 cannot be -1"),
        (["--rate", "10/s", "--hold-ms", "1", "--preset", "mainframe"], "'mainframe' is not one of"),
        (["--rate", "10/s", "--hold-ms", "1", "--from", "3"], "a ramp of instances has an end"),
        (["--rate", "10/s", "--hold-ms", "1", "--svg", "no/such/folder/x.svg"], "cannot write"),
        (["--rate", "10/s", "--hold-ms", "1", "--format", "ini"], "simulate has no format 'ini'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(capsys: pytest.CaptureFixture[str], args: list[str], words: str) -> None:
    """Exit code 2, a message, no report."""
    assert run(["simulate", *args]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


HELP = [
    line.strip()
    for line in (simulate.command.help or "").splitlines()
    if line.strip().startswith("poolcheck simulate")
]


@pytest.mark.parametrize("line", [line for line in HELP if "--pool" in line])
def test_examples_of_the_help_run(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Each gives a report."""
    assert run(shlex.split(line)[1:]) in (0, 1)
    assert capsys.readouterr().out


@pytest.mark.parametrize("burst", [RAMP, TRAFFIC], ids=["ramp", "traffic"])
def test_the_thresholds_of_the_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], burst: tuple[str, ...]
) -> None:
    """Lines at 50 % and 62.5 % are passed earlier than those at 70 % and 85 %, and are named."""
    plain = simulated(capsys, *burst, code=1)
    (tmp_path / "poolcheck.toml").write_text("[thresholds]\nwarn_at = 0.5\ncritical_at = 0.625\n")

    earlier = simulated(capsys, *burst, code=1)
    said = re.sub(r"\s+", " ", shown(capsys, *burst, code=1))

    assert earlier["warn_seconds"] > plain["warn_seconds"]
    assert earlier["critical_seconds"] > plain["critical_seconds"]
    assert (
        f"From 50 % of the slots to the first refusal: {earlier['warn_seconds']:.1f} s; from 62.5 %:" in said
    )
    assert earlier["inputs"]["slots"]["warn_at"] == 0.5


def test_instances_have_an_axis_of_their_own(tmp_path: Path) -> None:
    """At the right, in round numbers; what is drawn against slots are connections."""
    picture = tmp_path / "burst.svg"
    assert run(["simulate", *RAMP, "--svg", str(picture)]) == 1
    text = picture.read_text(encoding="utf-8")

    def numbers(colour: str) -> list[int]:
        return [int(each) for each in re.findall(rf'<text [^>]*fill="{colour}">(\d+)</text>', text)]

    assert numbers("#b7791f") == [0, 50, 100, 150, 200, 250]
    assert numbers("#7b8794") == [0, 20, 40, 60, 80, 100]
    assert "instances (right axis)" in text
