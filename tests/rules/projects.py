"""Small projects out of the examples of a rule's page, run through the real `lint`.

An example's fence is ```language bad|good facts```. Its text is one file, or several, each begun by a comment
`// file: NAME`. Facts: a runtime, `npm:prisma@6.19.3` (a manifest), `instances=10`, `max=100`.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from poolcheck.config.settings import Config
from poolcheck.diagnosis.lint import lint
from poolcheck.model.report import Report

RUNTIMES = ("serverless", "edge", "server", "local")
FIRST_FILE = {
    "prisma": "prisma/schema.prisma",
    "typescript": "prisma.config.ts",
    "python": "app/settings.py",
    "ini": "pgbouncer.ini",
    "yaml": "docker-compose.yml",
    "json": "package.json",
    "toml": "fly.toml",
    "conf": "odyssey.conf",
    "hcl": "main.tf",
    "go": "main.go",
}
_FILE = re.compile(r"(?:#|//|;)\s*file: (\S+)\s*")


def compose(replicas: int) -> str:
    """A compose file: a server, and an app in so many containers."""
    return f"""services:
  db:
    image: postgres:17
  web:
    build: .
    deploy:
      replicas: {replicas}
    environment:
      DATABASE_URL: postgresql://app:s3cret@db:5432/app
"""


class Fixed:
    """A config that no file has a say in."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def over(self, start: object) -> Config:  # the start makes no difference
        return self.config


def split(language: str, text: str) -> dict[str, str]:
    """The files of an example."""
    files: dict[str, list[str]] = {}
    name = FIRST_FILE[language]
    for line in text.splitlines():
        match = _FILE.fullmatch(line)
        if match:
            name = match[1]
            files[name] = []
        else:
            files.setdefault(name, []).append(line)
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Put the files where they belong."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def manifests(wanted: list[str]) -> dict[str, str]:
    """Manifests that ask for these packages: `npm:prisma@6.19.3`."""
    npm: dict[str, str] = {}
    pypi: list[str] = []
    gems: list[str] = []
    modules: list[str] = []
    for each in wanted:
        ecosystem, _, rest = each.partition(":")
        name, _, version = rest.rpartition("@")
        if ecosystem == "npm":
            npm[name] = version
        elif ecosystem == "pypi":
            pypi.append(f"{name}=={version}")
        elif ecosystem == "go":
            modules.append(f"require {name} {version}\n")
        else:
            gems.append(f'gem "{name}", "{version}"')
    made = {}
    if npm:
        made["package.json"] = json.dumps({"dependencies": npm})
    if pypi:
        made["requirements.txt"] = "\n".join(pypi) + "\n"
    if modules:
        made["go.mod"] = "module example.com/web\n\ngo 1.24\n\n" + "".join(modules)
    if gems:
        made["Gemfile"] = "\n".join(gems) + "\n"
    return made


def run(files: dict[str, str], facts: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Lint the folder with these files and facts."""
    settings: dict[str, Any] = {}
    wanted = []
    for fact in facts.split():
        key, _, value = fact.partition("=")
        if fact in RUNTIMES:
            settings["runtime"] = fact
        elif re.match(r"(?:npm|pypi|gem|go):", fact):
            wanted.append(fact)
        elif key == "instances":
            settings["instances"] = int(value)
        elif key in ("max", "pool"):
            settings["max_connections" if key == "max" else key] = int(value)
        else:
            raise AssertionError(f"an example's fence says {fact!r}, which means nothing")
    write(folder, {**manifests(wanted), **files})
    monkeypatch.chdir(folder)
    return lint((".",), Fixed(Config(**settings, fail_on="never")))
