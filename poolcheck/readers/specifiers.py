"""Names of JavaScript's modules as Deno and browsers write them: with a registry before, and a version behind."""

import re

# https://docs.deno.com/runtime/fundamentals/modules/ and https://esm.sh
_REGISTRY = re.compile(r"npm:/?|https://(?:esm\.sh|cdn\.jsdelivr\.net/npm|unpkg\.com)/")
_VERSION = re.compile(r"(?<=[\w-])@[\w.^~*+-]+(?=[/?]|\Z)")


def plain_module(name: str) -> str:
    """`npm:postgres@3.4.5` as the package's name: "postgres". Of https://deno.land/x/ only the version goes."""
    if ":" not in name:
        return name
    found = _REGISTRY.match(name)
    if found is None and not name.startswith("https://deno.land/x/"):
        return name
    return _VERSION.sub("", name[found.end() if found else 0 :], count=1).partition("?")[0]


def version_of(name: str) -> str:
    """The version that `npm:postgres@^3.4` asks for; "" where it asks for none."""
    found = _VERSION.search(name) if _REGISTRY.match(name) else None
    return found[0][1:] if found else ""
