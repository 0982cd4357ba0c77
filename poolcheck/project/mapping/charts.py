"""Kubernetes objects of a project: from plain manifests, Kustomize overlays and Helm charts, one set for each."""

import posixpath
import re
from collections.abc import Iterator, Sequence

from poolcheck.model.report import Skipped
from poolcheck.project.mapping import overlays
from poolcheck.project.mapping.overlays import DeployedGroup
from poolcheck.project.packages import Packages, upwards
from poolcheck.readers.deploy import helm, kubernetes
from poolcheck.readers.deploy.go_template import Tree, UnreadTemplate
from poolcheck.readers.deploy.kubernetes import Manifests
from poolcheck.readers.deploy.stages import PRODUCTION

_VALUES = re.compile(r"values[._-][\w.-]+\.ya?ml|[\w.-]+[._-]values\.ya?ml")
# What makes an unread template matter: a workload that names a database, or takes its variables from elsewhere.
_MATTERS = re.compile(
    r"\b(?:DATABASE_URL|POSTGRES\w*|PG(?:HOST|DATABASE|USER)|\w*_DSN|\w*DB_(?:URL|HOST)|DATABASE_\w+|JDBC\w*)\b"
)
_HINT = "Fill it in with `helm template . > rendered.yaml`, and lint that file."


def groups(packages: Packages, names: Sequence[str], skipped: list[Skipped]) -> Iterator[DeployedGroup]:
    """Every set of objects; what is missing is said in `skipped`."""
    yaml = [name for name in packages.walked if name.endswith((".yaml", ".yml"))]
    charts = sorted(posixpath.dirname(name) for name in names if posixpath.basename(name) == "Chart.yaml")
    inner: dict[str, list[str]] = {}  # subcharts, by the folder that they lie in
    for chart in charts:
        inner.setdefault(posixpath.dirname(chart), []).append(chart)
    held = {_join(chart, "charts") for chart in charts}
    made = _Charts(packages, _by_folder(charts, yaml), inner, skipped)
    for folder in charts:
        if posixpath.dirname(folder) not in held:
            yield from made.read(folder)
    own = {name for folder, files in made.files.items() for name in files if _is_own(name, folder)}
    plain = [name for name in names if name.endswith((".yaml", ".yml")) and name not in own]
    yield from overlays.groups(packages, plain, skipped)


def _by_folder(charts: Sequence[str], yaml: Sequence[str]) -> dict[str, list[str]]:
    """The files of each chart: of the nearest chart above them."""
    known = set(charts)
    found: dict[str, list[str]] = {chart: [] for chart in charts}
    for name in yaml:
        nearest = next((place for place in upwards(posixpath.dirname(name)) if place in known), None)
        if nearest is not None:
            found[nearest].append(name)
    return found


def _is_own(name: str, folder: str) -> bool:
    """Whether a file below a chart's folder is a template or values: a chart at the top has the whole project below it."""
    inside = name[len(folder) :].lstrip("/")
    return inside.startswith(("templates/", "crds/")) or "values" in inside or inside == "Chart.yaml"


class _Charts:
    """The charts of a project, filled in one by one."""

    def __init__(
        self,
        packages: Packages,
        files: dict[str, list[str]],
        inner: dict[str, list[str]],
        skipped: list[Skipped],
    ) -> None:
        self.packages, self.files, self.inner, self.skipped = packages, files, inner, skipped

    def read(self, folder: str) -> Iterator[DeployedGroup]:
        """One chart with its subcharts, once for each values file of production."""
        base = _join(folder, "values.yaml")
        stages = [
            name
            for name in self.files[folder]
            if posixpath.dirname(name) in (folder, _join(folder, "values"))
            and (_VALUES.fullmatch(posixpath.basename(name)) or posixpath.dirname(name) != folder)
            and PRODUCTION.search(name[len(folder) :])
        ]
        for stage in stages or [""]:
            texts = [(text, name) for name in (base, stage) if (text := self._text(name))]
            # without any values file (ignored by git, or made by a pipeline) none of the numbers is known
            tree = helm.values(texts) if texts else UnreadTemplate
            if tree is None:
                if any(_matters(self._text(name)) for name in self.files[folder]):
                    self._skip(folder or "Chart.yaml", f"the values in {stage or base} cannot be read")
                continue
            yield DeployedGroup(
                folder or ".", stage if len(stages) > 1 else "", tuple(self._filled(folder, tree))
            )

    def _filled(self, folder: str, tree: Tree) -> Iterator[Manifests]:
        name = _name(self._text(_join(folder, "Chart.yaml")) or "", folder)
        for path in self.files[folder]:
            text = self._text(path) if path.startswith(_join(folder, "templates/")) else None
            if text is not None and "kind:" in text:
                yield self._template(text, path, tree, name)
        for sub in self.inner.get(_join(folder, "charts"), []):
            inner, base = posixpath.basename(sub), _join(sub, "values.yaml")
            text = self._text(base)
            own = helm.values([(text, base)] if text else [])
            if own is not None and not helm.switched_off(tree, inner):
                yield from self._filled(sub, helm.laid_over(own, helm.below(tree, inner)))

    def _template(self, text: str, path: str, tree: Tree, chart: str) -> Manifests:
        try:
            made = helm.render(text, path, tree, chart)
        except UnreadTemplate as why:
            if _matters(text):
                self._skip(path, f"the template is not read: {why}")
            return Manifests()
        whole = "\n".join(made.rows)
        objects = kubernetes.read(whole, path, made.at)
        if not objects.workloads and _matters(text) and (made.doubts or kubernetes.is_workload(whole)):
            self._skip(
                path,
                f"the template is not read: {made.doubts[0] if made.doubts else 'it makes no YAML that can be read'}",
            )
        return kubernetes.incomplete(objects) if made.holes else objects

    def _text(self, name: str) -> str | None:
        return self.packages.text(name) if name in self.packages.names else None

    def _skip(self, what: str, why: str) -> None:
        self.skipped.append(Skipped(what, why, _HINT))


def _matters(text: str | None) -> bool:
    return text is not None and kubernetes.is_workload(text) and _MATTERS.search(text) is not None


def _name(text: str, folder: str) -> str:
    """The chart's name, which its objects take."""
    said = re.search(r"^name:\s*[\"']?([\w.-]+)", text, re.MULTILINE)
    return said[1] if said else posixpath.basename(folder) or "chart"


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name) if folder not in ("", ".") else name
