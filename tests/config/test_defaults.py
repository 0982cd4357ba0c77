"""A default is written once, in the settings: pages, help, prose and alerts tell that one, or a test here fails.

One test runs the package with every number of the settings changed: what still tells the old one has it by hand.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from poolcheck import rules
from poolcheck.config import checks
from poolcheck.config.settings import DEFAULTS, SERVER_MAX, SERVER_RESERVED, Config, Thresholds
from poolcheck.config.told import filled
from poolcheck.errors import BadConfig

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "poolcheck"
SETTINGS = PACKAGE / "config" / "settings.py"
LIMITS = {field_.name: getattr(DEFAULTS.thresholds, field_.name) for field_ in fields(DEFAULTS.thresholds)}
SHARES = {"warn_at": DEFAULTS.thresholds.warn_at, "critical_at": DEFAULTS.thresholds.critical_at}
# Where the same digits mean something else: file, and what stands beside them.
FOREIGN = {
    ("poolcheck/rules/_common.py", "alike="),  # how like two names are
    ("poolcheck/capacity/queueing.py", "in the mean"),  # the error of a formula, as measured
    ("poolcheck/rules/pc651_deploy_peak_above_limit.py", '"limit": '),  # a sum that was made with that limit
}


def digits(share: float) -> re.Pattern[str]:
    """`0.70`, `.7`, `70 %` and `70%`."""
    return re.compile(rf"(?<![\d.])(?:0?\.{f'{share:g}'[2:]}0?(?!\d)|{share * 100:g} ?%)")


def prose(doc: str) -> str:
    """A page without its examples and links."""
    return re.sub(r"(?ms)^```.*?^```|https?://\S+", "", doc)


# --- nobody writes the numbers by hand


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_no_share_is_written_twice(path: Path) -> None:
    """Neither of the shares stands in code, comment, help or page."""
    if path == SETTINGS:
        return
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if any(name == file and beside in line for file, beside in FOREIGN):
            continue
        for setting, share in SHARES.items():
            assert not digits(share).search(line), f"{name}:{number} writes {setting} by hand"


@pytest.mark.parametrize("path", sorted((PACKAGE / "rules").glob("pc*.py")), ids=lambda path: path.stem)
def test_no_page_writes_a_threshold_by_hand(path: Path) -> None:
    """A page tells the thresholds that its rule reads by their places, not by their numbers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & LIMITS.keys()
    page = prose(ast.get_docstring(tree) or "")
    for name in read:
        told = {filled(f"{{{name}:{form}}}") for form in ("time", "count", "percent")} - {"1"}
        for text in told:
            assert not re.search(rf"(?<![\d.,]){re.escape(text)}(?![\d.])(?! ms)", page), f"{text}: {name}"


def test_the_rules_fill_every_place() -> None:
    """No page shows a place that is not filled, and some page tells each threshold that grades a finding."""
    raw = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "rules").glob("pc*.py"))
    places = set(re.findall(r"\{(\w+):(?:percent|time|count)\}", raw))

    assert {"warn_at", "critical_at", "min_free", "max_wait_seconds", "idle_in_transaction_count"} <= places
    for rule in rules.load():
        assert not re.search(r"\{\w+:(percent|time|count)\}", rule.doc), rule.id


def test_a_place_without_a_setting() -> None:
    """It is a mistake of whoever writes the page."""
    with pytest.raises(KeyError):
        filled("{no_such_setting:count}")


# --- files that are read by people and by other programs


def test_the_alerts_are_the_thresholds() -> None:
    """The rules for Prometheus say what the thresholds are."""
    text = (ROOT / "examples" / "prometheus-alerts.yml").read_text()
    limits = DEFAULTS.thresholds
    for line in (
        f"poolcheck_slots_used / poolcheck_slots_usable >= {limits.critical_at:.2f}",
        f"poolcheck_slots_usable - poolcheck_slots_used < {limits.min_free}\n",
        f"poolcheck_slots_used / poolcheck_slots_usable >= {limits.warn_at:.2f}\n",
        f"poolcheck_idle_in_transaction_oldest_seconds >= {limits.idle_in_transaction_oldest_seconds}\n",
        f"poolcheck_pool_max_wait_seconds >= {limits.max_wait_critical_seconds:g} or",
        f"poolcheck_pool_clients_waiting > {limits.waiting_sessions}\n",
    ):
        assert line in text, line
    assert len(re.findall(r"(?:>=|<|>) [\d.]*[1-9]", text)) == 6, "a limit that is not compared above"


def test_the_readme_tells_the_defaults() -> None:
    """Its config file, its option and its outputs."""
    text = (ROOT / "README.md").read_text()
    config = next(
        tomllib.loads(block)
        for block in re.findall(r"(?s)```toml\n(.*?)```", text)
        if "[thresholds]" in block
    )

    assert config["thresholds"].items() <= LIMITS.items()
    assert config["max_usage"] == DEFAULTS.max_usage
    assert f"`--max-usage` ({filled('{max_usage:percent}')})" in text
    told = {filled(f"{{{name}:percent}}") for name in ("warn_at", "critical_at", "max_usage")}
    assert set(re.findall(r"(?:the|limit) (\d+ %)(?: line|\))", text)) <= told


