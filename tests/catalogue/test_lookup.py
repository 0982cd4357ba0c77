"""The catalogue's files and their loader: every file loads, and every mistake in one gets an exact complaint."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from poolcheck import catalogue
from poolcheck.catalogue import lookup, makers
from poolcheck.catalogue.shelf import Shelf, admits, build, quick_list, quick_tables, quick_word
from poolcheck.errors import CatalogueError
from poolcheck.model.facts import Driver, DriverVersion, Endpoint, Image, Maker, PoolerFacts, Provider, Quirk
from poolcheck.model.project import UNKNOWN_VERSION, Version

FOLDERS = {"providers": Provider, "drivers": Driver, "poolers": PoolerFacts, "images": Image}
ROOT = Path(catalogue.__file__).parent
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.toml"))]
CHECKED = date(2026, 11, 21)


def shelf(folder: str) -> Shelf[Any]:
    """A shelf that has read nothing yet."""
    return Shelf[Any](FOLDERS[folder], ROOT / folder)


def tables(item: Any) -> Iterator[Any]:
    """A dataclass and all that it holds."""
    yield item
    for field in fields(item):
        value = getattr(item, field.name)
        for part in value if isinstance(value, tuple) else ():
            if is_dataclass(part):
                yield from tables(part)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
class TestFile:
    """What holds for every file of both kinds."""

    def test_loads(self, path: Path) -> None:
        """The file is what its dataclass asks for."""
        assert shelf(path.parent.name).load(path.stem).id == path.stem

    def test_dates_are_not_in_the_future(self, path: Path) -> None:
        """Nobody has checked a fact tomorrow."""
        today = datetime.now(tz=UTC).date()
        dated = [
            table for table in tables(shelf(path.parent.name).load(path.stem)) if hasattr(table, "checked")
        ]
        assert [each for each in dated if each.checked > today] == []

    def test_lists_read_from_raw_text_are_the_parsed_ones(self, path: Path) -> None:
        """The short cut that saves the parsing sees what the parser sees."""
        item = shelf(path.parent.name).load(path.stem)
        for key in ("aliases", "suffixes", "prefixes", "packages", "words"):
            assert quick_list(path.read_bytes(), key) == getattr(item, key, ())
        for key in ("makers", "tcp_modules"):
            parts = [tomllib.loads(part.decode())[key] for part in quick_tables(path.read_bytes(), key)]
            assert len(parts) == len(getattr(item, key, ()))
        assert quick_word(path.read_bytes(), "kind") == getattr(item, "kind", "")


@pytest.mark.parametrize("folder", ["providers", "drivers"])
def test_ids_and_aliases_are_unique(folder: str) -> None:
    """A name leads to one file only, however it is written."""
    names = [name.lower() for item in shelf(folder).all() for name in (item.id, *item.aliases)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("pooler", catalogue.poolers(), ids=lambda pooler: pooler.id)
def test_a_pooler_says_each_thing_once(pooler: PoolerFacts) -> None:
    """No two of its settings are the same concept, and the value to advise is none that switches off."""
    concepts = [option.concept for option in pooler.options]
    assert sorted(set(concepts)) == sorted(concepts)
    for option in pooler.options:
        assert option.on not in option.off


def test_a_package_belongs_to_one_driver() -> None:
    """No two drivers claim the same package."""
    packages = [package for driver in catalogue.drivers() for package in driver.packages]
    assert sorted(set(packages)) == sorted(packages)


def test_parameter_names_are_those_of_the_parsed_files() -> None:
    """The names found in raw text are the names that the files define."""
    parsed = {
        param.name for driver in catalogue.drivers() for block in driver.versions for param in block.params
    }
    assert parsed == catalogue.parameter_names()


def test_found_by_id_and_alias_in_any_case() -> None:
    """`--provider Timescale` and `tiger` are the same file."""
    tiger = catalogue.provider("tiger")
    assert tiger is not None
    assert catalogue.provider(" Timescale ") is tiger
    assert catalogue.provider("no such provider") is None
    assert catalogue.driver("no such driver") is None


def test_drivers_for_packages() -> None:
    """Known packages get their driver, others nothing."""
    assert catalogue.drivers_for_packages(["npm:pg", "npm:left-pad"]) == {"npm:pg": "pg"}


# --- versions


@pytest.mark.parametrize(
    ("when", "release", "expected"),
    [
        ("*", (1,), True),
        (">=4,<7", (6, 19, 3), True),
        (">=4,<7", (7,), False),
        (">=4, <7", (4,), True),
        ("==6", (6, 0, 0), True),
        ("==6", (6, 1), False),
        (">6.16", (6, 16, 0), False),
        ("<=6.16", (6, 16), True),
        (">=0.32", (0, 4), False),
    ],
)
def test_admits(when: str, release: tuple[int, ...], expected: bool) -> None:
    """Ranges compare release numbers, not text, and missing parts are 0."""
    assert admits(when, release) is expected


@pytest.mark.parametrize("when", ["^6", "", "6", ">=six", ">=1,"])
def test_a_range_that_cannot_be_read(when: str) -> None:
    """Only the documented grammar is taken."""
    with pytest.raises(CatalogueError, match=r"is none of >=1\.2"):
        admits(when, (1,))


@pytest.mark.parametrize(
    ("driver", "example"),
    [(driver, example) for driver in catalogue.drivers() for example in driver.examples if example.label],
    ids=lambda each: each.id if isinstance(each, Driver) else each.version,
)
def test_the_examples_of_a_driver_pick_their_block(driver: Driver, example: Any) -> None:
    """The version of an example is described by the block it names."""
    release = tuple(int(part) for part in example.version.partition("-")[0].split("."))
    block = catalogue.behaviour(driver.id, Version(example.version, release, exact=True))
    assert block is not None
    assert block.label == example.label


def test_behaviour_of_an_unknown_version_is_not_guessed() -> None:
    """Without a version only a driver that never changed is described."""
    for driver in catalogue.drivers():
        expected = driver.versions[0] if len(driver.versions) == 1 else None
        assert catalogue.behaviour(driver.id, UNKNOWN_VERSION) is expected
    assert catalogue.behaviour("no such driver", Version("1.0", (1, 0), exact=True)) is None


def test_behaviour_of_a_range_holds_for_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`^6.2` may be 6.2 or 6.19: where they differ, nothing is said; where a lock file pins one, that is used."""
    blocks = "".join(
        f'[[versions]]\nwhen = "{when}"\nlabel = "{when}"\nsource = "https://example.com/x"\nchecked = 2026-11-21\n'
        for when in (">=7", ">=6.16", ">=4")
    )
    head = 'title = "X"\nlanguage = "X"\nhomepage = "https://example.com/x"\nkind = "orm"\n'
    (tmp_path / "x.toml").write_text(head + blocks)
    monkeypatch.setattr(lookup, "DRIVERS", Shelf(Driver, tmp_path))

    def label(version: Version) -> str | None:
        block = catalogue.behaviour("x", version)
        return block.label if block else None

    assert label(Version("^6.2.0", (6, 2, 0))) is None
    assert label(Version("^6.17.0", (6, 17, 0))) == ">=6.16"
    assert label(Version("^5.0.0", (5, 0, 0))) == ">=4"
    assert label(Version("6.2.0", (6, 2, 0), exact=True)) == ">=4"
    assert label(Version("3.0.0", (3, 0, 0), exact=True)) is None


