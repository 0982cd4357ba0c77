"""max_connections of a server that runs in a container: by its command, its variables, and the postgresql.conf that is mounted.

An option wins over every file, the last line of the files over those before, a file over what initdb was told:
https://www.postgresql.org/docs/current/config-setting.html
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from poolcheck import catalogue
from poolcheck.config.settings import SERVER_MAX, SERVER_RESERVED
from poolcheck.model.amount import Amount, exact, plus
from poolcheck.model.problem import Location

if TYPE_CHECKING:
    from poolcheck.model.facts import Image
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.compose import Service

_MAX = "max_connections"
# name → what PostgreSQL keeps where nothing is said
_RESERVED = {"superuser_reserved_connections": SERVER_RESERVED, "reserved_connections": 0}
_OPTION = re.compile(
    r"""(?:-c|--set)[ =]?["']?([a-z_]{3,64})=["']?([^\s"']{0,60})|(?<!\S)--([a-z_-]{3,64})=["']?([^\s"']{0,60})"""
    r"""|(?<!\S)-N ?([^\s"']{1,60})"""
)
_LINE = re.compile(
    r"""^[^\S\n]*([a-z_]{3,64})(?:[^\S\n]*=[^\S\n]*|[^\S\n]+)'?([^'#\s]{1,60})""",
    re.MULTILINE | re.IGNORECASE,
)
_DATA = "/var/lib/postgresql/"  # of the official images; below it lies PGDATA
_LONGEST = 1_000_000  # characters


class WrittenSetting(NamedTuple):
    """One setting as written."""

    value: str
    place: Location


class Mounted(NamedTuple):
    """A file as a container sees it."""

    target: str
    text: str
    path: str
    line: int = 1  # of its first row

    def settings(self) -> Iterator[tuple[str, WrittenSetting]]:
        """Its settings in their order. https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-CONFIGURATION-FILE"""
        return settings_of(self.text, self.path, self.line)


def settings_of(text: str, path: str, line: int = 1) -> Iterator[tuple[str, WrittenSetting]]:
    """The settings of a postgresql.conf whose first row is at `line`, in their order."""
    at, row = 0, line
    for match in _LINE.finditer(text) if len(text) <= _LONGEST else ():
        row += text.count("\n", at, match.start(1))
        at = match.start(1)
        yield match[1].lower(), WrittenSetting(match[2], Location(path, row))


def mounted(packages: "Packages", service: "Service") -> Iterator[Mounted]:
    """The files that a compose service is given, as far as they are in the project."""
    for target, text in service.inline:
        yield Mounted(target, text.value, service.path, text.line + ("\n" in text.value))
    folder = posixpath.dirname(service.path)
    for volume in service.volumes:
        source, _, target = volume.partition(":")
        target = target.partition(":")[0]
        own = posixpath.normpath(posixpath.join(folder, source))
        if not source.startswith((".", "/")) and "/" not in source and own not in packages.names:
            continue  # a volume of Docker's
        for name in [own] if own in packages.names else _below(packages, own):
            inner = posixpath.normpath(posixpath.join(target, name[len(own) :].lstrip("/")))
            if name.endswith((".conf", ".auto.conf")) and (found := packages.text(name)) is not None:
                yield Mounted(inner, found, name)


def _below(packages: "Packages", folder: str) -> Iterable[str]:
    return (
        name for name in packages.names if name.endswith(".conf") and name.startswith(f"{folder}/")
    )  # fmt: skip


def server_limit(service: "Service", files: Sequence[Mounted] = ()) -> tuple[Amount, Amount] | None:
    """max_connections and reserved slots of a PostgreSQL service; None when it is none, or they are set where it is not seen."""
    image = catalogue.image(service.repository)
    known = image is not None and image.is_ == "server"
    image = image if known else catalogue.image(service.name)
    if image is None or image.is_ != "server":
        return None
    return _Server(service, image, files, known=known).limit()


