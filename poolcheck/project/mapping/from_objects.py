"""Servers and poolers that an operator makes of Kubernetes objects; catalogue/objects/*.toml tell which keys count.

What a template or `envsubst` fills in is not known. A number that nobody writes is the operator's default.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.amount import Amount, at_least, exact, plus, times
from poolcheck.model.facts import DatabaseObject, ObjectPooler, ObjectServer
from poolcheck.model.pooler_config import PoolerConfig, PoolerDatabase, PoolerSetting
from poolcheck.model.problem import Location
from poolcheck.project.mapping.amounts import scaled
from poolcheck.project.mapping.ends import Key
from poolcheck.readers.poolers import lines, pgbouncer_ini
from poolcheck.readers.yaml import UNKNOWN, Node, text_of

if TYPE_CHECKING:
    from poolcheck.project.mapping.draft import MapDraft
    from poolcheck.project.mapping.overlays import DeployedGroup
    from poolcheck.readers.deploy.kubernetes import CustomObject

_NUMBER = re.compile(r"\d{1,7}")
_WRITTEN = re.compile(r"\{([\w/]++)(?:=(\w*+))?\}")


def declare(draft: "MapDraft", groups: Iterable[tuple[str, "DeployedGroup"]]) -> Iterator[PoolerConfig]:
    """The servers and poolers of the objects in these groups, each with the scope of its names; the poolers' configurations."""
    seen: dict[tuple[str, str, str, str], list[tuple[CustomObject, DeployedGroup, DatabaseObject]]] = {}
    for scope, group in groups:
        for each in (each for file in group.files for each in file.objects):
            facts = catalogue.database_object(each.group, each.kind)
            if facts is not None:
                seen.setdefault((scope, each.kind, each.name, each.namespace), []).append(
                    (each, group, facts)
                )
    names = [(scope, kind, name) for scope, kind, name, _ in seen]
    for (scope, kind, name, _), several in seen.items():
        if len(several) > 1:
            draft.ambiguous(name, [each.location for each, _, _ in several])
            continue
        made = _Object(draft, scope, *several[0], alone=names.count((scope, kind, name)) == 1)
        if made.facts.server is not None:
            made.declare_server(made.facts.server)
        if made.facts.pooler is not None and made.runs(made.facts.pooler):
            yield made.declare_pooler(made.facts.pooler)


