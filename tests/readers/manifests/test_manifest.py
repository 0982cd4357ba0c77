"""Manifests and lock files, as their tools write them. The lock files under locks/ were made by npm, pnpm, Yarn and Bun."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolcheck.model.project import Version
from poolcheck.readers.index import manifest_of
from poolcheck.readers.manifests import manifest, versions
from poolcheck.readers.manifests.manifest import Manifest
from tests.steps import steps

LOCKS = Path(__file__).parent / "locks"
KNOWN = {
    "npm:@prisma/client": "prisma",
    "npm:prisma": "prisma",
    "npm:pg": "pg",
    "npm:postgres": "postgres-js",
    "pypi:psycopg": "psycopg",
    "pypi:psycopg[pool]": "psycopg-pool",
    "pypi:sqlalchemy": "sqlalchemy",
    "gem:pg": "ruby-pg",
    "gem:activerecord": "activerecord",
    "go:github.com/jackc/pgx/v5": "pgx",
}


def held(found: Manifest) -> dict[str, tuple[str, tuple[int, ...], bool]]:
    """Name → version text, release numbers, exactness."""
    return {one.name: (one.version.text, one.version.parts, one.version.exact) for one in found.dependencies}


@pytest.mark.parametrize(
    ("text", "parts", "exact"),
    [
        ("^6.2.0", (6, 2, 0), False),
        ("~6.2", (6, 2), False),
        ("6.19.3", (6, 19, 3), True),
        ("=6.19.3", (6, 19, 3), True),
        ("v6.19.3", (6, 19, 3), True),
        ("6", (6,), False),
        ("6.x", (6,), False),
        ("8.11.*", (8, 11), False),
        (">=6 <7", (6,), False),
        (">= 6.1 < 7.0.0", (6, 1), False),
        (">6 <8", (7,), False),
        ("^6.1 || ^6.4", (6, 1), False),
        ("6.1.0 - 6.9", (6, 1, 0), False),
        ("^8.0.0-rc.19", (8, 0, 0), False),
        ("8.0.0-rc.19", (8, 0, 0), True),
        ("^0.45.4", (0, 45, 4), False),
        ("*", (), False),
        ("", (), False),
        ("latest", (), False),
        (">=5", (), False),
        ("5 || 6", (), False),
        ("^6 || latest", (), False),
        (">=5 <7", (), False),
        ("<7", (), False),
        ("workspace:*", (), False),
        ("workspace:^1.0.0", (), False),
        ("catalog:", (), False),
        ("git+https://github.com/brianc/node-postgres.git#v8.1.0", (), False),
        ("github:porsager/postgres", (), False),
        ("file:../pg", (), False),
        (">=7 <6", (), False),
    ],
)
def test_npm_range(text: str, parts: tuple[int, ...], exact: bool) -> None:
    """A range tells a major only when every release it admits has it."""
    assert versions.npm(text) == Version(text.strip(), parts, exact)


@pytest.mark.parametrize(
    ("text", "parts", "exact"),
    [
        ("==2.0.36", (2, 0, 36), True),
        ("==2.*", (2,), False),
        ("~=2.0", (2, 0), False),
        (">=2.0,<3", (2, 0), False),
        (">=2.0,!=2.0.3,<2.1", (2, 0), False),
        ("^3.1", (3, 1), False),
        ("3.1", (3, 1), True),
        (">=1.4", (), False),
        ("", (), False),
        ("*", (), False),
        (">=1.4,<3", (), False),
    ],
)
def test_python_specifier(text: str, parts: tuple[int, ...], exact: bool) -> None:
    """PEP 440, and Poetry's own marks."""
    assert versions.python(text) == Version(text, parts, exact)