# --- complaints


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All types that the catalogue's dataclasses use."""

    source: str
    checked: date
    from_: str
    kind: Literal["a", "b"] = "a"
    count: int | None = None
    ratio: float | None = None
    flag: bool = True
    ports: tuple[int, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    quirks: tuple[Quirk, ...] = ()


GOOD: dict[str, Any] = {"source": "https://example.com/page", "checked": CHECKED, "from": "x"}


def test_build_takes_every_type() -> None:
    """A table becomes a frozen type: arrays tuples, an int a float where one is wanted, `from` the field `from_`."""
    table = GOOD | {
        "kind": "b",
        "count": 1,
        "ratio": 2,
        "flag": False,
        "ports": [1, 2],
        "pairs": [["a", "b"]],
    }
    built = build(Sample, table, "x.toml:")
    assert built == Sample(
        source="https://example.com/page", checked=CHECKED, from_="x", kind="b", count=1, ratio=2.0, flag=False,
        ports=(1, 2), pairs=(("a", "b"),),
    )  # fmt: skip
    assert isinstance(built.ratio, float)


def test_defaults_give_source_and_date_to_those_without() -> None:
    """A list's own defaults come before the file's, and a table's own source before both."""
    defaults = {
        "source": "https://example.com/1",
        "checked": CHECKED,
        "quirks": {"source": "https://example.com/2"},
    }
    quirks = [{"text": "a"}, {"text": "b", "source": "https://example.com/3"}]
    built = build(Sample, {"from": "x", "quirks": quirks}, "x.toml:", defaults)
    assert built.source == "https://example.com/1"
    assert [quirk.source for quirk in built.quirks] == ["https://example.com/2", "https://example.com/3"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "red"}, "x.toml: colour: unknown key. Known keys: "),
        ({"source": None}, "x.toml: source: is missing"),
        ({"kind": "c"}, "x.toml: kind: 'c' is not one of a, b"),
        ({"kind": ["a"]}, "x.toml: kind: \"\\['a'\\]\" is not one of a, b"),
        ({"count": "1"}, "x.toml: count: must be a whole number, not a string"),
        ({"count": True}, "x.toml: count: must be a whole number, not true or false"),
        ({"flag": 1}, "x.toml: flag: must be true or false, not a whole number"),
        ({"checked": "2026-11-21"}, "x.toml: checked: must be a date, not a string"),
        ({"checked": datetime(2026, 11, 21, tzinfo=UTC)}, "x.toml: checked: must be a date, not datetime"),
        ({"ports": 1}, "x.toml: ports: must be a list, not a whole number"),
        ({"ports": [1, "2"]}, "x.toml: ports\\[1\\]: must be a whole number, not a string"),
        ({"pairs": [["a"]]}, "x.toml: pairs\\[0\\]: must have 2 values, not 1"),
        ({"quirks": ["a"]}, "x.toml: quirks\\[0\\]: must be a table, not a string"),
        ({"quirks": [{"text": "a", "checked": CHECKED}]}, "x.toml: quirks\\[0\\].source: is missing"),
        ({"source": "http://example.com"}, "x.toml: source: 'http://example.com' is not an https address"),
        ({"source": "https://example.com/a b"}, "is not an https address"),
        ({"source": "see the docs"}, "is not an https address"),
    ],
)
def test_build_complains(change: dict[str, Any], complaint: str) -> None:
    """Each complaint names the place and the reason."""
    table = {key: value for key, value in (GOOD | change).items() if value is not None}
    with pytest.raises(CatalogueError, match=f"{complaint}"):
        build(Sample, table, "x.toml:")


