"""Golden files: what a format made of the sample report. `python -m tests.output.goldens` writes them anew."""

from collections.abc import Mapping
from pathlib import Path

from poolcheck.output import concise, github, gitlab, junit, markdown, rdjson, sarif
from poolcheck.output.paint import Style
from tests.output.sample import sample

FOLDER = Path(__file__).parent / "golden"
FORMATS: Mapping[str, str] = {
    "sarif.json": sarif.render(sample(), Style()),
    "concise.txt": concise.render(sample(), Style()),
    "rdjson.json": rdjson.render(sample(), Style()),
    "github.txt": github.render(sample(), Style()),
    "gitlab.json": gitlab.render(sample(), Style()),
    "junit.xml": junit.render(sample(), Style()),
    "markdown.md": markdown.render(sample(), Style()),
}


def golden(name: str) -> str:
    """The text of a golden file."""
    return (FOLDER / name).read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    for name, text in FORMATS.items():
        (FOLDER / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")
