"""Edits in memory: they compose, change nothing else, bring no new fault, and a second run changes nothing."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.cli import cli
from poolcheck.commands._settings import Settings
from poolcheck.connection.parse import parse
from poolcheck.fix import fix, rounds
from poolcheck.fix.diff import diff
from poolcheck.fix.fix import FixOptions
from poolcheck.fix.rounds import MendChoice, Mended
from poolcheck.model.problem import Edit
from poolcheck.model.report import Report
from poolcheck.readers.env import dotenv
from poolcheck.readers.env.dotenv import Entry

CANARY = "c4n4ry"
NEON = f"postgresql://app:{CANARY}pw@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app?sslmode=require"
POOLED = NEON.replace("a1b2c3d4.", "a1b2c3d4-pooler.")
SUPABASE = f"postgresql://postgres.abcdefghijklmnopqrst:{CANARY}pw@aws-0-eu-central-1.pooler.supabase.com:5432/postgres"
UNSAFE = MendChoice(unsafe=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which no config above can change."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poolcheck.toml").write_text('runtime = "serverless"\n')
    return tmp_path


def mend(*what: str, choice: MendChoice = UNSAFE, **given_: object) -> Mended:
    """Mend in memory."""
    return rounds.mend(what, Settings(dict(given_)), choice)


def after(text: str, *, choice: MendChoice = UNSAFE, **given_: object) -> str:
    """An env file's text after mending."""
    Path(".env").write_bytes(text.encode())
    mended = mend(".env", choice=choice, **given_)
    return mended.texts[".env"][1] if ".env" in mended.texts else text


def package(**dependencies: str) -> None:
    """A package.json with these dependencies."""
    pairs = ", ".join(f'"{name.replace("__", "/")}": "{version}"' for name, version in dependencies.items())
    Path("package.json").write_text(f'{{"dependencies": {{{pairs}}}}}')