@pytest.mark.parametrize(
    ("read", "text", "parts", "exact"),
    [
        ("gem", "~> 1.5, >= 1.5.3", (1, 5, 3), False),
        ("gem", ">= 0.18, < 2.0", (), False),
        ("gem", "~> 0.19 or ~> 0.20", (0, 19), False),
        ("composer", "^3.0@beta", (3, 0), False),
        ("composer", "dev-master", (), False),
        ("cargo", "0.8", (0, 8), False),
        ("cargo", "=0.8.2", (0, 8, 2), True),
        ("cargo", "1", (1,), False),
        ("interval", "42.7.4", (42, 7, 4), True),
        ("interval", "42.+", (42,), False),
        ("interval", "[42.5,43)", (42, 5), False),
        ("interval", "[42.5,44)", (), False),
        ("interval", "[8.0.3]", (8, 0, 3), True),
        ("interval", "[42,)", (), False),
        ("interval", "latest.release", (), False),
    ],
)
def test_other_ranges(read: str, text: str, parts: tuple[int, ...], exact: bool) -> None:
    """RubyGems, Hex, Composer, Cargo, Maven, Gradle and NuGet."""
    found = getattr(versions, read)(text)
    assert (found.parts, found.exact) == (parts, exact)


def test_package_json() -> None:
    """Dependencies with their lines, aliases by their real name, and what else is told."""
    found = manifest.read(
        """{
  "name": "shop",
  "workspaces": {"packages": ["apps/*"]},
  "scripts": {"build": "prisma generate && next build", "bad": 1},
  "prisma": {"schema": "db/schema.prisma"},
  "dependencies": {
    "db": "npm:pg@^8.11.0",
    "pg": "^8.0.0",
    "scoped": "npm:@prisma/client@6.1.0"
  },
  "devDependencies": {"prisma": "^6", "pg": "^7"},
  "peerDependencies": {"postgres": "*"}
}""",
        "apps/web/package.json",
    )
    assert found.problem is None
    assert (found.name, found.workspaces, found.prisma_schema) == ("shop", ("apps/*",), "db/schema.prisma")
    assert found.scripts == (("build", "prisma generate && next build"),)
    rows = [(one.name, one.local, one.version.text, one.line, one.dev) for one in found.dependencies]
    assert rows == [
        ("pg", "db", "^8.11.0", 7, False),
        ("pg", "", "^8.0.0", 8, False),
        ("@prisma/client", "scoped", "6.1.0", 9, False),
        ("prisma", "", "^6", 11, True),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{\n  "name": "x",\n  "dependencies": {"pg": "^8" "x": 1}\n}', 3, "not valid JSON"),
        ('{\n  // drivers\n  "dependencies": {}\n}', 2, "comment"),
        ('{"a": 1}\n/* end */', 2, "comment"),
        ("[]", 1, "not a JSON object"),
        ("", 1, "not valid JSON"),
        ("[" * 100_000, None, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", None, "too long"),
    ],
)
def test_broken_package_json(text: str, line: int | None, words: str) -> None:
    """A clear sentence with its line, and no dependencies made up."""
    found = manifest.read(text, "package.json")
    assert found.problem is not None
    assert found.problem.line == line
    assert words in found.problem.message
    assert found.dependencies == ()


def test_byte_order_mark_and_odd_types() -> None:
    """npm takes a byte order mark; values of the wrong type are passed over."""
    found = manifest.read(
        '\ufeff{"dependencies": {"pg": "8.1.0", "x": null}, "scripts": [], "workspaces": "a"}', "package.json"
    )
    assert held(found) == {"pg": ("8.1.0", (8, 1, 0), True)}
    assert manifest.read('{"dependencies": [1]}', "package.json").dependencies == ()


