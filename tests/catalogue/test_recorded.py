"""What the catalogue says and what comes of it, recorded: a fact that changes shows in the diff as the verdict it changes.

`pytest tests/catalogue/test_recorded.py --update-golden` writes the records anew (new files too); a person reads them.
The prose that reports print stands in the files alone, and so do sources and days.
"""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from poolcheck import catalogue
from poolcheck.catalogue import conversions, error_texts
from poolcheck.catalogue.lookup import shelves
from poolcheck.config.settings import Config
from poolcheck.connection.parse import parse
from poolcheck.diagnosis.lint import lint
from poolcheck.model.facts import Provider
from tests import told
from tests.rules.projects import Fixed

RECORDED = Path(__file__).parent / "recorded"
PROSE = set(
    """title homepage summary source checked note text means not_means first who why causes cannot steps condition quirks
    raise_limit examples crossings patterns mode_note proof origin pool pool_wait exhausted prepared_error what instead
    unknown_text evidence""".split()
)
ALL = [(Path(shelf.folder).name, item) for shelf in shelves() for item in shelf.all()]


def name(value: Any) -> str:
    return value.id if hasattr(value, "id") else str(value)


def is_prose(value: object) -> bool:
    return isinstance(value, str) and value.endswith(".") and " " in value


def said(item: Any) -> Iterator[str]:
    """What a record of the catalogue says apart from prose, a line for each list or value that it has."""
    for field in fields(item):
        value = getattr(item, field.name)
        if (
            field.name in PROSE
            or is_prose(value)
            or (field.default is not MISSING and value == field.default)
        ):
            continue
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            for part in value:
                yield f"{field.name}: " + "; ".join(said(part))
        elif value and isinstance(value, tuple):
            yield f"{field.name} " + ", ".join(
                " = ".join(each) if isinstance(each, tuple) else str(each) for each in value
            )
        elif value != ():
            yield f"{field.name} {value}"


@pytest.mark.parametrize(("shelf", "item"), ALL, ids=name)
def test_what_a_file_says(shelf: str, item: Any, update_golden: bool) -> None:
    """Each number, flag, name and pattern, once more: one that changes by mistake does not pass unseen."""
    told.holds(RECORDED / f"{shelf}.txt", item.id, "\n".join(said(item)), update=update_golden)


@pytest.mark.parametrize("page", error_texts.error_files(), ids=lambda page: page.id)
def test_what_an_error_text_says(page: Any, update_golden: bool) -> None:
    """Its layer, its step and how it is weighed against others."""
    lines = [f"{error.id}: " + "; ".join(list(said(error))[1:]) for error in page.errors]
    told.holds(RECORDED / "errors.txt", page.id, "\n".join(lines), update=update_golden)


def test_what_is_shared_by_error_texts(update_golden: bool) -> None:
    """Which languages are known, whose statements have such names, and what each layer makes of the five steps."""
    lines = [
        *(
            f"{each.id}: {', '.join(language for language, _ in each.texts)}"
            for each in error_texts.translations()
        ),
        *(f"{pattern.pattern} {driver}" for pattern, driver in error_texts.statement_names()),
        *(f"{page.id}: {' '.join(step.status for step in page.steps)}" for page in error_texts.layers()),
    ]
    told.holds(RECORDED / "errors.txt", "shared", "\n".join(lines), update=update_golden)


def speaks(url: str, name: str, folder: Path) -> str:
    """The rules that speak of a string in the env file of an app without servers, and how loud."""
    (folder / ".env").write_text(f"{name}={url}\n", encoding="utf-8")
    config = Config(runtime="serverless", driver=("prisma@6.19.3", "pg@8.16.3"), fail_on="never")
    found = lint((".env",), Fixed(config)).findings
    return " ".join(f"{each.rule.id}:{each.severity.name.lower()}" for each in found) or "nothing"


@pytest.mark.parametrize("provider", catalogue.providers(), ids=name)
def test_what_comes_of_a_providers_strings(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    """Each example is judged as the app's string and as that of migrations, and turned into each other endpoint."""
    monkeypatch.chdir(tmp_path)
    lines = []
    for example in provider.examples:
        if example.endpoint:
            lines.append(f"{example.endpoint} {example.url}")
            lines.append(f"  app: {speaks(example.url, 'DATABASE_URL', tmp_path)}")
            lines.append(f"  migrations: {speaks(example.url, 'DIRECT_URL', tmp_path)}")
    firsts = {example.endpoint: example.url for example in reversed(provider.examples)}
    for one, other in permutations([end.id for end in provider.endpoints], 2):
        made = conversions.convert(provider, parse(firsts[one]), one, other)
        if made is not None:
            lines.append(f"{one} to {other}: {made.conn.masked() if made.conn else 'by hand'}")
    told.holds(RECORDED / "strings.txt", provider.id, "\n".join(lines), update=update_golden)


def test_every_record_is_of_a_file() -> None:
    """What was said of a file that is gone would stay for ever."""
    ids: dict[str, set[str]] = {"strings": {each.id for each in catalogue.providers()}}
    ids["errors"] = {"shared"} | {page.id for page in error_texts.error_files()}
    for shelf, item in ALL:
        ids.setdefault(shelf, set()).add(item.id)

    assert {path.stem: set(told.chapters(path)) for path in RECORDED.glob("*.txt")} == ids