def schema(body: str, name: str = "prisma/schema.prisma") -> None:
    """A Prisma schema with this datasource."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(f'generator client {{\n  provider = "prisma-client-js"\n}}\n\n{body}'.encode())


class TestComposed:
    """Several faults of one line."""

    def test_endpoint_and_parameters(self) -> None:
        """The pooled endpoint, the flag and the limit on one line; the old string kept for migrations."""
        text = after(f'A=1\nDATABASE_URL="{SUPABASE}" # main\nB=2\n', driver=("prisma@6.1.0",))

        pooled = SUPABASE.replace(":5432", ":6543")
        first, *rest = text.splitlines()
        assert first == "A=1"
        assert re.fullmatch(
            rf'DATABASE_URL="{re.escape(pooled)}\?(pgbouncer=true&connection_limit=1|connection_limit=1&pgbouncer=true)" # main',
            rest[0],
        )
        assert rest[1:] == [f'DIRECT_URL="{SUPABASE}"', "B=2"]

    def test_password_first_then_what_stands_behind_it(self) -> None:
        """Escaping moves the parameters; they are still found."""
        text = after("DATABASE_URL=postgresql://app:p@ss/w@db.example.com/app?sslmode=verify-ful\n")

        assert text == "DATABASE_URL=postgresql://app:p%40ss%2Fw@db.example.com/app?sslmode=verify-full\n"

    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("last", [True, False])
    @pytest.mark.parametrize("bom", ["", "\ufeff"])
    @pytest.mark.parametrize("lead", ["", "export ", "  export   "])
    @pytest.mark.parametrize("quote", ["", "'", '"'])
    def test_everything_around_the_value_stays(
        self, ending: str, last: bool, bom: str, lead: str, quote: str
    ) -> None:
        """Line ends, a missing last one, the byte order mark, export, quotes, comments, space."""
        comment = "  # keep" if quote else ""
        head = f"{bom}# top{ending}{ending}{lead}DATABASE_URL = {quote}"
        text = after(f"{head}{NEON}{quote}{comment}{ending if last else ''}", choice=UNSAFE)

        export = "export " if "export" in lead else ""
        direct = f"{export}DIRECT_URL={quote}{NEON}{quote}"
        assert text == f"{head}{POOLED}{quote}{comment}{ending}{direct}{ending if last else ''}"

    def test_line_that_a_shell_reads_gets_quotes_with_its_first_ampersand(self) -> None:
        """`export A=x?y=1&z=2` would start a job in the background."""
        text = after(f"export DATABASE_URL={POOLED}\n", driver=("prisma@6.1.0",), select=("PC203",))

        assert text == f'export DATABASE_URL="{POOLED}&connection_limit=1"\n'

    def test_two_strings_of_one_file(self) -> None:
        """Only one of them can be DIRECT_URL."""
        text = after(f"DATABASE_URL={NEON}\nANALYTICS_URL={NEON.replace('cool', 'warm')}\n")

        assert text.count("DIRECT_URL=") == 1
        assert text.count("-pooler.") == 2


DIRECT = [
    (provider.id, example.url)
    for provider in catalogue.providers()
    for example in provider.examples
    if any(end.id == example.endpoint and end.kind == "direct" for end in provider.endpoints)
]


class TestProviders:
    """Every direct endpoint of the catalogue."""

    @pytest.mark.parametrize(("provider", "url"), DIRECT)
    def test_becomes_pooled_where_that_is_certain(self, provider: str, url: str) -> None:
        """And stays as it is where the pooled string cannot be derived; going back gives the old one."""
        known = catalogue.provider(provider)
        assert known is not None
        match = catalogue.match(parse(url))
        ends = {end.id for end in known.endpoints if end.kind == "pooled" and end.mode != "session"}
        made = [
            each
            for end in ends
            if match.endpoint and (each := catalogue.convert(known, parse(url), match.endpoint.id, end))
        ]

        text = after(f'DATABASE_URL="{url}"\n')

        first = text.splitlines()[0].partition("=")[2].strip('"')
        kind = catalogue.match(parse(first)).kind
        assert kind == ("pooled" if any(each.conn for each in made) else "direct")
        if kind == "pooled":
            assert f'\nDIRECT_URL="{url}"\n' in text


class TestSafe:
    """What is made without --unsafe."""

    def test_only_what_cannot_be_for_the_worse(self) -> None:
        """The flag that Prisma needs is; another endpoint is not."""
        safe = MendChoice()

        assert after(f"DATABASE_URL={NEON}\n", choice=safe) == f"DATABASE_URL={NEON}\n"
        mended = mend(".env", choice=safe)
        assert [(each.mend.rule, each.why) for each in mended.held] == [
            ("PC101", "changes behaviour: --unsafe makes it")
        ]

    def test_selected(self) -> None:
        """Other rules' edits are named as not selected."""
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")

        mended = mend(".env", choice=MendChoice(unsafe=True, select=("PC203",)), driver=("prisma@6.1.0",))

        assert [each.rule for each in mended.made] == ["PC203"]
        assert [(each.mend.rule, each.why) for each in mended.held] == [("PC101", "not selected")]

    def test_edit_that_brings_a_fault_is_taken_back(self) -> None:
        """Supabase's transaction pooler without the flag that nobody selected would be worse than before."""
        Path(".env").write_text(f"DATABASE_URL={SUPABASE}\n")

        mended = mend(".env", choice=MendChoice(unsafe=True, select=("PC102",)), driver=("prisma@6.1.0",))

        assert not mended.made
        assert not mended.texts
        held = {each.mend.rule: each.why for each in mended.held}
        assert "would bring PC201" in held["PC102"]

    def test_declined_and_asked_once(self) -> None:
        """No edit without a yes; the same edit is not asked for again in the next round."""
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")
        asked = []

        def answer(each: rounds.Mend, steps: object) -> rounds.Answer:
            asked.append(each.rule)
            return "no" if each.rule == "PC101" else "yes"

        mended = mend(".env", choice=MendChoice(unsafe=True, ask=answer), driver=("prisma@6.1.0",))

        assert sorted(asked) == ["PC101", "PC203"]
        assert [each.rule for each in mended.made] == ["PC203"]
        assert "-pooler" not in mended.texts[".env"][1]

    def test_variable_that_is_there_already_is_not_added(self) -> None:
        """DIRECT_URL holds something else: nobody overwrites it."""
        text = f"DATABASE_URL={NEON}\nDIRECT_URL=todo\n"

        assert after(text) == text

    def test_not_utf8(self) -> None:
        """A file that cannot be read without loss is not written."""
        Path(".env").write_bytes(f"# caf\xe9\nDATABASE_URL={NEON}\n".encode("latin-1"))

        mended = mend(".env")

        assert not mended.texts
        assert [each.why for each in mended.held] == [".env is not UTF-8, or not there"]

    def test_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What came through a pipe is judged once, and not edited."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"DATABASE_URL={NEON}\n".encode())))

        mended = mend("-")

        assert [finding.rule.id for finding in mended.after.findings] == ["PC101"]
        assert not mended.made


