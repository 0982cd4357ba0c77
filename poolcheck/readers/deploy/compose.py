"""Compose files: services with their image, environment, command, replicas and ports.

A value that compose fills in from the environment (`${POOL}`) is not known, unless the file gives its default and
asks for that. Files of developers and tests are read too, and say so: their sums are not production's.
"""

import posixpath
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from poolcheck.connection.placeholder import FILLED_IN
from poolcheck.model.problem import Location
from poolcheck.readers.yaml import UNKNOWN, Node, documents, text_of
from poolcheck.record import dataclass

_NAME = re.compile(r"(?:.*/)?(?:docker-)?(?:compose|stack)(?:[._-][\w.-]+)?\.ya?ml")
_DEVELOPMENT = re.compile(
    r"(?:^|[/._-])(?:dev|debug|devcontainer|development|tests?|testing|e2e|cypress|ci|local|override)(?:$|[/._-])"
)
_SERVICE_KEY = re.compile(r"\s*[\"']?([\w.-]+)[\"']?\s*:")
_DEEPEST = 8  # services that extend one another; real files have two
_REFERENCE = re.compile(rf"\$\{{\w+(?::?[-?+][^{{}}\n]*)?\}}|\$\(\w+\)|\$\w+|{UNKNOWN}")
_OTHERWISE = re.compile(r"\$\{\w+:?-([^{}\n]*)\}")
_FILLED_IN = re.compile(r"\$\{?\w")
_PRODUCTION = re.compile(r"(?:^|[._-])prod(?:uction)?(?:$|[._-])")
_ON_THIS_MACHINE = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):")


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its line."""

    value: str
    line: int
    path: str = ""  # of the file that lays it over the service's own; "": the service's

    @property
    def known(self) -> bool:
        """Whether nothing fills it in when compose runs."""
        return _FILLED_IN.search(self.value.replace("$$", "")) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a compose file."""

    name: str
    path: str
    line: int
    image: str = ""
    image_line: int = 0
    build: str | None = None  # the folder it is built in, relative to the file
    environment: tuple[tuple[str, Text], ...] = ()
    env_files: tuple[str, ...] = ()  # paths as shown
    command: tuple[str, ...] = ()
    command_line: int = 0
    command_path: str = ""  # as `Text.path`
    replicas: Text | None = None
    surge: Text | None = None  # deploy.update_config: "start-first"
    ports: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()  # "source:target", of configs that are files too
    inline: tuple[tuple[str, Text], ...] = ()  # configs that are written here, by their target
    descriptors: Text | None = None
    profiles: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # services that start before it, or that it is linked with
    context: str = ""  # what is sent to the build, as shown; "" where it is not built
    once: bool = False  # another one waits until it has ended
    dockerfile: str = ""  # what it is built from, as shown; "" where it is not built
    based: bool = False  # it is built from somebody's well-known image, which `image` names
    entrypoint: tuple[str, ...] = ()  # what runs in place of the image's own entry point
    others: tuple[
        str, ...
    ] = ()  # further names and addresses that reach it: container_name, hostname, aliases

    @property
    def location(self) -> Location:
        """The line of the service's name."""
        return Location(self.path, self.line)

    def env(self, name: str) -> Text | None:
        """An environment variable of the service."""
        return next((text for key, text in self.environment if key == name), None)

    @property
    def repository(self) -> str:
        """The image's name without registry and tag: "bitnami/pgbouncer"."""
        name = self.image.partition("@")[0]
        head, _, last = name.rpartition("/")
        last = last.partition(":")[0]
        folder = head.rpartition("/")[2]
        own = folder and folder != "library" and "." not in folder and ":" not in folder
        return f"{folder}/{last}" if own else last

    @property
    def published(self) -> bool | None:
        """Whether a port is open beyond this machine. No ports: only other containers reach it."""
        if self.ports is None:
            return False
        return any(not _ON_THIS_MACHINE.match(port) for port in self.ports)

    @property
    def tag(self) -> str:
        """The image's tag, "" when it has none or something fills it in."""
        tag = self.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return tag if "$" not in self.image else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose:
    """One compose file."""

    path: str
    services: tuple[Service, ...]
    development: bool = False
    lines: tuple[str, ...] = ()
    over: str = ""  # the file that is laid over it
    joined: bool = False  # it shares a network with what other files run
    parts: tuple[str, ...] = ()  # the files that it includes

    def service(self, name: str) -> Service | None:
        """A service by its name, which is its host name too."""
        return next((service for service in self.services if service.name == name), None)