@pytest.mark.parametrize(
    ("file", "name", "own_pg"),
    [
        ("package-lock.v1.json", "package-lock.json", "8.23.1"),
        ("package-lock.v2.json", "package-lock.json", "8.23.1"),
        ("package-lock.v3.json", "npm-shrinkwrap.json", "8.23.1"),
        ("yarn.v1.lock", "yarn.lock", "8.23.1"),
        ("yarn.berry.lock", "yarn.lock", "8.23.1"),
        ("pnpm-lock.v6.yaml", "pnpm-lock.yaml", "8.23.1"),
        ("pnpm-lock.v9.yaml", "pnpm-lock.yaml", "8.23.1"),
        ("bun.lock", "bun.lock", "8.11.0"),  # bun resolves the member's ^8.11.0 to the release it already has
    ],
)
def test_lock_files_answer_for_root_and_member(file: str, name: str, own_pg: str) -> None:
    """The root and a workspace member ask for different releases of the same packages; each gets its own."""
    lock = manifest.read((LOCKS / file).read_text(), name)
    assert lock.problem is None
    root = manifest.read((LOCKS / "package.json").read_text(), "package.json")
    member = manifest.read((LOCKS / "packages/db/package.json").read_text(), "packages/db/package.json")
    own = {use.id: use for use in manifest.drivers([root, lock], KNOWN)}
    assert {key: use.version.text for key, use in own.items()} == {
        "prisma": "6.19.3",
        "pg": "8.11.0",
        "postgres-js": "3.4.4",
    }
    assert all(use.version.exact and use.source == name for use in own.values())
    below = {use.id: use.version.text for use in manifest.drivers([member, root, lock], KNOWN)}
    assert below == {"prisma": "6.19.3", "pg": own_pg, "postgres-js": "3.3.5"}


def test_pnpm_5() -> None:
    """The older shape: versions beside the names, peers after an underscore, importers or none."""
    found = manifest.read(
        """lockfileVersion: 5.4

specifiers:
  pg: ^8.7.1
  next: ^12

dependencies:
  pg: 8.7.3_pg-native@3.0.0
  db: /pg/8.2.0
  local: link:../local

devDependencies:
  prisma: 4.16.2

packages:

  /pg/8.7.3:
    dependencies:
      fake: 1.0.0
""",
        "pnpm-lock.yaml",
    )
    rows = [(one.name, one.local, one.version.parts, one.dev, one.line) for one in found.dependencies]
    assert rows == [
        ("pg", "", (8, 7, 3), False, 8),
        ("pg", "db", (8, 2, 0), False, 9),
        ("prisma", "", (4, 16, 2), True, 13),
    ]
    importers = manifest.read(
        "lockfileVersion: 5.3\nimporters:\n  .:\n    specifiers: {}\n  packages/db:\n    specifiers:\n      pg: ^8\n"
        "    dependencies:\n      pg: 8.7.3\npackages:\n",
        "pnpm-lock.yaml",
    )
    assert [(one.name, one.member) for one in importers.dependencies] == [("pg", "packages/db")]


def test_pnpm_catalog() -> None:
    """`catalog:` means what pnpm-workspace.yaml says, unless the lock file knows better."""
    asked = manifest.read('{"dependencies": {"pg": "catalog:", "postgres": "catalog:old"}}', "a/package.json")
    workspace = manifest.read(
        "packages:\n  - 'a'\n  - b/*  # more\ncatalog:\n  pg: ^8.11.0\ncatalogs:\n  old:\n    postgres: 3.3.5\n",
        "pnpm-workspace.yaml",
    )
    assert workspace.workspaces == ("a", "b/*")
    flow = manifest.read('packages: ["a", b/*]\ncatalog: {pg: "^8.11.0"}\n', "pnpm-workspace.yaml")
    assert (flow.workspaces, [one.name for one in flow.dependencies]) == (("a", "b/*"), ["pg"])
    found = {use.id: use for use in manifest.drivers([asked, workspace], KNOWN)}
    assert found["pg"].version.major == 8
    assert found["postgres-js"].version.parts == (3, 3, 5)
    assert {use.version.parts for use in manifest.drivers([asked], KNOWN)} == {()}


