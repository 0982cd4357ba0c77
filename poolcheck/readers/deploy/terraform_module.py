"""Terraform: the modules of a project, and what an attribute comes to in one.

A value may stand in a variable's default, in a tfvars file, in a local or in the call of a module; an expression is not known.
https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence, read 2026-12-01.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from operator import itemgetter
from typing import NamedTuple

from poolcheck.readers import hcl
from poolcheck.readers.deploy.stages import PRODUCTION

_REFERENCE = re.compile(r"(var|local)\.([\w-]+)")
_AUTOMATIC = re.compile(r"terraform\.tfvars|.*\.auto\.tfvars")


def modules(texts: Mapping[str, str]) -> "tuple[TerraformModule, ...]":
    """The modules of a project's .tf and .tfvars files, by path."""
    folders: dict[str, list[tuple[str, hcl.HclBlock]]] = {}
    values: dict[str, list[tuple[str, dict[str, hcl.Value]]]] = {}  # of tfvars
    for path, text in texts.items():
        if path.endswith(".tfvars"):
            read = hcl.read(f"tfvars {{\n{text}\n}}\n") if len(text) < hcl.LONGEST else None
            values.setdefault(posixpath.dirname(path), []).append((path, read[0].attributes if read else {}))
        else:
            folders.setdefault(posixpath.dirname(path), []).extend(
                (path, each) for each in hcl.read(text) or ()
            )
    made = {
        folder: TerraformModule(folder, blocks, values.get(folder, ())) for folder, blocks in folders.items()
    }
    for module in made.values():
        for path, call in module.of("module"):
            source = call.attributes.get("source")
            if source is not None and source.known and source.text.startswith("."):
                called = made.get(
                    posixpath.normpath(posixpath.join(module.folder, source.text)).removeprefix("./")
                )
                if called is not None and called is not module:
                    called.calls.append(TerraformCall(module, path, call))
    return tuple(made.values())


class TerraformCall(NamedTuple):
    """A `module` block: the module that calls, the file, the block."""

    module: "TerraformModule"
    path: str
    block: hcl.HclBlock


class TerraformModule:
    """The files of one folder, and who calls it."""

    def __init__(
        self, folder: str, blocks: Sequence[tuple[str, hcl.HclBlock]], values: Sequence[tuple[str, dict[str, hcl.Value]]]
    ) -> None:  # fmt: skip
        self.folder, self.blocks, self.values = folder, blocks, values
        self.calls: list[TerraformCall] = []  # by other folders
        self._resources: dict[str, list[tuple[int, str, hcl.HclBlock]]] = {}
        for at, (path, each) in enumerate(blocks):
            if each.type == "resource" and len(each.labels) == 2:
                self._resources.setdefault(each.labels[0], []).append((at, path, each))
        self.told: dict[str, str | None] = {}  # what variables come to, once asked

    def of(self, type_: str) -> Iterator[tuple[str, hcl.HclBlock]]:
        """The blocks of a type, with their files."""
        return ((path, each) for path, each in self.blocks if each.type == type_)

    def resources(self, *kinds: str) -> list[tuple[str, hcl.HclBlock]]:
        """The resources of these kinds, with their files, in their order."""
        found = [each for kind in kinds for each in self._resources.get(kind, ())]
        return [(path, block) for _, path, block in sorted(found, key=itemgetter(0))]

    def uses(self) -> "Iterator[tuple[str, TerraformModule]]":
        """The module once for each name that it is called by, "" where nobody calls it.

        Folders that call it by one name are stages of one thing; where one of them is production's, it counts.
        """
        named: dict[str, list[TerraformCall]] = {} if self.calls else {"": []}
        for each in self.calls:
            named.setdefault(each.block.labels[0] if each.block.labels else "", []).append(each)
        for name, calls in named.items():
            use = copy(self)
            use.calls = [each for each in calls if PRODUCTION.search(f"{each.module.folder}/")] or calls
            use.told = {}
            yield name, use

    def text(self, value: hcl.Value | None, deep: int = 0) -> str | None:
        """What an attribute comes to; None when it is not known."""
        if value is None or value.known or deep > 5:
            return value.text if value is not None and value.known else None
        match = _REFERENCE.fullmatch(
            re.sub(r"\$\{([^{}]{1,200})\}|tostring\(([^()]{1,200})\)", r"\1\2", value.text)
        )
        if match is None:
            return None
        if match[1] == "local":
            found = [
                each.attributes[match[2]] for _, each in self.of("locals") if match[2] in each.attributes
            ]
            return self.text(found[0], deep + 1) if len(found) == 1 else None
        return self._variable(match[2], deep + 1)

    def _variable(self, name: str, deep: int) -> str | None:
        """A variable as its callers, its tfvars or its default have it."""
        if name not in self.told:
            self.told[name] = None  # of modules that call each other
            self.told[name] = self._of_variable(name, deep)
        return self.told[name]

    def _of_variable(self, name: str, deep: int) -> str | None:
        if self.calls:
            given = {
                each.module.text(each.block.attributes[name], deep)
                if name in each.block.attributes
                else self._default(name)
                for each in self.calls
            }
            return given.pop() if len(given) == 1 else None
        told = [(path, values[name]) for path, values in self.values if name in values]
        chosen = [each for path, each in told if _AUTOMATIC.fullmatch(posixpath.basename(path))]
        chosen = (
            [each for path, each in told if PRODUCTION.search(path)] or chosen or [each for _, each in told]
        )
        texts = {each.text if each.known else None for each in chosen}
        return self._default(name) if not texts else texts.pop() if len(texts) == 1 else None

    def _default(self, name: str) -> str | None:
        found = [each for _, each in self.of("variable") if each.labels == (name,)]
        value = found[0].attributes.get("default") if found else None
        return value.text if value is not None and value.known else None