def address(text: str) -> str | None:
    """A connection string with stand-ins for what is filled in; None where that is its host or a parameter.

    Who logs in, with which password, to which database: no sum depends on it.
    """
    filled = _REFERENCE.sub(FILLED_IN, text.replace("$$", "\x00"))
    if FILLED_IN in _host_of(filled):  # what runs where nobody sets another
        other = _REFERENCE.sub(FILLED_IN, _OTHERWISE.sub(r"\1", text.replace("$$", "\x00")))
        filled = (
            filled if _host_of(other).partition(":")[0] in filled.partition("://")[2] else other
        )  # no piece of a password
    if filled.startswith("pg://"):
        filled = filled.partition("?")[0]  # NocoDB's, whose parameters say who logs in
    if "$" in filled:
        return None
    _, _, rest = filled.rpartition("@")[2].rpartition("://")[2].partition("/")
    if FILLED_IN in _host_of(filled) or FILLED_IN in rest.partition("?")[2]:
        return None
    return filled.replace("\x00", "$")


def _host_of(text: str) -> str:
    """The host of a string, behind who logs in and the kind."""
    return text.rpartition("@")[2].rpartition("://")[2].partition("/")[0]


def overlaid(files: Sequence[Compose]) -> list[Compose]:
    """The files with those that are laid over another in the same folder merged into it, as `-f a.yml -f a.prod.yml` does.

    An overlay names services of the other file without saying what they run. Of several the one for production counts; none where
    that cannot be told. https://docs.docker.com/reference/compose-file/merge/
    """
    over: dict[str, list[Compose]] = {}
    for each in files:
        base = next((other for other in files if _lies_over(each, other)), None)
        if base is not None:
            over.setdefault(base.path, []).append(each)
    taken = {}
    for path, many in over.items():
        real = [each for each in many if not each.development]
        real = [each for each in real if _PRODUCTION.search(posixpath.basename(each.path))] or real
        if len(real) == 1:
            taken[path] = real[0]
    gone = {each.path for each in taken.values()}
    return [_laid(each, taken.get(each.path)) for each in files if each.path not in gone]


def _lies_over(over: Compose, base: Compose) -> bool:
    """Whether a file only adds to another one of its folder: `compose.prod.yml` to `compose.yml`."""
    name, other = posixpath.split(over.path), posixpath.split(base.path)
    if name[0] != other[0] or not re.fullmatch(r"(?:docker-)?compose\.ya?ml", other[1]):
        return False
    bare = (each for each in over.services if not each.image and each.build is None)
    below = (base.service(each.name) for each in bare)
    return name[1] != other[1] and any(
        each is not None and (each.image or each.build is not None) for each in below
    )


def _laid(base: Compose, over: Compose | None) -> Compose:
    """Both files as one."""
    if over is None:
        return base
    known = {each.name for each in base.services}
    own = ((each, over.service(each.name)) for each in base.services)
    services = [each if other is None else _service_laid(each, other) for each, other in own]
    services += [each for each in over.services if each.name not in known]
    return replace(base, services=tuple(services), over=over.path, joined=base.joined or over.joined)


def _service_laid(base: Service, over: Service) -> Service:
    """A service with what the other file says of it: a command replaces, variables go by name, files and volumes are more."""

    def moved(text: Text | None, old: Text | None) -> Text | None:
        return old if text is None else replace(text, path=over.path)

    run, built = (over if over.command else base), (over if over.build is not None else base)
    image = over.image or (base.image if over.build is None else "")
    return replace(
        base, image=image, build=built.build, dockerfile=built.dockerfile, based=built.based,
        command=run.command, command_line=run.command_line, command_path=over.path if over.command else "",
        environment=tuple({**dict(base.environment), **{name: replace(text, path=over.path) for name, text in over.environment}}.items()),
        env_files=tuple(dict.fromkeys((*base.env_files, *over.env_files))), entrypoint=over.entrypoint or base.entrypoint,
        replicas=moved(over.replicas, base.replicas), surge=moved(over.surge, base.surge), volumes=(*base.volumes, *over.volumes),
        profiles=over.profiles or base.profiles, needs=tuple(dict.fromkeys((*base.needs, *over.needs))),
        others=tuple(dict.fromkeys((*base.others, *over.others))),
    )  # fmt: skip


def matches(path: str) -> bool:
    """Is it a compose file, by its name?"""
    return _NAME.fullmatch(path) is not None


