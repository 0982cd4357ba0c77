"""What a query is sent to: a pool that gives each query to any of its connections, or one connection."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tree_sitter import Node

from poolcheck.model.facts import Maker
from poolcheck.model.makers import Makers
from poolcheck.model.source import Mark, Site
from poolcheck.readers.javascript.bindings import Bindings
from poolcheck.readers.javascript.tree import Module, bare, chain, function_around, name_of, up
from poolcheck.readers.syntax import field, text

_POOL_NAME = re.compile(r"(?:[A-Za-z]*_?)?[pP]ool$")
_POOL_TYPE = re.compile(
    r"(?:\b(?:Pool|PrismaClient|PrismaService|DataSource|Sequelize|Knex|Sql)\b|\b(?:NodePg|PostgresJs|Neon)Database\b)(?!\w)"
)
_ONE_TYPE = re.compile(
    r"\b(?:PoolClient|ClientBase|Client|QueryRunner|EntityManager|Transaction\w*|ReservedSql)\b"
)
_ONE = re.compile(
    r"\.(?:connect|reserve|getClient|acquire)\s*\(|\bnew\s+(?:[\w$]+\.)?Client\b|createQueryRunner"
)
_LOCAL = re.compile(r"^(?:\.{1,2}(?:/|$)|[@~#$][\w-]*/|@$)")


class Receiver(NamedTuple):
    """A pool, by the words of the file."""

    words: str  # "this.pool"
    maker: Maker | None = None  # what made it, where the file tells
    size: int | None = None
    module: str = ""  # the file of the project that it is imported from, as the import names it
    exported: str = ""  # and the name that it has there

    @property
    def named(self) -> bool:
        """Whether its name says that it is a pool."""
        return _POOL_NAME.match(self.words.removesuffix("()").rpartition(".")[2]) is not None


class Receivers:
    """The pools of one file, by their names."""

    def __init__(self, module: Module, sites: Iterable[Site], makers: Makers) -> None:
        self.module, self.makers = module, makers
        self.bindings = Bindings(module)
        self.all_sites = tuple(sites)
        self._sites = {site.name: site for site in self.all_sites if site.name}
        self._imports = {name for name, known in module.imports.items() if _LOCAL.match(known.module)}

    def of(self, node: Node | None) -> Receiver | None:
        """The pool that an expression names; None when it is none, or not known to be one."""
        node = bare(node)
        if node is None:
            return None
        if node.type == "call_expression":
            called = text(field(node, "function"))
            fits = re.fullmatch(r"(?:[\w$]+\.){0,3}(?:get|use)\w*Pool", called)
            return Receiver(f"{called}()") if fits else None
        names = chain(node)
        if not names:
            return None
        root = node
        while root.type == "member_expression":
            root = bare(field(root, "object")) or root
        declared = self._declaration(root) if names[0] != "this" else None
        if len(names) == 1 and declared is not None:
            return self._declared(names[0], declared)
        site = self._sites.get(names[-1])
        if site is not None and (names[0] == "this" or declared is None or len(names) > 1):
            return _made(site, ".".join(names))
        if names[0] == "this" and len(names) == 2:
            return self._field(names, root)
        if declared is None and names[0] in self._imports:
            known = self.module.imports[names[0]]
            exported = names[-1] if len(names) > 1 else known.exported
            return Receiver(".".join(names), module=known.module, exported=exported)
        return Receiver(".".join(names)) if _POOL_NAME.match(names[-1]) else None

    def _declaration(self, name: Node) -> Node | None:
        """What declares a name in the file; None when it is imported or required."""
        declared = self.bindings.declaration(name)
        if declared is not None and text(name) in self._imports:
            if re.search(r"\b(?:require|import)\s*\(", text(field(declared, "value"))):
                return None
        return declared

    def _declared(self, name: str, declared: Node) -> Receiver | None:
        site = self._sites.get(name)
        if declared.type == "variable_declarator":
            value = field(declared, "value")
            made = self._call(value)
            if made is not None:
                size = site.number("max") if site is not None else None
                return Receiver(name, made, size)
            if _ONE.search(text(value)):
                return None
            if site is not None and value is None:
                return _made(site, name)
        kind = text(field(declared, "type")) or (
            text(declared) if declared.type == "required_parameter" else ""
        )
        if site is not None and declared.type == "variable_declarator":
            return _made(site, name)
        if _ONE_TYPE.search(kind):
            return None
        known = declared.type in ("required_parameter", "optional_parameter") and _POOL_TYPE.search(
            text(field(declared, "type"))
        )
        return Receiver(name) if known or _POOL_NAME.match(name) else None

    def _call(self, value: Node | None) -> Maker | None:
        """What a value makes, also of a client that exists, `drizzle(pool)`, or by a function of the file."""
        value = bare(value)
        if value is not None and value.type == "binary_expression":
            return self._call(field(value, "right")) or self._call(field(value, "left"))
        if value is None or value.type not in ("call_expression", "new_expression"):
            return None
        callee = field(value, "function") or field(value, "constructor")
        called = chain(callee) if callee is not None else ()
        if not called or callee is None:
            return None
        known = self.module.imports.get(called[0])
        if known is None:
            return self._made_by(callee) if len(called) == 1 else None
        made = self.makers.of(known.module, called[-1] if len(called) > 1 else known.exported)
        return made if made is not None and made.makes != "connection" and made.wire != "http" else None

    def _made_by(self, callee: Node) -> Maker | None:
        """What a function of the file makes: the one kind of pool that is made inside of it."""
        function = self.bindings.declaration(callee)
        if function is None:
            return None
        first, last = function.start_point.row + 1, function.end_point.row + 1
        made = [site.made for site in self.all_sites if first <= site.line <= last]
        return made[0] if made and made[0].makes != "connection" and made[0].wire != "http" else None

    def of_prisma(self, owner: Node) -> Receiver | None:
        """The client that `$executeRaw` and its like are called on: inside a transaction that is a parameter."""
        names = chain(owner)
        root = owner
        while root.type == "member_expression":
            root = bare(field(root, "object")) or root
        declared = self.bindings.declaration(root) if root.type == "identifier" else None
        if not names or (declared is not None and declared.type != "variable_declarator"):
            return self.of(owner)
        value = text(bare(field(declared, "value"))) if declared is not None else ""
        if declared is not None and (
            function_around(declared) is not None or re.search(r"\b(?:tx|trx)\b", value)
        ):
            return self.of(owner)
        return Receiver(".".join(names), self.makers.of("*", "PrismaClient"))

    def _field(self, names: tuple[str, ...], this: Node) -> Receiver | None:
        """`this.pool`, by the type of the field or of the constructor's parameter, else by its name."""
        owner = next((outer for outer in up(this) if outer.type == "class_body"), None)
        if owner is not None:
            pattern = (
                rb"(?<![\w$.])"
                + re.escape(names[1].encode())
                + rb"\s{0,9}[!?]?\s{0,9}:\s{0,9}([\w.<>| ]{1,80})"
            )
            found = re.search(pattern, self.module.code[owner.start_byte : owner.end_byte])
            kind = found[1].decode("utf-8", "replace") if found is not None else ""
            if _ONE_TYPE.search(kind):
                return None
            if _POOL_TYPE.search(kind):
                return Receiver(".".join(names))
        return Receiver(".".join(names)) if _POOL_NAME.match(names[1]) else None

    def pools(self) -> Iterator[Mark]:
        """What of the file is a pool, for those who import it, and the functions that only pass queries on to one."""
        names = {}
        for site in self.all_sites:
            if site.made.makes != "connection" and site.made.wire != "http":
                names[site.name] = site.kind
                yield Mark(site.kind, site.line, site.column, site.name)
        for name, known in list(self.module.imports.items()):
            made = self.makers.of(known.module, known.exported)
            if made is None or not made.wraps or made.wire == "http":
                continue
            for use in self.module.uses(name):
                declared = next((outer for outer in up(use) if outer.type == "variable_declarator"), None)
                bound = text(field(declared, "name"))
                if bound and bound not in names:
                    names[bound] = made.kind
                    yield Mark(made.kind, self.module.line(use), 1, bound)
        for name, kind in names.items():
            for use in self.module.uses(name, kinds=_FIELDS) if name else ():
                function = function_around(use)
                sends = _SENDS.match(self.module.code, use.end_byte)
                if function is not None and sends and not _takes(function) and name_of(function):
                    yield Mark(kind, self.module.line(function), 1, name_of(function))

    def function(self, called: Node | None) -> Receiver | None:
        """The pool behind a function that passes its statement on: `query("BEGIN")`."""
        if called is None or called.type != "identifier":
            return None
        name = text(called)
        if self._declaration(called) is None and name in self._imports:
            known = self.module.imports[name]
            return Receiver(name, module=known.module, exported=known.exported)
        here = [mark for mark in self.pools() if mark.text == name]
        made = next((site.made for site in self.all_sites if here and site.kind == here[0].kind), None)
        return Receiver(name, made) if made is not None else None


_FIELDS = frozenset({"identifier", "property_identifier", "private_property_identifier"})
_SENDS = re.compile(rb"\s*!?\.(?:query|execute|unsafe|raw)\s*\(")


def _takes(function: Node) -> bool:
    """Whether a function takes a connection of its own."""
    return _ONE.search(text(function)) is not None


def _made(site: Site, words: str) -> Receiver | None:
    if site.made.makes == "connection" or site.made.wire == "http":
        return None
    return Receiver(words, site.made, site.number("max"))