def test_stale_lock_of_another_manager() -> None:
    """A left-over lock file of another major does not overrule the one that fits."""
    asked = manifest.read('{"dependencies": {"prisma": "^6.2.0"}}', "package.json")
    old = manifest.read('prisma@^5.0.0:\n  version "5.22.0"\n', "yarn.lock")
    new = manifest.read('{"packages": {"node_modules/prisma": {"version": "6.19.3"}}}', "package-lock.json")
    assert manifest.drivers([asked, old, new], KNOWN)[0].version.text == "6.19.3"
    assert manifest.drivers([asked, old], KNOWN)[0].version.text == "^6.2.0"


def test_nearest_manifest_wins() -> None:
    """The package's own manifest comes before the root's."""
    near = manifest.read('{"dependencies": {"prisma": "^7"}}', "apps/a/package.json")
    far = manifest.read('{"devDependencies": {"prisma": "^6", "pg": "^8"}}', "package.json")
    found = {use.id: (use.version.major, use.source) for use in manifest.drivers([near, far], KNOWN)}
    assert found == {"prisma": (7, "apps/a/package.json"), "pg": (8, "package.json")}


def test_lock_above_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Started inside a member, the lock file lies further up."""
    folder = tmp_path / "packages" / "db"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    asked = manifest.read((LOCKS / "packages/db/package.json").read_text(), "package.json")
    lock = manifest.read((LOCKS / "pnpm-lock.v9.yaml").read_text(), "../../pnpm-lock.yaml")
    root = manifest.read("{}", "../../package.json")
    found = {use.id: use.version.text for use in manifest.drivers([asked, root, lock], KNOWN)}
    assert found == {"pg": "8.23.1", "postgres-js": "3.3.5"}


def test_order_does_not_depend_on_the_catalogue() -> None:
    """The same drivers in the same order, whatever the order of the mapping."""
    asked = manifest.read((LOCKS / "package.json").read_text(), "package.json")
    other = dict(reversed(KNOWN.items()))
    assert manifest.drivers([asked], KNOWN) == manifest.drivers([asked], other)
    assert [use.id for use in manifest.drivers([asked], KNOWN)] == ["prisma", "pg", "postgres-js"]


def test_unpinned_beside_pinned() -> None:
    """`latest` of one package of a driver tells less than the other package's version."""
    asked = manifest.read(
        '{"dependencies": {"@prisma/client": "latest"}, "devDependencies": {"prisma": "6.1.0"}}',
        "package.json",
    )
    assert manifest.drivers([asked], KNOWN)[0].version.parts == (6, 1, 0)


def test_names() -> None:
    """Direct dependencies with their ecosystem."""
    found = manifest.read(
        '{"dependencies": {"next": "15"}, "devDependencies": {"prisma": "6"}}', "package.json"
    )
    assert manifest.names([found]) == {"npm:next", "npm:prisma"}


PYPROJECT = """
[project]
name = "api"
description = "psycopg demo"
dependencies = [
  "psycopg[binary,pool]>=3.1,<4",
  "SQLAlchemy~=2.0 ; python_version > '3.8'",
  "vendored @ https://example.org/x.whl",
]
[project.optional-dependencies]
fast = ["asyncpg==0.30.0"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "x"}]
[tool.uv]
dev-dependencies = ["alembic"]
[tool.poetry.dependencies]
python = "^3.11"
Django = {version = "^5.1", extras = ["argon2"]}
[tool.poetry.group.test.dependencies]
pg8000 = "1.31.2"
"""


