"""Modules as Deno and browsers name them."""

import pytest

from poolcheck.readers.manifests import manifest
from poolcheck.readers.specifiers import plain_module, version_of


@pytest.mark.parametrize(
    ("written", "name", "version"),
    [
        ("npm:postgres@3.4.5", "postgres", "3.4.5"),
        ("npm:postgres", "postgres", ""),
        ("npm:/pg@^8.13", "pg", "^8.13"),
        ("npm:@prisma/client@6/edge", "@prisma/client/edge", "6"),
        ("npm:drizzle-orm@0.45.4/postgres-js", "drizzle-orm/postgres-js", "0.45.4"),
        ("https://esm.sh/postgres@3.4.5?target=deno", "postgres", "3.4.5"),
        ("https://deno.land/x/postgresjs@v3.4.5/mod.js", "deno.land/x/postgresjs", ""),
        ("node:fs", "node:fs", ""),
        ("@scope/own", "@scope/own", ""),
        ("../db@2.ts", "../db@2.ts", ""),
    ],
)
def test_names(written: str, name: str, version: str) -> None:
    """The package's name stays, whatever stands before and behind it."""
    assert plain_module(written) == name
    assert version_of(written) == version


def test_import_map() -> None:
    """deno.json names packages of npm; what is no package of npm is left out."""
    text = '{\n  // of Deno\n  "imports": {\n    "pg": "npm:pg@8.13.0",\n    "drizzle/": "npm:/drizzle-orm@0.45/",\n    "@std/fs": "jsr:@std/fs@1",\n  },\n}\n'
    found = manifest.read(text, "deno.jsonc")

    assert [(each.name, each.version.text, each.line) for each in found.dependencies] == [
        ("pg", "8.13.0", 4),
        ("drizzle-orm", "0.45", 5),
    ]