class _Server:
    """One server with all that tells its settings."""

    def __init__(self, service: "Service", image: "Image", files: Sequence[Mounted], *, known: bool) -> None:
        self.service, self.image = service, image
        self.options = dict(
            _options(
                " ".join(service.command),
                Location(service.command_path or service.path, service.command_line),
            )
        )
        for name in image.flags:
            self.options |= self._in(name)
        self.unseen = not known or any(
            (text := service.env(name)) is not None and not text.known
            for name in (*image.flags, *image.initdb)
        )
        self.files = self._read(files)

    def _in(self, name: str) -> dict[str, WrittenSetting]:
        text = self.service.env(name)
        return (
            dict(_options(text.value, Location(text.path or self.service.path, text.line)))
            if text is not None
            else {}
        )

    def _read(self, files: Sequence[Mounted]) -> dict[str, WrittenSetting]:
        """What the files say that the server reads; a file that it may read and that is not here leaves it open."""
        named = self.options.get("config_file")
        own = self.image.folders or (_DATA,)
        read: list[Mounted] = []
        for each in files:
            first = each.target == named.value if named else False
            base = posixpath.basename(each.target)
            if first or (base == "postgresql.conf" and not named and each.target.startswith(own)):
                read.insert(0, each)
            elif base != "pg_hba.conf" and (
                "/conf.d/" in each.target or (named and base != "postgresql.conf")
            ):
                read.append(each)
            elif base not in ("pg_hba.conf", "pg_ident.conf") and self._tells(each):
                self.unseen = True  # whether the server reads it is not known
        if named and not (read and read[0].target == named.value) and named.value not in self.image.configs:
            self.unseen = True
        mounts = [volume.partition(":")[2].partition(":")[0] or volume for volume in self.service.volumes]
        seen = {each.target for each in files}
        for target in mounts:  # a file that is not in the project
            about = target.endswith(".conf") or target.startswith("/etc/postgresql") or "conf.d" in target
            if (
                about
                and "hba" not in target
                and not any(f"{each}/".startswith(f"{target}/") for each in seen)
            ):
                self.unseen = True
        return {name: said for each in read for name, said in each.settings()}

    @staticmethod
    def _tells(file: Mounted) -> bool:
        return any(name == _MAX for name, _ in file.settings())

    def _said(self, name: str) -> WrittenSetting | None:
        found = self.options.get(name) or self.files.get(name)
        if found is None:
            made = (self._in(each).get(name) for each in self.image.initdb)
            found = next((each for each in made if each is not None), None)
        return found

    def limit(self) -> tuple[Amount, Amount] | None:
        said = self._said(_MAX)
        keep = plus(*self._reserved())
        if said is not None:
            known = re.fullmatch(r"[1-9]\d{0,6}", said.value) is not None
            return (exact(int(said.value), f"{_MAX}={said.value}", said.place), keep) if known else None
        variable = self.image.max_variable
        text = self.service.env(variable) if variable else None
        if text is not None and text.value:
            if not text.value.isdigit() or self.unseen or int(text.value) < self.image.max_from:
                return None
            at = Location(text.path or self.service.path, text.line)
            return exact(int(text.value), f"{variable}={text.value}", at), keep
        words = " ".join(self.service.command)
        if not self.image.own_defaults or self.unseen or "$" in words:
            return None
        return exact(SERVER_MAX, f"PostgreSQL's default of {SERVER_MAX}", None, "default"), keep

    def _reserved(self) -> Iterator[Amount]:
        for name, default in _RESERVED.items():
            said = self._said(name)
            if said is not None and said.value.isdigit():
                yield exact(int(said.value), f"{name}={said.value}", said.place)
            elif default:
                yield exact(default, f"{default} reserved", None, "default")


def _options(text: str, at: Location) -> Iterator[tuple[str, WrittenSetting]]:
    """Settings of a command line: `-c name=value`, `--name=value`, `-N 200`; the last one counts."""
    for match in _OPTION.finditer(text):
        name = match[1] or (match[3] or _MAX).replace("-", "_")
        yield name, WrittenSetting(match[2] or match[4] or match[5] or "", at)