def test_pyproject() -> None:
    """PEP 621, groups, uv and Poetry in one file; names as PyPI compares them."""
    found = manifest.read(PYPROJECT, "pyproject.toml")
    rows = {one.name: (one.version.parts, one.line, one.dev, one.extras) for one in found.dependencies}
    assert rows == {
        "psycopg": ((3, 1), 6, False, ("binary", "pool")),
        "sqlalchemy": ((2, 0), 7, False, ()),
        "vendored": ((), 8, False, ()),
        "asyncpg": ((0, 30, 0), 11, False, ()),
        "pytest": ((), 13, True, ()),
        "alembic": ((), 15, True, ()),
        "django": ((5, 1), 18, False, ("argon2",)),
        "pg8000": ((1, 31, 2), 20, True, ()),
    }
    lock = manifest.read(
        'version = 1\n\n[[package]]\nname = "psycopg"\nversion = "3.3.9"\nsource = { registry = "x" }\n'
        '[package.optional-dependencies]\nname = "no"\n[[package]]\nname = "sqlalchemy"\nversion = "2.1.9"\n',
        "uv.lock",
    )
    uses = {
        use.id: (use.version.text, use.source, use.line) for use in manifest.drivers([found, lock], KNOWN)
    }
    assert uses == {
        "psycopg": ("3.3.9", "uv.lock", 5),
        "psycopg-pool": ("3.3.9", "uv.lock", 5),
        "sqlalchemy": ("2.1.9", "uv.lock", 11),
    }


def test_broken_pyproject() -> None:
    """TOML faults have their line."""
    found = manifest.read('[project]\nname = "a"\ndependencies = [\n', "pyproject.toml")
    assert found.problem is not None
    assert "not valid TOML" in found.problem.message
    found = manifest.read('[project]\nname = "a\n', "pyproject.toml")
    assert found.problem is not None
    assert found.problem.line == 2


def test_requirements() -> None:
    """Comments, markers, hashes, options and nested files."""
    text = """# pinned by hand
-r base.txt
--index-url https://pypi.org/simple
psycopg2-binary==2.9.13 ; python_version >= "3.8"  # driver
SQLAlchemy[asyncio] >= 2.0, < 2.1 \\
    --hash=sha256:abc
asyncpg
git+https://github.com/x/y.git#egg=y
-e .
./local
"""
    found = manifest.read(text, "requirements.txt")
    assert found.includes == ("base.txt",)
    assert [(one.name, one.version.text, one.line) for one in found.dependencies] == [
        ("psycopg2-binary", "==2.9.13", 4),
        ("sqlalchemy", ">= 2.0, < 2.1", 5),
        ("asyncpg", "", 7),
    ]
    assert found.dependencies[1].version.major == 2
    assert manifest.read("pytest\n", "requirements-dev.txt").dependencies[0].dev
    assert manifest_of("api/requirements/base.txt")
    assert not manifest_of("notes/base.txt")


def test_pipenv_setup_and_poetry() -> None:
    """The other Python files."""
    assert held(manifest.read('[packages]\npsycopg2 = "*"\ndjango = "==5.1"\n', "Pipfile")) == {
        "psycopg2": ("*", (), False),
        "django": ("==5.1", (5, 1), True),
    }
    lock = {"default": {"psycopg2": {"version": "==2.9.13"}}, "develop": {"pytest": {"version": "==8.0"}}}
    assert held(manifest.read(json.dumps(lock), "Pipfile.lock"))["psycopg2"] == ("2.9.13", (2, 9, 13), True)
    assert held(manifest.read('[[package]]\nname = "asyncpg"\nversion = "0.30.0"\n', "poetry.lock")) == {
        "asyncpg": ("0.30.0", (0, 30, 0), True)
    }
    cfg = "[options]\ninstall_requires =\n    psycopg2>=2.9,<3\n    # none\n[options.extras_require]\na = asyncpg\n"
    assert held(manifest.read(cfg, "setup.cfg")) == {
        "psycopg2": (">=2.9,<3", (2, 9), False),
        "asyncpg": ("", (), False),
    }
    setup = 'from setuptools import setup\nREQ = ["psycopg2==2.9.1"]\nsetup(install_requires=REQ)\n'
    assert held(manifest.read(setup, "setup.py")) == {"psycopg2": ("==2.9.1", (2, 9, 1), True)}
    assert manifest.read("setup(install_requires=open('r').read())", "setup.py").dependencies == ()
    old = "print 'python 2'\n" + setup
    assert held(manifest.read(old, "setup.py")) == {"psycopg2": ("==2.9.1", (2, 9, 1), True)}
    assert held(manifest.read("x = = 1\n\n\n" + setup, "setup.py"))["psycopg2"] == (
        "==2.9.1",
        (2, 9, 1),
        True,
    )
    chained = (
        "a = REQ = ['x']\nREQ = (  # of three\n    'psycopg2' '>=2', # old\n)\nsetup(install_requires=REQ)"
    )
    assert [(one.name, one.line) for one in manifest.read(chained, "setup.py").dependencies] == [
        ("psycopg2", 3)
    ]
    broken = manifest.read("x = 1\nsetup(install_requires=['psycopg2',\n", "setup.py")
    assert broken.problem is not None
    assert broken.problem.line == 2
    assert manifest.read("no section", "setup.cfg").problem is not None