CONFIG = """\
import "dotenv/config";
import { defineConfig, env } from "prisma/config";

export default defineConfig({
  schema: "prisma/schema.prisma",
  datasource: {
    url: env("DIRECT_URL"),
  },
});
"""


class TestPrisma:
    """Schemas and configs."""

    PRISMA_6 = 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL") // main\n}\n'

    @pytest.mark.parametrize("version", ["5.22.0", "6.19.3"])
    def test_direct_url_goes_into_the_schema(self, version: str) -> None:
        """Below url, with its indent; the rest of the file as it was, line ends included."""
        package(prisma=version)
        schema(self.PRISMA_6.replace("\n", "\r\n"))
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")

        mended = mend()

        old, new = mended.texts["prisma/schema.prisma"]
        line = '  directUrl = env("DIRECT_URL")\r\n'
        assert new.replace(line, "") == old
        assert new.index("directUrl") > new.index("url      =")
        assert "PC104" not in {finding.rule.id for finding in mended.after.findings}

    def test_schema_that_would_read_a_new_variable_is_safe_only_where_migrations_fail_already(self) -> None:
        """Through Neon's pooler they may work, and would stop where DIRECT_URL is not set; through Supavisor they do not."""
        package(prisma="6.19.3")
        schema(self.PRISMA_6)
        Path(".env").write_text(f"DATABASE_URL={POOLED}&connection_limit=1\n")
        neon = mend(choice=MendChoice())
        Path(".env").write_text(
            f"DATABASE_URL={SUPABASE.replace(':5432', ':6543')}?connection_limit=1&pgbouncer=true\n"
        )
        supabase = mend(choice=MendChoice())

        assert ([each.rule for each in neon.made], [each.mend.rule for each in neon.held]) == ([], ["PC104"])
        assert [each.rule for each in supabase.made] == ["PC104"]
        assert 'directUrl = env("DIRECT_URL")' in supabase.texts["prisma/schema.prisma"][1]

    def test_prisma_4_and_unknown_versions_are_told_in_words_only(self) -> None:
        """directUrl came with 4.10."""
        package(prisma="4.8.0")
        schema(self.PRISMA_6)
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")

        assert "prisma/schema.prisma" not in mend().texts

    def test_variable_that_the_schema_reads_already(self) -> None:
        """No second name for it."""
        package(prisma="6.19.3")
        schema(self.PRISMA_6.replace("}", '  directUrl = env("MIGRATE_URL")\n}'))

        text = after(f"DATABASE_URL={NEON}\n")

        assert f"MIGRATE_URL={NEON}\n" in text
        assert "DIRECT_URL" not in text

    def test_block_on_one_line_is_left_alone(self) -> None:
        """Then the new variable would be read by nothing, so it is not made either."""
        package(prisma="6.19.3")
        schema('datasource db { provider = "postgresql" url = env("DATABASE_URL") }\n')
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")

        mended = mend()

        assert [each.why for each in mended.held] == [
            "would bring PC302 (direct-url-not-read), which nothing here mends"
        ]
        assert "DIRECT_URL" not in mended.texts[".env"][1]

    def test_direct_string_that_nothing_reads_yet(self) -> None:
        """PC302: the schema gets its line, the env file stays."""
        package(prisma="6.19.3")
        schema(self.PRISMA_6)
        Path(".env").write_text(f"DATABASE_URL={POOLED}&connection_limit=1\nDIRECT_URL={NEON}\n")

        mended = mend()

        assert list(mended.texts) == ["prisma/schema.prisma"]
        assert 'directUrl = env("DIRECT_URL")' in mended.texts["prisma/schema.prisma"][1]

    def test_prisma_7_config_is_made_when_there_is_none(self) -> None:
        """The URL leaves the schema; only with --unsafe, and only where no config is."""
        package(prisma="7.10.1", dotenv="18.0.0")
        schema(self.PRISMA_6.replace("}", '  directUrl = env("DIRECT_URL")\n}'))
        Path(".env").write_text(f"DATABASE_URL={POOLED}\nDIRECT_URL={NEON}\n")

        mended = mend()

        assert mended.texts["prisma.config.ts"] == (
            None,
            CONFIG,
        )
        assert "rl" not in mended.texts["prisma/schema.prisma"][1].partition("datasource")[2]
        assert not mend(choice=MendChoice()).texts

    def test_prisma_7_schema_loses_its_url_when_the_config_has_one(self) -> None:
        """Prisma 7 refuses such a schema, so this is safe."""
        package(prisma="7.10.1")
        schema(self.PRISMA_6)
        Path("prisma.config.ts").write_text(
            'import { defineConfig, env } from "prisma/config";\nexport default defineConfig({ datasource: { url: env("DIRECT_URL") } });\n'
        )
        Path(".env").write_text(f"DATABASE_URL={POOLED}\nDIRECT_URL={NEON}\n")

        mended = mend(choice=MendChoice())

        assert mended.texts["prisma/schema.prisma"][1].endswith(
            'datasource db {\n  provider = "postgresql"\n}\n'
        )
        assert list(mended.texts) == ["prisma/schema.prisma"]

    @pytest.mark.parametrize(
        ("body", "wanted"),
        [
            (
                'datasource: { url: env("DATABASE_URL"), directUrl: env("DIRECT_URL") }',
                'datasource: { url: env("DIRECT_URL") }',
            ),
            (
                "datasource: {\n    url: process.env.DATABASE_URL!,\n    directUrl: process.env.DIRECT_URL!,\n  }",
                "datasource: {\n    url: process.env.DIRECT_URL!,\n  }",
            ),
        ],
    )
    def test_direct_url_that_prisma_7_does_not_read(self, body: str, wanted: str) -> None:
        """Its value becomes the one that is read."""
        package(prisma="7.10.1")
        config = (
            'import { defineConfig, env } from "prisma/config";\nexport default defineConfig({\n  BODY\n});\n'
        )
        Path("prisma.config.ts").write_text(config.replace("BODY", body))
        Path(".env").write_text(f"DATABASE_URL={POOLED}\nDIRECT_URL={NEON}\n")

        mended = mend()

        assert mended.texts["prisma.config.ts"][1] == config.replace("BODY", wanted)
        assert "PC305" not in {finding.rule.id for finding in mended.after.findings}

    def test_literal_in_a_prisma_7_schema_is_left_to_a_person(self) -> None:
        """It holds a password."""
        package(prisma="7.10.1")
        schema(f'datasource db {{\n  provider = "postgresql"\n  url = "{NEON}"\n}}\n')
        Path(".env").write_text(f"DATABASE_URL={POOLED}\nDIRECT_URL={NEON}\n")

        assert not mend().texts

    def test_config_of_drizzle_reads_the_direct_variable(self) -> None:
        """Its only variable was the app's as well."""
        package(pg="8.23.1", **{"drizzle-orm": "0.45.4", "drizzle-kit": "0.31.11"})
        config = (
            'export default { dialect: "postgresql", dbCredentials: { url: process.env.DATABASE_URL! } };\n'
        )
        Path("drizzle.config.ts").write_text(config)
        Path(".env").write_text(f"DATABASE_URL={NEON}\n")

        mended = mend()

        assert mended.texts["drizzle.config.ts"][1] == config.replace("DATABASE_URL", "DIRECT_URL")
        assert "PC103" not in {finding.rule.id for finding in mended.after.findings}