def read(text: str, path: str, below: str = "") -> Compose | None:
    """The services. None when it is no compose file, or goes beyond what is read of YAML.

    `below` is its path within the project, which says whether it is a developer's.
    """
    if "services:" not in text:
        return None
    made = documents(text)
    if len(made) != 1 or not (services := made[0].get("services")) or not services.pairs:
        return None
    lines = tuple(text.split("\n"))
    keys: dict[str, list[int]] = {}
    for number, row in enumerate(lines, 1):
        if match := _SERVICE_KEY.match(row):
            keys.setdefault(match[1], []).append(number)
    found = tuple(
        _service(
            name,
            _extended(node, services, {name}),
            path,
            _line_of(keys, name, node.line),
            made[0].get("configs"),
        )
        for name, node in services.pairs.items()
        if node.pairs
    )
    networks = made[0].get("networks")
    ended = {name for node in services.pairs.values() for name in _ended(node)}
    found = tuple(replace(each, once=True) if each.name in ended else each for each in found)
    return Compose(
        path=path, services=found, development=_DEVELOPMENT.search(below or path) is not None, lines=lines,
        joined=any(node.get("external") is not None for node in (networks.pairs.values() if networks else ())),
    )  # fmt: skip


def included(text: str, path: str) -> tuple[str, ...]:
    """The files that a compose file takes in: https://docs.docker.com/reference/compose-file/include/"""
    made = documents(text) if "include:" in text else []
    nodes = (made[0].get("include") if len(made) == 1 else None) or Node([], 0)
    paths = [each if each.text is not None else each.get("path") or each for each in nodes.items]
    named = [one.text for each in paths for one in (each.items or [each]) if one.text]
    return tuple(posixpath.normpath(posixpath.join(posixpath.dirname(path), each)) for each in named)


def including(base: Compose | None, path: str, parts: Sequence[Compose], below: str = "") -> Compose:
    """A compose file with the services of those that it takes in; each stays where it is written."""
    own = base or Compose(path=path, services=(), development=_DEVELOPMENT.search(below or path) is not None)
    known = {each.name for each in own.services}
    more = {each.name: each for part in parts for each in part.services if each.name not in known}
    return replace(
        own,
        services=(*own.services, *more.values()),
        parts=tuple(name for part in parts for name in (part.path, *part.parts)),
        joined=own.joined or any(each.joined for each in parts),
    )


def _line_of(keys: dict[str, list[int]], name: str, below: int) -> int:
    """The line of a service's key: the nearest one above its first pair."""
    found = keys.get(name, [])
    at = bisect_right(found, below)
    return found[at - 1] if at else found[0] if found else below


def _extended(node: Node, services: Node, seen: set[str]) -> Node:
    """The service with what it `extends` in the same file below it, as compose merges them; in another file: not known."""
    extends = node.get("extends")
    base = (extends.text or text_of(extends.get("service"))) if extends else ""
    if not base or base in seen or len(seen) > _DEEPEST or (extends and extends.get("file")):
        return node
    inner = services.get(base)
    return _merged(_extended(inner, services, seen | {base}), node, 0) if inner and inner.pairs else node


def _merged(base: Node, over: Node, deep: int) -> Node:
    """Mappings key by key, environments by their names; a command or image replaces the other's."""
    pairs = dict(base.pairs)
    for key, node in over.pairs.items():
        below = pairs.get(key)
        if below is not None and key == "environment":
            pairs[key] = Node({**_by_name(below), **_by_name(node)}, node.line)
        elif below is not None and below.pairs and node.pairs and deep < _DEEPEST:
            pairs[key] = _merged(below, node, deep + 1)
        elif below is not None and key in ("ports", "volumes"):
            pairs[key] = Node([*below.items, *node.items], node.line)
        else:
            pairs[key] = node
    return Node(pairs, over.line)


def _by_name(node: Node) -> dict[str, Node]:
    return {name: Node(text.value, text.line) for name, text in _environment(node)}


def _volumes(node: Node) -> Iterator[str]:
    for item in (node.get("volumes") or Node([], 0)).items:
        source, target = text_of(item.get("source")), text_of(item.get("target"))
        yield f"{source}:{target}" if source and target else item.text or ""


def _configs(node: Node, every: Node | None) -> Iterator[tuple[str, str, Text | None]]:
    """Target, file, and text of each of its `configs`; of one that is made elsewhere neither file nor text."""
    for item in (node.get("configs") or Node([], 0)).items:
        name = item.text or text_of(item.get("source"))
        made = every.get(name) if every is not None else None
        target = text_of(item.get("target")) or f"/{name}"
        yield target, text_of(made.get("file")) if made else "", _text(made.get("content") if made else None)