def test_ruby() -> None:
    """Gemfile groups, and Gemfile.lock's own wishes apart from what they bring."""
    gemfile = manifest.read(
        "source 'https://rubygems.org'\ngem 'rails', '~> 7.1', '>= 7.1.2'\ngem \"pg\", \"~> 1.5\"\n"
        "group :development, :test do\n  gem 'sqlite3'\nend\ngem 'x', group: :test\n",
        "Gemfile",
    )
    assert [(one.name, one.version.parts, one.dev) for one in gemfile.dependencies] == [
        ("rails", (7, 1, 2), False),
        ("pg", (1, 5), False),
        ("sqlite3", (), True),
        ("x", (), True),
    ]
    lock_text = (
        "GEM\n  remote: https://rubygems.org/\n  specs:\n    activerecord (7.1.5)\n      activemodel (= 7.1.5)\n"
        "    pg (1.5.9-x86_64-linux)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  pg (~> 1.5)\n"
    )
    lock = manifest.read(lock_text, "Gemfile.lock")
    assert [(one.name, one.version.parts, one.direct, one.line) for one in lock.dependencies] == [
        ("activerecord", (7, 1, 5), False, 4),
        ("pg", (1, 5, 9), True, 6),
    ]
    assert [use.version.text for use in manifest.drivers([gemfile, lock], KNOWN)] == ["1.5.9-x86_64-linux"]
    assert [use.id for use in manifest.drivers([lock], KNOWN)] == ["ruby-pg"]


def test_go() -> None:
    """Blocks, single lines, and what is only indirect."""
    found = manifest.read(
        "module example.org/api\n\ngo 1.23\n\nrequire github.com/lib/pq v1.10.9\n\nrequire (\n"
        "\tgithub.com/jackc/pgx/v5 v5.7.1\n\tgithub.com/jackc/puddle/v2 v2.2.2 // indirect\n)\n\nexclude (\n\ta v1.0.0\n)\n",
        "go.mod",
    )
    assert [(one.name, one.version.parts, one.direct, one.line) for one in found.dependencies] == [
        ("github.com/lib/pq", (1, 10, 9), True, 5),
        ("github.com/jackc/pgx/v5", (5, 7, 1), True, 8),
        ("github.com/jackc/puddle/v2", (2, 2, 2), False, 9),
    ]


def test_php() -> None:
    """composer.json and its lock."""
    found = manifest.read(
        '{"require": {"laravel/framework": "^11.0", "ext-pdo_pgsql": "*"}}', "composer.json"
    )
    assert held(found) == {
        "laravel/framework": ("^11.0", (11, 0), False),
        "ext-pdo_pgsql": ("*", (), False),
    }
    lock = manifest.read(
        '{"packages": [{"name": "laravel/framework", "version": "v11.9.2"}, 1]}', "composer.lock"
    )
    known = {"composer:laravel/framework": "laravel"}
    assert manifest.drivers([found, lock], known)[0].version.parts == (11, 9, 2)