def test_build_complains_of_patterns_and_ranges() -> None:
    """What is to be compiled later is compiled once while loading."""
    endpoint = {
        "id": "x",
        "kind": "direct",
        "source": "https://example.com/x",
        "checked": CHECKED,
        "host": "(a",
    }
    with pytest.raises(
        CatalogueError, match=r"x.toml: endpoints\[0\].host: '\(a' is not a pattern: missing \)"
    ):
        build(Endpoint, endpoint, "x.toml: endpoints[0]")
    block = {"when": "^6", "source": "https://example.com/x", "checked": CHECKED}
    with pytest.raises(CatalogueError, match=r"x.toml: versions\[0\].when: '\^6' is none of"):
        build(DriverVersion, block, "x.toml: versions[0]")


MAKER: dict[str, Any] = {
    "kind": "x", "title": "x()", "language": "javascript", "calls": [["x", "make"]], "makes": "pool",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"calls": []}, r"makers\[0\].calls: one \[module, name\] at least is wanted"),
        ({"calls": [["x", ""]]}, r"calls\[0\]: \['x', ''\] names nothing to look for"),
        ({"calls": [["*", "default"]]}, "names nothing to look for"),
        ({"overflow": 10}, "overflow: overflow_option is missing"),
        ({"makes": "connection", "size_options": ["max"]}, "size_options: a connection has no size"),
    ],
)
def test_build_complains_of_what_no_reader_could_use(change: dict[str, Any], complaint: str) -> None:
    """A call that is looked for in vain would be overlooked in silence."""
    with pytest.raises(CatalogueError, match=complaint):
        build(Maker, MAKER | change, "x.toml: makers[0]")


