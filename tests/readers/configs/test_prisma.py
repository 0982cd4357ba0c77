"""The schema.prisma scanner: what real schemas hold, and the traps in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.readers.configs import prisma
from poolcheck.readers.configs.prisma import PrismaSchema, UrlField

SIX = """// This is your Prisma schema file
generator client {
  provider        = "prisma-client-js"
  output          = "../generated/client"
  previewFeatures = ["driverAdapters", "metrics"]
  engineType      = "library"
}

datasource db {
  provider          = "postgresql"
  url               = env("DATABASE_URL") // pooled
  // directUrl      = env("OLD_URL")
  directUrl         = env("DIRECT_URL")
  shadowDatabaseUrl = "postgresql://u:hunter2@localhost:5432/shadow"
  extensions        = [pgvector(map: "vector"), uuidOssp(map: "uuid-ossp")]
}

model Post {
  id        Int    @id
  generator String @default("datasource x { url = 1 }")
}
"""


def cut(text: str, field: UrlField) -> str:
    """The text that a field's place points at."""
    assert field.location.line is not None
    return text.split("\n")[field.location.line - 1][field.start : field.end]


def test_prisma_6() -> None:
    """The usual schema: variables, literal, places, generator options."""
    found = prisma.read(SIX, "prisma/schema.prisma")
    source = found.datasource
    assert source is not None
    assert source.postgres
    assert (source.name, str(source.location), source.end_line) == ("db", "prisma/schema.prisma:9:1", 16)
    assert source.url is not None
    assert (source.url.variable, source.url.literal) == ("DATABASE_URL", None)
    assert str(source.url.location) == "prisma/schema.prisma:11:3"
    assert cut(SIX, source.url) == 'env("DATABASE_URL")'
    assert source.direct_url is not None
    assert source.direct_url.variable == "DIRECT_URL"
    assert source.shadow_url is not None
    assert source.shadow_url.literal is not None
    assert source.shadow_url.literal.reveal() == "postgresql://u:hunter2@localhost:5432/shadow"
    assert cut(SIX, source.shadow_url).startswith('"postgresql://')
    assert "hunter2" not in repr(found)
    (generator,) = found.generators
    assert generator.client
    assert (generator.output, generator.engine_type) == ("../generated/client", "library")
    assert generator.preview_features == ("driverAdapters", "metrics")
    marks = (found.is_template, found.is_generated_copy, found.prisma_8)
    assert marks == (False, False, False)


def test_prisma_7_and_several_generators() -> None:
    """No url in the schema, several generators, any name for the datasource, tabs and CRLF."""
    text = (
        'generator client {\r\n\tprovider = "prisma-client"\r\n\toutput = "./gen"\r\n\truntime = "workerd"\r\n}\r\n'
        'generator zod {\r\n\tprovider = "zod-prisma-types"\r\n}\r\n'
        'generator py {\r\n\tprovider = "prisma-client-py"\r\n}\r\n'
        'datasource postgres {\r\n\tprovider="postgres"\r\n}\r\n'
    )
    found = prisma.read(text, "schema.prisma")
    assert [(one.name, one.provider, one.client) for one in found.generators] == [
        ("client", "prisma-client", True),
        ("zod", "zod-prisma-types", False),
        ("py", "prisma-client-py", False),
    ]
    assert found.generators[0].runtime == "workerd"
    source = found.datasource
    assert source is not None
    assert (source.name, source.provider, source.postgres, source.url) == ("postgres", "postgres", True, None)


@pytest.mark.parametrize(
    ("text", "datasources", "generators"),
    [
        ('// datasource db {\n//   provider = "postgresql"\n// }\n', 0, 0),
        ('/* datasource db {\n provider = "postgresql"\n} */\n', 0, 0),
        ('model generator {\n  datasource Int\n  x String @default("}")\n}\n', 0, 0),
        ('model A {\n  generator String\n}\ngenerator g {\n  provider = "x"\n}\n', 0, 1),
        ('model A {\n  x String @default("{ // }")\n}\ndatasource db {\n  provider = "mysql"\n}\n', 1, 0),
        ("enum datasource {\n  db\n}\n", 0, 0),
        ("datasource {\n}\n", 0, 0),
        ("datasource db {", 0, 0),
        ("}}}\ndatasource db {\n}\n", 1, 0),
        ("", 0, 0),
        ("/// datasource db { }\nmodel A { id Int }\n", 0, 0),
    ],
)
def test_what_is_a_block(text: str, datasources: int, generators: int) -> None:
    """Only a block at depth 0, outside comments and strings, counts."""
    found = prisma.read(text, "schema.prisma")
    assert (len(found.datasources), len(found.generators)) == (datasources, generators)