def test_jvm() -> None:
    """Properties and managed versions of a pom, Gradle's two spellings, and version catalogs."""
    pom = manifest.read(
        """<project>
  <!-- <dependency><groupId>old</groupId><artifactId>x</artifactId></dependency> -->
  <properties><pg.version>42.7.4</pg.version></properties>
  <dependencyManagement><dependencies><dependency>
    <groupId>com.zaxxer</groupId><artifactId>HikariCP</artifactId><version>5.1.0</version>
  </dependency></dependencies></dependencyManagement>
  <dependencies>
    <dependency>
      <groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>${pg.version}</version>
      <exclusions><exclusion><groupId>g</groupId><artifactId>a</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>com.zaxxer</groupId><artifactId>HikariCP</artifactId></dependency>
    <dependency><groupId>t</groupId><artifactId>t</artifactId><scope>test</scope></dependency>
  </dependencies>
</project>""",
        "pom.xml",
    )
    rows = [(one.name, one.version.parts, one.dev, one.line) for one in pom.dependencies]
    assert rows == [
        ("org.postgresql:postgresql", (42, 7, 4), False, 8),
        ("com.zaxxer:HikariCP", (5, 1, 0), False, 12),
        ("t:t", (), True, 13),
    ]
    gradle = manifest.read(
        "dependencies {\n  implementation 'org.postgresql:postgresql:42.7.4'\n"
        '  implementation("com.zaxxer:HikariCP:$hikari")\n  // runtimeOnly("a:b:1")\n'
        '  testImplementation("t:t:1.0")\n  implementation(platform("s:bom:3.3.0"))\n}\n',
        "build.gradle.kts",
    )
    assert [(one.name, one.version.parts, one.dev) for one in gradle.dependencies] == [
        ("org.postgresql:postgresql", (42, 7, 4), False),
        ("com.zaxxer:HikariCP", (), False),
        ("t:t", (1, 0), True),
        ("s:bom", (3, 3, 0), False),
    ]
    catalog = manifest.read(
        '[versions]\npg = "42.7.4"\n[libraries]\npostgres = { module = "org.postgresql:postgresql", version.ref = "pg" }\n'
        'hikari = "com.zaxxer:HikariCP:5.1.0"\nx = { group = "g", name = "a", version = "1.0" }\n',
        "gradle/libs.versions.toml",
    )
    assert [(one.name, one.version.parts, one.line) for one in catalog.dependencies] == [
        ("org.postgresql:postgresql", (42, 7, 4), 4),
        ("com.zaxxer:HikariCP", (5, 1, 0), 5),
        ("g:a", (1, 0), None),
    ]


def test_elixir_rust_dotnet() -> None:
    """mix, Cargo and NuGet."""
    mix = manifest.read(
        'defp deps do\n  [\n    {:ecto_sql, "~> 3.12"},\n    # {:old, "1"},\n    {:postgrex, ">= 0.0.0"},\n'
        '    {:credo, "~> 1.7", only: [:dev, :test]},\n    {:phx, github: "x/y"}\n  ]\nend\n',
        "mix.exs",
    )
    assert [(one.name, one.version.parts, one.dev) for one in mix.dependencies] == [
        ("ecto_sql", (3, 12), False),
        ("postgrex", (), False),
        ("credo", (1, 7), True),
        ("phx", (), False),
    ]
    lock = manifest.read('%{\n  "postgrex": {:hex, :postgrex, "0.19.1", "ab", [:mix], []},\n}\n', "mix.lock")
    assert manifest.drivers([mix, lock], {"hex:postgrex": "postgrex"})[0].version.parts == (0, 19, 1)
    cargo = manifest.read(
        '[package]\nname = "api"\n[dependencies]\nsqlx = { version = "0.8", features = ["postgres"] }\n'
        'pgp = { package = "tokio-postgres", version = "0.7" }\ndiesel.workspace = true\n'
        '[workspace.dependencies]\ndiesel = "2.2"\n',
        "Cargo.toml",
    )
    assert [(one.name, one.version.parts, one.line) for one in cargo.dependencies] == [
        ("sqlx", (0, 8), 4),
        ("tokio-postgres", (0, 7), 5),
        ("diesel", (2, 2), 6),
    ]
    csproj = manifest.read(
        '<Project>\n<ItemGroup>\n<PackageReference Include="Npgsql" Version="8.0.3" />\n'
        '<PackageReference Include="Dapper"/>\n<PackageReference Include="Z"><Version>[1.0,2.0)</Version></PackageReference>\n',
        "src/Api/Api.csproj",
    )
    assert [(one.name, one.version.parts) for one in csproj.dependencies] == [
        ("Npgsql", (8, 0, 3)),
        ("Dapper", ()),
        ("Z", (1, 0)),
    ]
    central = manifest.read(
        '<Project><PackageVersion Include="Dapper" Version="2.1.35" /></Project>', "Directory.Packages.props"
    )
    found = manifest.drivers([csproj, central], {"nuget:Dapper": "dapper", "nuget:Npgsql": "npgsql"})
    assert [(use.id, use.version.parts) for use in found] == [("npgsql", (8, 0, 3)), ("dapper", (2, 1, 35))]