class TestApply:
    """Edits that do not fit the text any more."""

    @pytest.mark.parametrize(
        "edit",
        [
            Edit(".env", 9, 0, 1, "A", "B", "B"),
            Edit(".env", 1, 0, 1, "X", "B", "B"),
            Edit(".env", 1, 0, 99, "A=1", "B", "B"),
            Edit("gone.env", 1, 0, 1, "A", "B", "B"),
        ],
    )
    def test_refused(self, edit: Edit) -> None:
        """Nothing is guessed."""
        with pytest.raises(rounds._Stale):
            rounds.apply([edit], {}, {".env": "A=1\n"}.get)

    def test_edits_of_one_line_are_made_from_its_end(self) -> None:
        """So that the first one's place stays right."""
        edits = [Edit(".env", 1, 0, 1, "A", "LONGER", ""), Edit(".env", 1, 2, 3, "1", "2", "")]

        assert rounds.apply(edits, {}, {".env": "A=1\n"}.get) == {".env": "LONGER=2\n"}


class TestDiff:
    """What is shown of the edits."""

    def test_patch_reads_it(self) -> None:
        """A diff without secrets in it can even be applied."""
        old = 'datasource db {\n  provider = "postgresql"\n  url = env("A")\n}\n\nmodel A {\n  id Int @id\n}'
        new = old.replace('env("A")', 'env("B")').replace("Int @id", "Int @id @default(1)") + "\n"
        Path("schema.prisma").write_text(old)

        lines = diff({"schema.prisma": (old, new)})

        subprocess.run(
            ["patch", "-p1"], input="\n".join([*lines, ""]), text=True, check=True, capture_output=True
        )
        assert Path("schema.prisma").read_text() == new

    def test_new_file(self) -> None:
        """From /dev/null."""
        lines = diff({"prisma.config.ts": (None, "a\nb\n")})

        assert lines == ("--- /dev/null", "+++ b/prisma.config.ts", "@@ -0,0 +1,2 @@", "+a", "+b")
        subprocess.run(
            ["patch", "-p1"], input="\n".join([*lines, ""]), text=True, check=True, capture_output=True
        )
        assert Path("prisma.config.ts").read_text() == "a\nb\n"

    def test_git_reads_a_masked_one(self) -> None:
        """Counts of lines and hunks are right, though the lines are not the file's."""
        text = f"SECRET=x\nA=1\nDATABASE_URL={NEON}\nB=2\n"
        Path(".env").write_text(text)
        lines = diff(mend(".env").texts)

        done = subprocess.run(
            ["git", "apply", "--numstat"],
            input="\n".join([*lines, ""]),
            text=True,
            check=True,
            capture_output=True,
        )

        assert done.stdout.split() == ["2", "1", ".env"]

    def test_other_lines_and_other_values_are_not_shown(self) -> None:
        """Neighbours in an env file may be secrets without a mark."""
        old = f"API={CANARY}1\nDATABASE_URL=a {CANARY}\nX={CANARY}2\n"
        new = old.replace("DATABASE_URL=a", "DATABASE_URL=b")

        shown = "\n".join(diff({".env": (old, new)}))

        assert CANARY not in shown
        assert "-DATABASE_URL=***" in shown

    def test_a_password_is_masked_wherever_it_stands(self) -> None:
        """Also in a comment of the line that changes."""
        old = f'DATABASE_URL="{NEON}" # pw is {CANARY}pw\n'

        assert CANARY not in "\n".join(diff({".env": (old, old.replace("sslmode", "sslmod"))}))


