"""How many processes a service runs, from its command, its Dockerfile, the configs beside them, and its environment."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from poolcheck import catalogue
from poolcheck.model.amount import Amount, at_least, exact
from poolcheck.model.problem import Location
from poolcheck.project.packages import inside
from poolcheck.readers.deploy.properties import with_properties

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.pm2 import App, Ecosystem
    from poolcheck.readers.deploy.processes import Processes

ONE = exact(1, "1 process", None, "default")


class Counted(NamedTuple):
    """What one instance runs."""

    processes: Amount
    threads: Amount | None = None  # requests that a process serves at once; None: as many as come
    environment: Mapping[str, str | None] = {}  # what is given, its image's own and its command's properties


class ProcessCommands:
    """Answers for the commands of one project."""

    def __init__(self, packages: "Packages") -> None:
        self.packages = packages
        self._ecosystems: dict[str, Ecosystem | None] = {}
        self._named: dict[str, list[str]] = {}  # files by their last name, made when first asked
        self.started: set[str] = set()  # PM2 files that a command names

    def amount(
        self,
        command: Sequence[str],
        at: Location,
        environment: "Mapping[str, str | None]",
        folder: str | None = None,
        *,
        complete: bool = True,
        dockerfile: str = "",
        built: bool = False,
    ) -> Counted:
        """The processes of a command that runs in `folder`, or of the Dockerfile there (`dockerfile`, where it has another name) when there is none.

        `built`: a command that is given runs in that Dockerfile's image, with its variables.

        One when nothing says more; at least one where a number is said that cannot be known.
        """
        name = posixpath.normpath(posixpath.join(folder, "Dockerfile")) if folder is not None else ""
        name = dockerfile if dockerfile in self.packages.names else name
        text = self.packages.text(name) if (built or not command) and name in self.packages.names else None
        if not command and text is None:
            return Counted(ONE, environment=with_properties(environment, ()))
        from poolcheck.readers.deploy import processes  # noqa: PLC0415 - only where there is something to add up

        if text is not None:
            if not command:
                command, line = processes.docker_command(text)
                at = Location(name, line)
            environment = {**processes.docker_environment(text), **environment}
        made = self._counted(command, at, environment, folder, complete=complete) if command else Counted(ONE)
        return made._replace(environment=with_properties(environment, command))

    def _counted(
        self,
        command: Sequence[str],
        at: Location,
        environment: "Mapping[str, str | None]",
        folder: str | None,
        *,
        complete: bool,
    ) -> Counted:
        from poolcheck.readers.deploy import processes  # noqa: PLC0415 - as above

        around = processes.Around(
            environment,
            complete,
            lambda name: self._config(name, folder),
            lambda name: self._script(name, folder),
        )
        made = processes.read(command, around, catalogue.programs)
        if made is None:
            return Counted(ONE)
        if made.file:
            return Counted(self._of_file(made, at, folder))
        place = made.location or at
        threads = (
            exact(made.threads, made.threads_words, made.threads_location or at) if made.threads else None
        )
        if not made.words:
            return Counted(ONE, threads)
        return Counted((exact if made.number else at_least)(made.number or 1, made.words, place), threads)

    def _config(self, name: str, folder: str | None) -> tuple[str, str] | None:
        """A config that a command names: at that place, or the only one of that name below."""
        path = self._file(name, folder)
        text = self.packages.text(path) if path else None
        return (text, path) if text is not None and path else None

    def _file(self, name: str, folder: str | None) -> str:
        base = folder or "."
        exact = posixpath.normpath(posixpath.join(base, name.lstrip("/")))
        if exact in self.packages.names:
            return exact
        if "/" in name and not name.startswith("/"):
            return ""
        if not name.startswith("/"):
            return ""
        if not self._named:
            for each in self.packages.names:
                self._named.setdefault(posixpath.basename(each), []).append(each)
        below = [each for each in self._named.get(posixpath.basename(name), ()) if inside(each, base)]
        return below[0] if len(below) == 1 else ""

    def _script(self, name: str, folder: str | None) -> str:
        path = posixpath.normpath(posixpath.join(folder or ".", "package.json"))
        text = self.packages.text(path) if path in self.packages.names else None
        if text is None:
            return ""
        from poolcheck.readers.manifests import manifest  # noqa: PLC0415 - only where a script is started

        return next((run for key, run in manifest.read(text, path).scripts if key == name), "")

    def ecosystem(self, path: str) -> "Ecosystem | None":
        """What a PM2 file says, read once."""
        if path not in self._ecosystems:
            from poolcheck.readers.deploy import pm2  # noqa: PLC0415 - only where there is one

            text = self.packages.text(path)
            self._ecosystems[path] = (
                pm2.read(text, path) if text is not None and pm2.matches(self.packages.below(path)) else None
            )
        return self._ecosystems[path]

    def _of_file(self, made: "Processes", at: Location, folder: str | None) -> Amount:
        """The processes that a PM2 file starts in one container: of its only app, or of the one that is named."""
        path = self._file(made.file, folder)
        self.started.add(path)
        file = self.ecosystem(path) if path else None
        if file is None:
            return at_least(1, f"{made.file} cannot be read", at)
        only = {name.strip() for name in made.only.split(",")} if made.only else None
        apps = [app for app in file.apps if only is None or app.name in only]
        if len(apps) != 1 or not file.complete:
            return at_least(1, f"{made.file} starts {len(file.apps)} apps", at)
        if made.number:  # -i on the command line wins
            return exact(made.number, made.words, at)
        return app_amount(apps[0])


def app_amount(app: "App") -> Amount:
    """The processes of one PM2 app."""
    at = Location(app.location.path, app.instances_line or app.location.line)
    if not app.instances_line:
        return ONE
    return (exact if app.instances else at_least)(app.instances or 1, app.words, at)