def _service(name: str, node: Node, path: str, line: int, every: Node | None) -> Service:
    configs = tuple(_configs(node, every))
    image, build = node.get("image"), node.get("build")
    context = build.text if build and build.text is not None else None
    if build and build.pairs:
        inner = build.get("context")
        context = inner.text if inner else "."
        file = posixpath.dirname(text_of(build.get("dockerfile")))
        if context and file:  # of one repository, its part
            context = posixpath.join(context, file)
    dockerfile = "" if context is None else posixpath.join(*_built(build))
    command, entry = node.get("command"), node.get("entrypoint")
    replicas = node.get("deploy", "replicas") or node.get("scale")
    nofile = node.get("ulimits", "nofile", "soft") or node.get("ulimits", "nofile")
    order = node.get("deploy", "update_config", "order")
    ports = node.get("ports")
    folder = posixpath.dirname(path)
    return Service(
        name=name,
        path=path,
        line=line,
        image=(image.text or "") if image else "",
        image_line=image.line if image else 0,
        build=None if context is None else posixpath.normpath(posixpath.join(folder, context)),
        environment=tuple(_environment(node.get("environment"))),
        env_files=tuple(
            posixpath.normpath(posixpath.join(folder, file)) for file in _env_files(node.get("env_file"))
        ),
        command=_words(command),
        command_line=command.line if command else 0,
        replicas=_text(replicas),
        surge=_text(order),
        ports=tuple(_ports(ports)) if ports else None,
        volumes=(*_volumes(node), *(f"{source}:{target}" for target, source, _ in configs if source)),
        inline=tuple((target, text) for target, _, text in configs if text is not None),
        descriptors=_text(nofile),
        profiles=tuple(item.text or "" for item in (node.get("profiles") or Node([], 0)).items),
        needs=tuple(dict.fromkeys(_needs(node))),
        context=posixpath.normpath(posixpath.join(folder, _built(build)[0])) if dockerfile else "",
        dockerfile=posixpath.normpath(posixpath.join(folder, dockerfile)) if dockerfile else "",
        entrypoint=_words(entry),
        others=tuple(dict.fromkeys(each for each in _others(node) if each and "$" not in each)),
    )


def _built(build: Node | None) -> tuple[str, str]:
    """The folder a service is built in, and its Dockerfile there: https://docs.docker.com/reference/compose-file/build/"""
    if build is None or build.text is not None:
        return (build.text or "." if build else "."), "Dockerfile"
    return text_of(build.get("context")) or ".", text_of(build.get("dockerfile")) or "Dockerfile"


def _others(node: Node) -> Iterator[str]:
    """The names beside the service's own: https://docs.docker.com/reference/compose-file/services/#aliases"""
    yield from (text_of(node.get("container_name")), text_of(node.get("hostname")))
    networks = node.get("networks")
    for inner in networks.pairs.values() if networks is not None else ():
        yield from (text_of(inner.get("ipv4_address")), text_of(inner.get("ipv6_address")))
        yield from (item.text or "" for item in (inner.get("aliases") or Node([], 0)).items)


def _text(node: Node | None) -> Text | None:
    return Text(node.text, node.line) if node is not None and node.text else None


def _environment(node: Node | None) -> Iterator[tuple[str, Text]]:
    """A mapping, or a list of NAME=value."""
    if node is None:
        return
    for name, value in node.pairs.items():
        if value.text is not None:
            yield name, Text(value.text, value.line)
    for item in node.items:
        name, equals, value_text = (item.text or "").partition("=")
        if equals:
            yield name.strip(), Text(value_text, item.line)


def _ended(node: Node) -> Iterator[str]:
    """The services that it starts after the end of."""
    said = node.get("depends_on")
    for name, how in said.pairs.items() if said is not None else ():
        if text_of(how.get("condition")) == "service_completed_successfully":
            yield name


def _needs(node: Node) -> Iterator[str]:
    for key in ("depends_on", "links"):
        said = node.get(key)
        if said is not None:
            yield from said.pairs
            yield from ((item.text or "").partition(":")[0] for item in said.items)


def _env_files(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    if node.text:
        yield node.text
    for item in node.items:
        path = item.get("path")
        text = path.text if path else item.text
        if text:
            yield text


def _ports(node: Node) -> Iterator[str]:
    for item in node.items:
        if item.text:
            yield item.text
        elif item.get("published"):
            host, published = item.get("host_ip"), item.get("published")
            yield f"{host.text + ':' if host and host.text else ''}{published.text if published else ''}"


def _words(node: Node | None) -> tuple[str, ...]:
    """A command as words; one text is split as a shell would."""
    if node is None:
        return ()
    if node.items:
        words = [item.text or "" for item in node.items]
        return _inner(tuple(words))
    return _inner(_split(node.text or ""))


def _inner(words: tuple[str, ...]) -> tuple[str, ...]:
    """What a shell is given to run."""
    shell = (
        len(words) == 3
        and re.fullmatch(r"-\w{0,4}c", words[1])
        and words[0].rpartition("/")[2] in ("sh", "bash", "ash")
    )
    return _split(words[2]) if shell else words


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text.replace("\\\n", " "), comments=False))
    except ValueError:
        return tuple(text.split())