# --- generated files --------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(
    [
        "ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech", "ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech",
        "aws-0-eu-central-1.pooler.supabase.com:5432", "aws-0-eu-central-1.pooler.supabase.com:6543",
        "db.abcdefghijklmnopqrst.supabase.co:5432", "db.prisma.io:5432", "x.postgres.database.azure.com:5432",
        "x.postgres.database.azure.com:6432", "aws-eu-central-1-1.pg.psdb.cloud:5432", "aws-eu-central-1-1.pg.psdb.cloud:6432",
        "p.abcdefghijklmnopqrstuvwxyz.db.postgresbridge.com:5432", "orders.c9akciq32.eu-central-1.rds.amazonaws.com",
        "localhost:5432", "db.example.com", "10.0.0.7:6432", "[::1]:5432", "pgbouncer:6432",
    ]
)  # fmt: skip
PARAMS = st.sampled_from(
    [
        "sslmode=require", "sslmode=disable", "sslmode=verify-ful", "pgbouncer=true", "pgbouncer=1", "connection_limit=0",
        "connection_limit=50", "connection_limt=5", "pool_timeout=0", "schema=public", "channel_binding=require",
        "options=-c%20search_path%3Da", "prepare=false", "statement_cache_size=0", "application_name=x", "max=5",
    ]
)  # fmt: skip
PASSWORDS = st.text(alphabet="aB9@/:#?%$!&=+~^ü", max_size=6).map(lambda text: f"{CANARY}{text}")
NAMES = st.sampled_from(
    ["DATABASE_URL", "DIRECT_URL", "POSTGRES_URL", "DATABASE_URL_UNPOOLED", "DATABASE_URL_POOLED", "NEXT_PUBLIC_DATABASE_URL", "TEST_DATABASE_URL", "SHADOW_DATABASE_URL"]
)  # fmt: skip
DRIVERS = st.sampled_from(
    [(), ("prisma@6.19.3",), ("prisma@7.10.1",), ("pg@8.16.0",), ("postgres-js@3.4.0",), ("asyncpg@0.30.0",), ("sqlalchemy@2.0.40",), ("pgjdbc@42.7.0",)]
)  # fmt: skip


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A connection string, good or bad."""
    scheme = draw(st.sampled_from(["postgresql", "postgres", "postgresql+asyncpg"]))
    user = draw(st.sampled_from(["app", "postgres", "postgres.abcdefghijklmnopqrst"]))
    params = draw(st.lists(PARAMS, max_size=3, unique_by=lambda pair: pair.partition("=")[0]))
    query = "?" + "&".join(params) if params else ""
    return f"{scheme}://{user}:{draw(PASSWORDS)}@{draw(HOSTS)}/{draw(st.sampled_from(['app', 'postgres']))}{query}"


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """A line that sets a connection string."""
    quote = draw(st.sampled_from(["", "'", '"']))
    comment = draw(st.sampled_from(["", " # note", "   #x"]))
    lead = draw(st.sampled_from(["", "export ", "  ", "# "]))
    return f"{lead}{draw(NAMES)}{draw(st.sampled_from(['=', ' = ']))}{quote}{draw(urls())}{quote}{comment}"


OTHERS = st.sampled_from(
    ["", "# comment", f"API_KEY={CANARY}key", "PORT=3000", "EMPTY=", f'MULTI="one\n{CANARY} two"', "  INDENTED = x  ", "broken line", f"# old {CANARY}", "# poolcheck: ignore[PC101]"]
)  # fmt: skip


@st.composite
def env_files(draw: st.DrawFn) -> str:
    """An env file."""
    lines = draw(st.lists(st.one_of(assignments(), assignments(), OTHERS), min_size=1, max_size=6))
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text


def kinds(report: Report) -> set[tuple[str, str]]:
    """Which rules speak in which file."""
    return {
        (finding.rule.id, finding.location.path if finding.location else "") for finding in report.findings
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for all generated files."""
    path = tmp_path_factory.mktemp("generated")
    (path / "poolcheck.toml").write_text("")
    here = Path.cwd()
    os.chdir(path)
    yield path
    os.chdir(here)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    text=env_files(), driver=DRIVERS, unsafe=st.booleans(), runtime=st.sampled_from(["serverless", "server"])
)
def test_generated_files(
    folder: Path, text: str, driver: tuple[str, ...], unsafe: bool, runtime: str
) -> None:
    """Written, linted again: no rule speaks where it was silent, no other byte moved, and a second run does nothing."""
    os.chdir(folder)
    path = folder / ".env"
    path.write_bytes(text.encode())
    chosen = Settings({"driver": driver, "runtime": runtime})
    options = FixOptions(asked="write", choice=MendChoice(unsafe=unsafe))
    before = rounds.mend((".env",), chosen, MendChoice()).before if "://" in text else None
    if before is None:
        return

    report = fix.fix((".env",), chosen, options)
    written = path.read_bytes()

    assert kinds(report) <= kinds(before)
    assert {each.name for each in folder.iterdir()} == {".env", "poolcheck.toml"}
    unchanged_around(text, written.decode())
    again = fix.fix((".env",), chosen, options)
    assert path.read_bytes() == written
    assert kinds(again) == kinds(report)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=env_files(), driver=DRIVERS, form=st.sampled_from(["text", "json", "markdown"]))