def test_two_files_that_claim_the_same_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call makes would depend on the order of the files."""
    folder = tmp_path / "drivers"
    folder.mkdir()
    for kind in ("a", "b"):
        table = f'[[makers]]\nkind = "{kind}"\ntitle = "x"\nlanguage = "python"\nmakes = "pool"\n'
        (folder / f"{kind}.toml").write_text(f'{table}calls = [["x", "pool"]]\n')
    monkeypatch.setattr(makers, "DRIVERS", Shelf(Driver, folder))

    with pytest.raises(CatalogueError, match=r"drivers/b\.toml: python x:pool is in drivers/a\.toml too"):
        makers.makers.__wrapped__()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"title = ", "providers/x.toml: Invalid value"),
        (b"title = '\xff'", "providers/x.toml: 'utf-8' codec"),
        (b"id = 'y'", "providers/x.toml: id is not a key; the file's name is the id"),
        (b"defaults = 1", "providers/x.toml: defaults: a table is wanted, not 1"),
        (
            b"[defaults]\nplan = 'x'",
            "providers/x.toml: defaults: plan is neither source nor checked nor a list",
        ),
        (b"[defaults.limits]\nplan = 'x'", "providers/x.toml: defaults: plan is neither source nor checked"),
        (b"title = 'X'", "providers/x.toml: homepage: is missing"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: bytes, complaint: str) -> None:
    """The file is named in every complaint."""
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "x.toml").write_bytes(text)
    with pytest.raises(CatalogueError, match=f"^{complaint}"):
        Shelf(Provider, folder).load("x")


# --- age and cost


def test_one_host_parses_one_file() -> None:
    """A lint of one string pays for one provider, and for none when nobody knows the host."""
    code = (
        "from poolcheck import catalogue; from poolcheck.catalogue import lookup; from poolcheck.connection.parse import parse\n"
        "for host in ('db.example.com', 'localhost', 'ep-x.us-east-2.aws.neon.tech'):\n"
        "    catalogue.match(parse(f'postgresql://u:p@{host}/app')); print(sorted(lookup.PROVIDERS._built))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]", "['neon']"]


# --- images


@pytest.mark.parametrize("image", catalogue.images(), ids=lambda image: image.id)
def test_images(image: Image) -> None:
    """A file's examples are that image, and no other file claims them; the pooler that it runs is known."""
    for example in image.examples:
        found = catalogue.image(example.name)
        assert (found is image) is example.fits, example.name
    fitting = [example.name for example in image.examples if example.fits]
    assert fitting
    assert image.pooler in ("", "pgbouncer", *(pooler.id for pooler in catalogue.poolers()))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"is": "pooler"}, "pooler: which one it runs is missing"),
        ({"pooler": "pgcat"}, "pooler: not of a server, which has own_defaults"),
        ({"is": "pooler", "pooler": "pgcat", "own_defaults": True}, "own_defaults: not of a pooler"),
        ({"pattern": "("}, "pattern: '\\(' is not a pattern"),
    ],
)
def test_images_that_contradict_themselves(change: dict[str, Any], complaint: str) -> None:
    """Nobody would read the wrong half."""
    table = {
        "id": "x", "title": "X", "homepage": "https://x.example", "words": ["x"], "pattern": "x", "is": "server",
        "source": "https://x.example", "checked": CHECKED, "examples": [],
    }  # fmt: skip
    with pytest.raises(CatalogueError, match=complaint):
        build(Image, table | change, "images/x.toml:")


def test_build_complains_of_everything() -> None:
    """Not of the first only: a new file is right after one run."""
    with pytest.raises(CatalogueError) as wrong:
        build(Sample, GOOD | {"colour": "red", "kind": "c", "quirks": [{"text": 1}]}, "x.toml:")

    assert [line.strip().partition(": ")[2].partition(":")[0] for line in wrong.value.message.splitlines()] == [
        "colour", "kind", "quirks[0].text", "quirks[0].source", "quirks[0].checked",
    ]  # fmt: skip