# --- with every number changed


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the package says of itself, each default of its settings being another number."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(PACKAGE, folder / "poolcheck", ignore=shutil.ignore_patterns("__pycache__"))
    for path, change in ((SETTINGS, others), (PACKAGE / "model" / "sizing.py", other_fields)):
        copy = folder / path.relative_to(ROOT)
        copy.write_text(change(copy.read_text(encoding="utf-8")))
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "defaults_told.py"],
        cwd=folder, env={"PYTHONPATH": str(folder), "COLUMNS": "100"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def others(source: str) -> str:
    """The settings' source with 0.07, 7 or 7 % added to each default that is a number, and to PostgreSQL's own."""
    lines = source.splitlines(keepends=True)
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "setting":
            first = call.args[0]
            if isinstance(first, ast.Constant) and first.value is not None:
                old, line = ast.get_source_segment(source, first), lines[first.lineno - 1]
                assert old is not None
                lines[first.lineno - 1] = (
                    line[: first.col_offset] + repr(other(first.value)) + line[first.col_offset + len(old) :]
                )
    made = "".join(lines)
    ours = f"SERVER_MAX, SERVER_RESERVED = {SERVER_MAX}, {SERVER_RESERVED}\n"
    assert ours in made
    return made.replace(
        ours, f"SERVER_MAX, SERVER_RESERVED = {other(SERVER_MAX)}, {other(SERVER_RESERVED)}\n"
    )


def other_fields(source: str) -> str:
    """The source of a module of records with another number for each default that is one."""
    lines = source.splitlines(keepends=True)
    for line in ast.walk(ast.parse(source)):
        if isinstance(line, ast.AnnAssign) and isinstance(line.value, ast.Constant):
            value = line.value.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                start, end, text = line.value.col_offset, line.value.end_col_offset, lines[line.lineno - 1]
                new = value - 7.0 if value == 99.0 else other(value)  # a percentile stays below 100
                lines[line.lineno - 1] = f"{text[:start]}{new!r}{text[end:]}"
    return "".join(lines)


def other(value: Any) -> Any:
    """Another number of the same kind; a word stays."""
    if isinstance(value, float):
        return value + 7.0 if value >= 1 else round(value + 0.07, 4)
    if isinstance(value, int):
        return value + 7
    share = re.fullmatch(r"(\d+)%", value)
    return f"{int(share[1]) + 7}%" if share else value


def test_the_settings_are_changed(changed: Any) -> None:
    """Else the tests below compare nothing."""
    assert changed["thresholds"] == {name: other(value) for name, value in LIMITS.items()}
    assert (changed["settings"]["surge"], changed["settings"]["buffer"]) == ("32%", 12)


def test_help_tells_the_defaults(changed: Any) -> None:
    """An option that is a setting shows the setting's default, in every command that has it."""
    known = {**changed["settings"], **changed["thresholds"], "reserved": other(SERVER_RESERVED)}
    seen = set()
    for command, option, told in changed["help"]:
        wanted = known.get(option)
        if option == "max_connections":
            wanted = other(SERVER_MAX)
        if wanted is None or wanted == []:
            continue
        shown = f"{wanted:.2f}" if isinstance(wanted, float) else str(wanted)
        assert re.match(rf"{re.escape(shown)}\b|{re.escape(shown)}$", told), f"{command} --{option}: {told}"
        seen.add(option)
    assert seen >= {
        "surge",
        "workers",
        "reserved",
        "buffer",
        "warn_at",
        "max_usage",
        "max_connections",
        "fail_on",
    }


def test_a_simulation_tells_the_defaults(changed: Any) -> None:
    """Its words name the lines that it was made with."""
    line = next(each for each in changed["simulate"].splitlines() if "to the first refusal" in each)

    assert f"From {other(SHARES['warn_at']) * 100:g} % of the slots" in line


def test_records_start_from_the_defaults(changed: Any) -> None:
    """What sizing, simulating and rules assume where nobody says anything."""
    known = {
        **changed["settings"], **changed["thresholds"],
        "reserved": other(SERVER_RESERVED), "max_connections": other(SERVER_MAX),
    }  # fmt: skip
    seen = set()
    for record, values in changed["records"].items():
        for name, value in values.items():
            if name in known and value is not None:
                assert value == known[name], f"{record}.{name}"
                seen.add(name)
    assert seen >= {"surge", "workers", "reserved", "buffer", "warn_at", "critical_at", "max_connections"}


def test_every_door_of_a_sizing_begins_with_the_same_numbers(changed: Any) -> None:
    """The function, the tool and the command: each parameter that has a default has the records' one."""
    home = changed["sizing"]
    assert (home["fanout"], home["spindles"], home["percentile"]) == (8, 8, 92.0)
    for door, defaults in changed["size"].items():
        for name, value in defaults.items():
            assert value == home[name], f"{door}: {name}"
    assert {name for name, value in home.items() if value is not None and name != "formula"} == set(
        changed["size"]["the function"]
    )
    assert set(changed["size"]["the tool"]) == {"workers", "surge", "reserved", "buffer"}
    assert set(changed["size"]["the function"]) <= set(changed["size"]["the command"])


def test_a_record_is_an_option_as_it_is() -> None:
    """Who embeds poolcheck, as `demo` does, hands over thresholds that are made already."""
    made = Thresholds(idle_seconds=1)

    checks.check_options(Config, {"thresholds": made, "instances": 3})
    with pytest.raises(BadConfig, match="must be a table"):
        checks.check_options(Config, {"thresholds": 3})