def test_generated_secrets(folder: Path, text: str, driver: tuple[str, ...], form: str) -> None:
    """No password is in any output, and none in a file that was not there."""
    os.chdir(folder)
    path = folder / ".env"
    options = ["--unsafe", "--format", form, *(word for each in driver for word in ("--driver", each))]
    for mode in ([], ["--diff"], ["--write"]):
        path.write_bytes(text.encode())
        arguments = ["fix", ".env", *mode, *(options if mode else options[1:])]
        result = CliRunner().invoke(cli, arguments)
        assert CANARY not in result.output, arguments
        assert result.exit_code in (0, 1, 3)
    assert {each.name for each in folder.iterdir()} == {".env", "poolcheck.toml"}


def unchanged_around(old: str, new: str) -> None:
    """Only the text of connection strings differs; what is added is a direct string below one, with the file's line end."""
    one, two = dotenv.read(old), dotenv.read(new)
    ends = {line[len(line.rstrip("\r\n")) :] for line in one.lines}
    by_line = [{entry.line: entry for entry in file.entries} for file in (one, two)]
    place = 0
    for number, line in enumerate(two.lines, 1):
        entry = by_line[1].get(number)
        was = one.lines[place] if place < len(one.lines) else None
        before = by_line[0].get(place + 1)
        end = line[len(line.rstrip("\r\n")) :]
        if was is not None and line.rstrip("\r\n") == was.rstrip("\r\n"):
            place += 1
            assert end == was[len(was.rstrip("\r\n")) :] or (place == len(one.lines) and end in {*ends, "\n"})
        elif (
            before is not None
            and entry is not None
            and (entry.key, entry.commented) == (before.key, before.commented)
            and "://" in before.raw
        ):
            place += 1
            assert around(entry) == around(before)
        else:
            assert entry is not None
            assert entry.key == "DIRECT_URL"
            assert not entry.commented
            assert "://" in entry.raw
    assert place == len(one.lines)
    assert old.startswith("\ufeff") == new.startswith("\ufeff")


def around(entry: Entry) -> tuple[str, str]:
    """What stands before and behind the value; the quotes that a shell needs are its own."""
    line = entry.raw_line
    before, behind = line[: entry.value_column], line[entry.value_column + len(entry.raw) :]
    return (before.rstrip('"'), behind.lstrip('"')) if entry.export else (before, behind)