NAMES = [
    "package.json",
    "package-lock.json",
    "yarn.lock",
    "bun.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "requirements.txt",
    "Pipfile",
    "Pipfile.lock",
    "uv.lock",
    "setup.cfg",
    "setup.py",
    "Gemfile",
    "Gemfile.lock",
    "go.mod",
    "composer.json",
    "composer.lock",
    "pom.xml",
    "build.gradle",
    "libs.versions.toml",
    "mix.exs",
    "mix.lock",
    "Cargo.toml",
    "Cargo.lock",
    "a.csproj",
    "Directory.Packages.props",
]
PIECES = st.sampled_from(
    [
        *"\"'{}[]():,=\n @-#<>/\\\0é\ufeff\ud800",
        *"dependencies version name pg npm: ^1.2 packages importers <dependency> [[package]] [project]".split(),
        *"[options] install_requires require gem GEM // /*".split(),
    ]
)


@given(st.sampled_from(NAMES), st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@settings(max_examples=600, deadline=None)
def test_no_text_raises(name: str, text: str) -> None:
    """Whatever the text, a manifest comes back, and drivers can be asked for."""
    found = manifest.read(text, name)
    manifest.drivers([found], KNOWN)
    if found.problem is not None:
        assert "\n" not in found.problem.message


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(["^1", "npm:a@1", "file:x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["dependencies", "packages", "version", "name", "node_modules/pg", "workspaces", "catalog"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(
        ["package.json", "package-lock.json", "bun.lock", "composer.json", "composer.lock", "Pipfile.lock"]
    ),
    st.dictionaries(
        st.sampled_from(["dependencies", "packages", "workspaces", "default", "prisma"]), JSON_VALUES
    ),
)
@settings(max_examples=300, deadline=None)
def test_no_shape_raises(name: str, data: object) -> None:
    """JSON of any shape is read without trust."""
    manifest.drivers([manifest.read(json.dumps(data), name)], KNOWN)


@pytest.mark.parametrize("name", NAMES)
def test_big_files_are_linear(name: str) -> None:
    """Ten times the text is about ten times the work: one pass, no look-back over the rest."""
    rows = {
        "package.json": '"a{n}": "^1", ',
        "pnpm-lock.yaml": "    a{n}:\n      version: 1.0.0\n",
        "yarn.lock": 'a{n}@^1.0:\n  version "1.2.3"\n',
        "uv.lock": '[[package]]\nname = "a{n}"\nversion = "1"\n',
        "pom.xml": "<dependency><a>{n}</a>",
    }
    row = rows.get(name, "x = [ '{n}' \n")

    def work(count: int) -> int:
        text = "".join(row.replace("{n}", str(number)) for number in range(count))
        return steps(lambda: manifest.read(text, name))

    assert work(2_000) < 12 * work(200) + 500


def test_unknown_name() -> None:
    """Asking for a file that is no manifest is the caller's mistake."""
    assert not manifest_of("notes.txt")
    with pytest.raises(ValueError, match="not a manifest"):
        manifest.read("", "notes.txt")
