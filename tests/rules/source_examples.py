"""Runs an example of source code from a rule's page as a small project."""

import re
from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.diagnosis.lint import lint
from poolcheck.errors import NothingToCheck
from poolcheck.model.report import Report

LANGUAGES = ("typescript", "tsx", "javascript", "python", "sql")
ENDINGS = {"typescript": "ts", "tsx": "tsx", "javascript": "js", "python": "py", "sql": "sql"}
FENCE = re.compile(r"^```(\w+) (bad|good)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^(?://|#|--) file: (\S+)\n", re.MULTILINE)
RUNTIMES = ("serverless", "edge", "server", "local")
URLS = {
    "supabase": "postgresql://postgres.abcdefghijklmnopqrst:s3cret@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
    "direct": "postgresql://postgres:s3cret@db.abcdefghijklmnopqrst.supabase.co:5432/postgres",
}


class Fixed:
    """A config that no file has a say in."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def over(self, start: object) -> Config:  # the start makes no difference
        return self.config


def look(
    text: str, language: str, facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Report | None:
    """Lint the example as a folder. Facts: a runtime, file=PATH, npm=NAME@VERSION,..., pypi=..., url=KIND.

    A line `// file: PATH` begins another file. None: nothing was found that could be checked.
    """
    monkeypatch.chdir(folder)
    name, runtime = f"src/example.{ENDINGS.get(language, 'ts')}", "auto"
    for fact in facts.split():
        key, _, value = fact.partition("=")
        if fact in RUNTIMES:
            runtime = fact
        elif key == "file":
            name = value
        elif key == "npm":
            entries = ", ".join('"{}": "{}"'.format(*each.rsplit("@", 1)) for each in value.split(","))
            (folder / "package.json").write_text(f'{{"dependencies": {{{entries}}}}}')
        elif key == "pypi":
            rows = [each.replace("@", "==") for each in value.split(",")]
            (folder / "requirements.txt").write_text("\n".join(rows) + "\n")
        elif key == "url":
            (folder / ".env").write_text(f"DATABASE_URL={URLS[value]}\n")
        else:
            raise AssertionError(f"an example's fence says {fact!r}, which means nothing")
    parts = FILE.split(text)
    files = dict(zip(parts[1::2], parts[2::2], strict=True)) if len(parts) > 1 else {name: text}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    try:
        return lint((".",), Fixed(Config(runtime=runtime, fail_on="never")))
    except NothingToCheck:
        return None