def _source(body: str) -> PrismaSchema:
    return prisma.read(f"datasource db {{\n{body}\n}}\n", "schema.prisma")


@pytest.mark.parametrize(
    ("body", "variable"),
    [
        ('url=env("A")', "A"),
        ('url = env( "A" )', "A"),
        ('url = env("A")// no space', "A"),
        ('url = env("A") /* block */', "A"),
        ('url = env("A") // b } {', "A"),
        ('url = env("A")\nprovider = "postgresql"', "A"),
        ('extensions = [\n  pgvector(map: "url"),\n  // ]\n  x\n]\nurl = env("A")', "A"),
        ('url // where\n= env("B")\nurl = env("A")', "A"),
        ('url = env("A")\nurl = env("B")', "A"),
        ('relationMode = "prisma"\nurl = env("A")', "A"),
        ('provider = "postgresql" url = env("A") directUrl = env("B")', "A"),
        ("url = env('A')", ""),
        ("url =", ""),
    ],
)
def test_url(body: str, variable: str) -> None:
    """The variable, however the line is written."""
    source = _source(body).datasource
    assert source is not None
    assert source.url is not None
    assert source.url.variable == variable
    assert source.url.literal is None


def test_block_on_one_line() -> None:
    """Prisma wants one key a line; what is meant is clear all the same."""
    found = prisma.read(
        'datasource db { provider = "postgresql" url = env("X") }', "schema.prisma"
    ).datasource
    assert found is not None
    assert found.url is not None
    assert (found.provider, found.url.variable) == ("postgresql", "X")


def test_list_of_providers() -> None:
    """Early schemas list providers; the first counts."""
    source = _source('provider = ["postgresql", "sqlite"]').datasource
    assert source is not None
    assert source.provider == "postgresql"


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ('datasource db {\n  provider = "{{provider}}"\n  url = env("X")\n}', True),
        ("{{#if postgres}}\ndatasource db {\n}\n{{/if}}", True),
        ('datasource db {\n  url = "postgresql://<%= user %>@h/db"\n}', True),
        ("datasource db {\n  provider = ${provider}\n}", True),
        ('model A {\n  x Json @default("{\\"a\\": {{}}}")\n}', False),
        ("// use {{name}} here\nmodel A {\n}", False),
        (SIX, False),
    ],
)
def test_template(text: str, template: bool) -> None:
    """Marks of template languages count where Prisma has none."""
    assert prisma.read(text, "schema.prisma").is_template is template


def test_parts_and_copies() -> None:
    """Multi-file schemas, generated copies, Prisma 8's mark."""
    assert prisma.read(SIX, "src/generated/prisma/schema.prisma").is_generated_copy
    assert prisma.read(SIX, "dist/schema.prisma").is_generated_copy
    assert prisma.read("// use prisma-8\nmodel A {\n}\n", "contract.prisma").prisma_8
    assert prisma.matches("db/schema/user.prisma")
    assert not prisma.matches("schema.ts")


PIECES = st.sampled_from(
    [
        *'{}[]()="\n \\é\0\ud800',
        "datasource db {",
        "generator g {",
        "url",
        'env("A")',
        "//",
        "/*",
        "*/",
        "{{",
        "\r\n",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@settings(max_examples=400, deadline=None)
def test_no_text_raises(text: str) -> None:
    """Any text is read, and every place lies inside it."""
    rows = text.split("\n")
    found = prisma.read(text, "schema.prisma")
    for source in found.datasources:
        for field in (source.url, source.direct_url, source.shadow_url):
            if field is not None:
                assert field.location.line is not None
                assert 1 <= field.location.line <= len(rows)
                assert 0 <= field.start <= field.end


@given(
    st.text(alphabet=st.characters(blacklist_characters='"\\\n\r', blacklist_categories=["Cs"]), max_size=20)
)
def test_variable_comes_back(name: str) -> None:
    """Whatever stands in env("...") is what is read."""
    source = _source(f'  provider = "postgresql"\n  url = env("{name}")').datasource
    assert source is not None
    assert source.url is not None
    assert source.url.variable == name


@pytest.mark.parametrize("piece", ["{", "/*", '"', "datasource db {\n", "a = [", "}", "url = "])
def test_linear(piece: str) -> None:
    """A megabyte of anything is read: a pass that is not linear would not end."""
    prisma.read(piece * (1_000_000 // len(piece)), "schema.prisma")