class _Object:
    """One object, read with what is known of its kind."""

    def __init__(
        self, draft: "MapDraft", scope: str, one: "CustomObject", group: "DeployedGroup", facts: DatabaseObject, *, alone: bool
    ) -> None:  # fmt: skip
        self.draft, self.scope, self.one, self.group, self.facts = draft, scope, one, group, facts
        self.alone = alone  # no other namespace has one of this name

    # --- what stands there ---

    def _followed(self, path: str) -> "tuple[CustomObject, list[str]] | None":
        """The object that a path ends in, and its keys there; None where it names one that is not in the files."""
        one, keys = self.one, [""]
        for key in path.split("/"):
            if key.startswith("@"):
                found = one.get(keys[1:])
                name = text_of(found[0]) if found else ""
                others = (each for file in self.group.files for each in file.objects)
                named = [
                    each
                    for each in others
                    if (each.kind, each.name, each.namespace) == (key[1:], name, one.namespace)
                ]
                if len(named) != 1:
                    return None
                one, keys = named[0], [""]
            else:
                keys.append(key)
        return one, keys[1:]

    def _get(self, path: str) -> tuple[Node, Location] | None:
        followed = self._followed(path) if path else None
        return followed[0].get(followed[1]) if followed else None

    def _table(self, path: str) -> dict[str, tuple[str, Location]]:
        followed = self._followed(path) if path else None
        return followed[0].table(followed[1]) if followed else {}

    def _lost(self, paths: Iterable[str]) -> bool:
        """Whether a path goes through an object that is named, and is not in the files."""
        return any(
            self._get(path.partition("/@")[0]) is not None and self._followed(path) is None
            for path in paths
            if "/@" in path
        )

    def _count(self, path: str, default: int, what: str) -> Amount:
        """A number, `default` where none is written."""
        found = self._get(path)
        if found is None:
            return exact(default, f"{default} {what}, default of {self.facts.title}", None, "default")
        node, at = found
        numbers = [text_of(item.get("replicas")) or "1" for item in node.items] or [text_of(node)]
        if all(map(_NUMBER.fullmatch, numbers)):
            number = sum(map(int, numbers))
            return exact(number, f"{path.rpartition('/')[2]}: {number}", at)
        return at_least(1, f"{path.rpartition('/')[2]} is not known", at)

    def _named(self, form: str) -> str:
        """`{name}-rw`, `{spec/cluster/name}-{spec/type=rw}` with what is written there."""
        return _WRITTEN.sub(
            lambda part: self.one.name if part[1] == "name" else self._text(part[1]) or part[2] or "", form
        )

    def _text(self, path: str) -> str:
        found = self._get(path)
        return text_of(found[0]) if found else ""

    def _hosts(self, forms: Iterable[str]) -> tuple[str, ...]:
        """The names of Services: bare where no other namespace has the same, and with the namespace."""
        space, names = self.one.namespace, [self._named(form) for form in forms]
        bare = names if self.alone or not space else []
        return (*bare, *(f"{name}.{space}" for name in names if space))

    # --- a server ---

    def declare_server(self, facts: ObjectServer) -> None:
        """The primary, and where there is more than one instance the others as a server of their own: what holds for each."""
        title = self.one.name if self.alone else f"{self.one.name}.{self.one.namespace}"
        limit, reserved = self._limit(facts), self._reserved(facts)
        instances = self._count(facts.instances, 1, "instance")
        primary = self._hosts(facts.services)
        if instances.high == 1:
            primary = (*self._hosts(facts.replica_services), *primary)
        server = self.draft.ends.declare(self.scope, primary, self.one.location)
        server.title, server.limit, server.reserved = title, limit, reserved
        space = f"{self.one.namespace}/" if self.one.namespace else ""
        for secret in map(self._named, facts.secrets):
            for key in facts.secret_keys:
                self.draft.ends.servers[Key("", f"{space}{secret}/{key}", 0)] = server
        if instances.high == 1 or not facts.replica_services:
            return
        others = self.draft.ends.declare(self.scope, self._hosts(facts.replica_services), self.one.location)
        others.title = f"{title} replicas"
        if limit is not None and instances.high is not None:
            many = exact(instances.high - 1, f"{instances.high - 1} of {instances.words}", instances.where)
            others.limit, others.reserved = times(many, limit), times(many, reserved)

    def _parameter(self, facts: ObjectServer, name: str) -> tuple[str, Location] | None:
        """A parameter of PostgreSQL as written; a mark of a template where two places say different things."""
        said = [found for path in facts.parameters if (found := self._table(path).get(name))]
        if not said:
            return None
        text, at = said[0]
        return (text if all(each == text for each, _ in said) else UNKNOWN), at

    def _limit(self, facts: ObjectServer) -> Amount | None:
        said = self._parameter(facts, "max_connections")
        if said is not None:
            return (
                exact(int(said[0]), f"max_connections: {said[0]}", said[1])
                if _NUMBER.fullmatch(said[0])
                else None
            )
        if not facts.default or self._lost(facts.parameters):
            return None
        least, most = min(facts.default), max(facts.default)
        number = f"{least}" if least == most else f"{least} to {most}, by memory"
        return Amount(least, most, f"max_connections {number}: {self.facts.title}'s default", None, "default")

    def _reserved(self, facts: ObjectServer) -> Amount:
        """https://www.postgresql.org/docs/current/runtime-config-connection.html: 3 for superusers, none for others."""
        made = []
        for name, default in (
            ("superuser_reserved_connections", facts.reserved),
            ("reserved_connections", 0),
        ):
            said = self._parameter(facts, name)
            if said is not None and _NUMBER.fullmatch(said[0]):
                made.append(exact(int(said[0]), f"{name}: {said[0]}", said[1]))
            elif default:
                made.append(exact(default, f"{default} reserved", None, "default"))
        return plus(*made)

    # --- a pooler ---

    def runs(self, facts: ObjectPooler) -> bool:
        """Whether the object has its pooler."""
        if facts.off and self._text(facts.off) == "true":
            return False
        said = next((found[0] for path in facts.on if (found := self._get(path))), None)
        return not facts.on or (
            said is not None and (bool(said.pairs) or said.value == {} or text_of(said) == "true")
        )

    def declare_pooler(self, facts: ObjectPooler) -> PoolerConfig:
        """The pooler under its Service's name, with its instances."""
        replicas = self._replicas(facts)
        title = self._named(facts.service)
        config = PoolerConfig(
            name=f"{self.one.kind} {self.one.name}", location=self.one.location, complete=False, container=True,
            settings=tuple(self._settings(facts, replicas)), databases=tuple(self._databases(facts)),
        )  # fmt: skip
        made = self.draft.ends.declare_pooler(
            self.scope, self._hosts((facts.service, *facts.also)), config, replicas
        )
        made.title = title if self.alone else f"{title}.{self.one.namespace}"
        if title in map(self._named, self.facts.server.services if self.facts.server else ()):
            made.title = f"{made.title} pooler"  # it stands before the server, under its name
        return config

    def _replicas(self, facts: ObjectPooler) -> Amount:
        scaler = self.group.scaler(self.one.name)
        if scaler is not None and facts.service == "{name}" and (most := scaled(scaler)) is not None:
            return most
        many = "instance" if facts.default_replicas == 1 else "instances"
        return self._count(facts.replicas, facts.default_replicas, many)

    def _settings(self, facts: ObjectPooler, replicas: Amount) -> Iterator[PoolerSetting]:
        """What the operator sets, then what the object says; the last one counts."""
        here = self.one.location
        hidden = self._get(facts.elsewhere) is not None or self._lost(facts.settings)
        for pair in () if hidden else facts.defaults:
            name, value = pair.split(" ")
            yield PoolerSetting(name, value, here)
        if facts.shares:
            share = self._count(facts.shared, facts.default_shared, "connections")
            known = share.high is not None and bool(replicas.high)
            for pair in facts.shares:
                name, part = pair.split(" ")
                value = str(share.most // replicas.most // int(part)) if known else UNKNOWN
                yield PoolerSetting(name, value, share.where or here, known)
        written = [pair for path in facts.settings for pair in self._table(path).items()]
        mode = self._get(facts.mode)
        if mode is not None:
            written.append(("pool_mode", (text_of(mode[0]), mode[1])))
        for name, (value, at) in written:
            yield PoolerSetting(name, value, at, UNKNOWN not in value and lines.known(value))

    def _databases(self, facts: ObjectPooler) -> Iterator[PoolerDatabase]:
        written = self._table(facts.databases)
        for name, (line, at) in written.items():
            words, broken = pgbouncer_ini.words(line, at.path, at.line or 1, 0)
            yield PoolerDatabase(name=name, location=at, settings=words, broken=broken)
        if not written:
            host = self._hosts((facts.server,))[-1]
            yield PoolerDatabase(
                name="*",
                location=self.one.location,
                settings=(PoolerSetting("host", host, self.one.location),),
            )
