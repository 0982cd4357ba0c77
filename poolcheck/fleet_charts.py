"""Kubernetes objects of a project: from plain manifests, Kustomize overlays and Helm charts, one set for each."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from poolcheck.core.record import dataclass
from poolcheck.core.report import Skipped
from poolcheck.readers import helm, kubernetes
from poolcheck.readers._go_template import Tree, Unread
from poolcheck.readers.kubernetes import Manifests

if TYPE_CHECKING:
    from poolcheck.packages import Packages

_PRODUCTION = re.compile(r"(?:^|[/._-])(?:prod|production|prd|live)(?:$|[/._-])", re.IGNORECASE)
_VALUES = re.compile(r"values[._-][\w.-]+\.ya?ml|[\w.-]+[._-]values\.ya?ml")
# What makes an unread template matter: a workload that names a database, or takes its variables from elsewhere.
_MATTERS = re.compile(r"\b(?:DATABASE_URL|POSTGRES\w*|PG(?:HOST|DATABASE|USER)|\w*_DSN|\w*DB_(?:URL|HOST)|DATABASE_\w+|JDBC\w*)\b")  # fmt: skip
_HINT = "Fill it in with `helm template . > rendered.yaml`, and lint that file."


@dataclass(frozen=True, slots=True)
class Group:
    """The objects that are deployed together."""

    origin: str  # "" for plain manifests, else the chart's or overlay's folder
    stage: str  # the values file, where several are for production
    files: tuple[Manifests, ...]


def groups(packages: "Packages", names: Sequence[str], skipped: list[Skipped]) -> Iterator[Group]:
    """Every set of objects; what is missing is said in `skipped`."""
    yaml = [name for name in packages.walked if name.endswith((".yaml", ".yml"))]
    charts = sorted(posixpath.dirname(name) for name in names if posixpath.basename(name) == "Chart.yaml")
    tops = [
        each for each in charts if posixpath.dirname(each) + "/" not in {f"{top}/charts/" for top in charts}
    ]
    by_chart = _by_folder(charts, yaml)
    for folder in tops:
        yield from _chart(packages, folder, by_chart, skipped)
    templated = {name for files in by_chart.values() for name in files}
    plain = [name for name in names if name.endswith((".yaml", ".yml")) and name not in templated]
    from poolcheck import fleet_overlays  # noqa: PLC0415 - beside its only use

    yield from fleet_overlays.groups(packages, plain, skipped)


def _by_folder(charts: Sequence[str], yaml: Sequence[str]) -> dict[str, list[str]]:
    """The files of each chart: of the nearest chart above them."""
    known = set(charts)
    found: dict[str, list[str]] = {each: [] for each in charts}
    for name in yaml:
        place = posixpath.dirname(name)
        while place not in known and place:
            place = posixpath.dirname(place)
        if place in known:
            found[place].append(name)
    return found


def _chart(
    packages: "Packages", folder: str, by_chart: dict[str, list[str]], skipped: list[Skipped]
) -> Iterator[Group]:
    """One chart with its subcharts, once for each values file of production."""
    own = by_chart[folder]
    beside = [
        name
        for name in own
        if posixpath.dirname(name) in (folder, _join(folder, "values")) and "/templates/" not in name
    ]
    base = _join(folder, "values.yaml")
    stages = [
        name
        for name in beside
        if (
            _VALUES.fullmatch(posixpath.basename(name))
            or posixpath.basename(posixpath.dirname(name)) == "values"
        )
        and _PRODUCTION.search(name[len(folder) :])
    ]
    for stage in stages or [""]:
        texts = [
            (text, name) for name in (base, stage) if name in packages.names and (text := packages.text(name))
        ]
        # without any values file (ignored by git, or made by a pipeline) none of the numbers is known
        tree = helm.values(texts) if texts else Unread
        if tree is None:
            if any(_matters(packages.text(name)) for name in own):
                skipped.append(
                    Skipped(folder or "Chart.yaml", f"the values in {stage or base} cannot be read", _HINT)
                )
            continue
        files = list(_rendered(packages, folder, tree, by_chart, skipped))
        yield Group(folder or ".", stage if len(stages) > 1 else "", tuple(files))


def _rendered(
    packages: "Packages", folder: str, tree: Tree, by_chart: dict[str, list[str]], skipped: list[Skipped]
) -> Iterator[Manifests]:
    name = _name(packages, folder)
    for path in by_chart[folder]:
        if not path.startswith(_join(folder, "templates/")):
            continue
        text = packages.text(path)
        if text is None or "kind:" not in text:
            continue
        try:
            made = helm.render(text, path, tree, name)
        except Unread as why:
            if _matters(text):
                skipped.append(Skipped(path, f"the template is not read: {why}", _HINT))
            continue
        whole = "\n".join(made.rows)
        objects = kubernetes.read(whole, path, made.at)
        if (
            not objects.workloads
            and _matters(text)
            and (made.doubts or re.search(r"^kind:", whole, re.MULTILINE))
        ):
            why_not = made.doubts[0] if made.doubts else "it makes no YAML that can be read"
            skipped.append(Skipped(path, f"the template is not read: {why_not}", _HINT))
        if made.holes:
            objects = kubernetes.incomplete(objects)
        yield objects
    for sub in by_chart:
        if posixpath.dirname(sub) == _join(folder, "charts"):
            inner = posixpath.basename(sub)
            values = (
                packages.text(_join(sub, "values.yaml"))
                if _join(sub, "values.yaml") in packages.names
                else None
            )
            own = helm.values([(values, _join(sub, "values.yaml"))] if values else [])
            if own is not None and not helm.switched_off(tree, inner):
                below = helm.laid_over(own, helm.below(tree, inner))
                yield from _rendered(packages, sub, below, by_chart, skipped)


def _matters(text: str | None) -> bool:
    return text is not None and kubernetes.is_workload(text) and _MATTERS.search(text) is not None


def _name(packages: "Packages", folder: str) -> str:
    """The chart's name, which its objects take."""
    text = packages.text(_join(folder, "Chart.yaml")) or ""
    said = re.search(r"^name:\s*[\"']?([\w.-]+)", text, re.MULTILINE)
    return said[1] if said else posixpath.basename(folder) or "chart"


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name) if folder not in ("", ".") else name
