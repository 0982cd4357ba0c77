"""Names of JavaScript's modules as Deno and browsers write them: with a registry before, and a version behind."""

import re

# https://docs.deno.com/runtime/fundamentals/modules/ and https://esm.sh
_REGISTRY = re.compile(r"npm:/?|https://(?:esm\.sh|cdn\.jsdelivr\.net/npm|unpkg\.com)/")
_VERSION = re.compile(r"(?<=[\w-])@[\w.^~*+-]+(?=[/?]|\Z)")


def plain_module(name: str) -> str:
    """`npm:postgres@3.4.5` as the package's name: "postgres"; https://deno.land/x/postgresjs@v3/mod.js as "deno.land/x/postgresjs"."""
    if ":" not in name:
        return name
    found = _REGISTRY.match(name)
    if found is not None:
        return _VERSION.sub("", name[found.end() :], count=1).partition("?")[0]
    own = re.fullmatch(r"https://(deno\.land/x/[\w-]+)(?:@[\w.+-]+)?/mod\.[jt]s", name)
    return own[1] if own else name


def version_of(name: str) -> str:
    """The version that `npm:postgres@^3.4` asks for; "" where it asks for none."""
    found = _VERSION.search(name) if _REGISTRY.match(name) else None
    return found[0][1:] if found else ""
