"""Python: what a pool's options come to, and which variable its connection string comes from."""

import pytest

from poolcheck.model.source import Site
from tests.readers.python.test_source import read

IMPORTS = "import os\nfrom os import environ, getenv\nfrom sqlalchemy import create_engine\nfrom other import imported\n"


def sites(text: str) -> tuple[Site, ...]:
    """What the file makes."""
    return read(IMPORTS + text, "app/db.py").sites


def site(text: str) -> Site:
    """The only client that the file makes."""
    (found,) = sites(text)
    return found


VALUES = {
    "number": ("12", "12"),
    "separators": ("10_000", "10000"),
    "product": ("2 * 5", "10"),
    "whole quotient": ("11 // 2", "5"),
    "power": ("2 ** 5", "..."),
    "negative": ("-1", "-1"),
    "getenv": ("int(os.getenv('POOL_SIZE', '10'))", "${POOL_SIZE:-10}"),
    "getenv, number": ("int(os.getenv('POOL_SIZE', 10))", "${POOL_SIZE:-10}"),
    "getenv, keyword": ("int(os.getenv('POOL_SIZE', default='10'))", "${POOL_SIZE:-10}"),
    "getenv, none": ("int(os.getenv('POOL_SIZE', None))", "${POOL_SIZE}"),
    "getenv imported": ("int(getenv('POOL_SIZE', '10'))", "${POOL_SIZE:-10}"),
    "environ.get": ("int(os.environ.get('POOL_SIZE', 10))", "${POOL_SIZE:-10}"),
    "environ": ("int(os.environ['POOL_SIZE'])", "${POOL_SIZE}"),
    "environ imported": ("int(environ['POOL_SIZE'])", "${POOL_SIZE}"),
    "or": ("int(os.getenv('POOL_SIZE') or 10)", "${POOL_SIZE:-10}"),
    "or after nothing": ("int(os.getenv('POOL_SIZE', '') or 10)", "${POOL_SIZE:-10}"),
    "or outside": ("os.getenv('POOL_SIZE') or 10", "${POOL_SIZE:-10}"),
    "or after zero": ("int(os.getenv('POOL_SIZE', 0)) or 10", "${POOL_SIZE:-10}"),
    "conditional": ("int(os.environ['POOL_SIZE']) if 'POOL_SIZE' in os.environ else 10", "${POOL_SIZE:-10}"),
    "conditional on another": ("5 if os.environ['ENV'] == 'prod' else 2", "..."),
    "django-environ": ("env.int('POOL_SIZE', default=10)", "${POOL_SIZE:-10}"),
    "environs": ("env.int('POOL_SIZE', 10)", "${POOL_SIZE:-10}"),
    "environs without": ("env.int('POOL_SIZE')", "${POOL_SIZE}"),
    "decouple": ("config('POOL_SIZE', default=10, cast=int)", "${POOL_SIZE:-10}"),
    "decouple, text": ("config('POOL_SIZE', cast=int, default='10')", "${POOL_SIZE:-10}"),
    "own reader": ("get_env_int('POOL_SIZE', 10)", "${POOL_SIZE:-10}"),
    "default that is a call": ("int(os.getenv('POOL_SIZE', os.cpu_count()))", "..."),
    "two variables": ("int(os.getenv('A', os.getenv('B', 10)))", "..."),
    "twice": ("int(os.getenv('POOL_SIZE', 10)) * 2", "..."),
    "hexadecimal": ("int(os.getenv('POOL_SIZE', '10'), 16)", "..."),
    "call": ("max(5, imported)", "..."),
    "greater": ("max(83 // 9, 5)", "9"),
    "unknown name": ("imported", "imported"),
    "member of another file": ("imported.POOL_SIZE", "imported.POOL_SIZE"),
    "text": ("'10'", "..."),
    "text of the environment's default": ("os.getenv('PGPASSWORD', '123456')", "..."),
}  # fmt: skip


@pytest.mark.parametrize(("written", "said"), VALUES.values(), ids=VALUES)
def test_value(written: str, said: str) -> None:
    """A number, a variable with its default, or nothing that could mislead."""
    made = site(f"engine = create_engine(imported, pool_size={written})")

    assert (made.option("pool_size"), made.complete) == (said, True)


SETTINGS = "from pydantic_settings import BaseSettings\n"
CONSTANTS = {
    "constant": ("SIZE = 12", "12"),
    "of a type": ("SIZE: Final[int] = 12", "12"),
    "of the environment": ("SIZE = int(os.getenv('POOL_SIZE', '10'))", "${POOL_SIZE:-10}"),
    "of a constant": ("HALF = 6\nSIZE = HALF * 2", "12"),
    "in a chain": ("SIZE = OTHER = 12", "12"),
    "of a dictionary": ("C = {'pool': {'size': 12}}\nSIZE = C['pool']['size']", "12"),
    "of a class": ("class Config:\n    SIZE = int(os.environ.get('POOL_SIZE', 5))\nSIZE = Config.SIZE", "${POOL_SIZE:-5}"),
    "of an instance": ("class Config:\n    size: int = 5\nconfig = Config()\nSIZE = config.size", "5"),
    "of settings": (SETTINGS + "class S(BaseSettings):\n    pool_size: int = 5\ns = S()\nSIZE = s.pool_size", "${POOL_SIZE:-5}"),
    "of settings, required": (SETTINGS + "class S(BaseSettings):\n    pool_size: int\nSIZE = S().pool_size", "${POOL_SIZE}"),
    "of settings with a prefix": (SETTINGS + "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='DB_')\n    pool_size: int = 5\ns = S()\nSIZE = s.pool_size", "${DB_POOL_SIZE:-5}"),
    "of settings with a name": (SETTINGS + "class S(BaseSettings):\n    size: int = Field(default=5, validation_alias='DB_POOL')\ns = S()\nSIZE = s.size", "${DB_POOL:-5}"),
    "of settings, required field": (SETTINGS + "class S(BaseSettings):\n    size: int = Field(..., env='DB_POOL')\ns = S()\nSIZE = s.size", "${DB_POOL}"),
    "of settings by a function": (SETTINGS + "class S(BaseSettings):\n    size: int = 5\n@lru_cache\ndef get():\n    return S()\nSIZE = get().size", "${SIZE:-5}"),
    "given anew": ("SIZE = 12\nif imported:\n    SIZE = 30", "SIZE"),
    "added to": ("SIZE = 12\nSIZE += 1", "SIZE"),
    "global": ("SIZE = 12\ndef f():\n    global SIZE\n    SIZE = 13", "SIZE"),
    "loop": ("SIZE = 12\nfor SIZE in range(3):\n    pass", "SIZE"),
    "walrus": ("SIZE = 12\nprint(SIZE := 3)", "SIZE"),
    "taken apart": ("SIZE, OTHER = 12, 13", "SIZE"),
    "imported": ("from constants import SIZE", "SIZE"),
    "imported or not": ("try:\n    from local import SIZE\nexcept ImportError:\n    SIZE = 5", "SIZE"),
    "of itself": ("SIZE = SIZE", "SIZE"),
    "in a circle": ("A = SIZE\nSIZE = A", "SIZE"),
    "a call": ("SIZE = size()", "SIZE"),
    "another scope's": ("def f():\n    SIZE = 12", "SIZE"),
    "another scope's anew": ("SIZE = 12\ndef f():\n    SIZE = 1\n    SIZE = 2", "12"),
    "a parameter elsewhere": ("SIZE = 12\ndef f(SIZE=3): pass\nf(SIZE=4)\nx.SIZE = 4", "12"),
    "a class's own": ("SIZE = 12\nclass A:\n    SIZE = 3", "12"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "said"), CONSTANTS.values(), ids=CONSTANTS)
def test_constant(head: str, said: str) -> None:
    """What a name stands for, when nothing gives it another value; also inside a function."""
    for made in ("e = create_engine(imported, pool_size=SIZE)", "def g():\n    return create_engine(imported, pool_size=SIZE)"):  # fmt: skip
        assert site(f"{head}\n{made}").option("pool_size") == said


SHADOWED = {
    "parameter": "def f(size):\n    return create_engine(imported, pool_size=size)",
    "parameter of a type": "def f(size: int):\n    return create_engine(imported, pool_size=size)",
    "parameter with a default": "def f(size: int = 5):\n    return create_engine(imported, pool_size=size)",
    "keyword": "def f(*, size=5):\n    return create_engine(imported, pool_size=size)",
    "lambda": "f = lambda size: create_engine(imported, pool_size=size)",
    "local": "def f():\n    size = count()\n    return create_engine(imported, pool_size=size)",
    "outer function's": "def f(size):\n    def g():\n        return create_engine(imported, pool_size=size)",
    "with": "def f():\n    with x as size:\n        create_engine(imported, pool_size=size)",
}


@pytest.mark.parametrize("written", SHADOWED.values(), ids=SHADOWED)
def test_an_inner_name_is_another_name(written: str) -> None:
    """A constant of the module does not answer for a name that a function has of its own."""
    assert site("size = 12\n" + written).option("pool_size") == "size"


def test_a_class_body_is_no_scope_for_its_methods() -> None:
    """As Python has it: the method sees the module's."""
    text = "size = 12\nclass A:\n    size = 3\n    def f(self):\n        return create_engine(imported, pool_size=size)"

    assert site(text).option("pool_size") == "12"


DICTIONARIES = {
    "dict()": ("OPTIONS = dict(pool_size=5, max_overflow=0)", "**OPTIONS", {"pool_size": "5", "max_overflow": "0"}, True),
    "literal": ("OPTIONS = {'pool_size': 5}", "**OPTIONS", {"pool_size": "5"}, True),
    "of a type": ("OPTIONS: dict[str, int] = {'pool_size': 5}", "**OPTIONS", {"pool_size": "5"}, True),
    "in the call": ("", "**{'pool_size': 5}", {"pool_size": "5"}, True),
    "beside a keyword": ("OPTIONS = {'pool_size': 5}", "max_overflow=1, **OPTIONS", {"pool_size": "5", "max_overflow": "1"}, True),
    "of another": ("BASE = {'pool_size': 5, 'echo': True}\nOPTIONS = {**BASE, 'pool_size': 3}", "**OPTIONS", {"pool_size": "3", "echo": "True"}, True),
    "above another": ("BASE = {'pool_size': 5}\nOPTIONS = {'pool_size': 3, **BASE}", "**OPTIONS", {"pool_size": "5"}, True),
    "dict() of another": ("BASE = {'pool_size': 5}\nOPTIONS = dict(BASE, max_overflow=2)", "**OPTIONS", {"pool_size": "5", "max_overflow": "2"}, True),
    "union": ("BASE = {'pool_size': 5}\nOPTIONS = BASE | {'pool_size': 3}", "**OPTIONS", {"pool_size": "3"}, True),
    "copy": ("BASE = {'pool_size': 5}\nOPTIONS = BASE.copy()", "**OPTIONS", {"pool_size": "5"}, True),
    "part": ("CONFIG = {'db': {'pool_size': 5}}", "**CONFIG['db']", {"pool_size": "5"}, True),
    "of a class": ("class Config:\n    OPTIONS = {'pool_size': 5}", "**Config.OPTIONS", {"pool_size": "5"}, True),
    "of the environment": ("OPTIONS = {'pool_size': int(os.getenv('POOL', 5))}", "**OPTIONS", {"pool_size": "${POOL:-5}"}, True),
    "local": ("", "**imported", {"pool_size": None}, False),
    "unknown below": ("OPTIONS = {**imported, 'pool_size': 5}", "**OPTIONS", {"pool_size": "5"}, False),
    "unknown above": ("OPTIONS = {'pool_size': 5, **imported}", "**OPTIONS", {"pool_size": "..."}, False),
    "unknown of another": ("BASE = {**imported}\nOPTIONS = {'pool_size': 5, **BASE}", "**OPTIONS", {"pool_size": "..."}, False),
    "unknown key": ("OPTIONS = {'pool_size': 5, imported: 3}", "**OPTIONS", {"pool_size": "..."}, False),
    "set anew": ("OPTIONS = {'pool_size': 5}\nOPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "7"}, True),
    "added": ("OPTIONS = {}\nOPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "7"}, True),
    "updated": ("OPTIONS = {'pool_size': 5}\nOPTIONS.update(pool_size=7)", "**OPTIONS", {"pool_size": "7"}, True),
    "updated by something": ("OPTIONS = {'pool_size': 5}\nOPTIONS.update(imported)", "**OPTIONS", {"pool_size": "..."}, False),
    "set on a condition": ("OPTIONS = {'pool_size': 5, 'echo': False}\nif imported:\n    OPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "...", "echo": "False"}, False),
    "added on a condition": ("OPTIONS = {}\nif imported:\n    OPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "..."}, False),
    "set by a function": ("OPTIONS = {'pool_size': 5}\ndef f():\n    OPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "..."}, False),
    "updated by a dictionary": ("OPTIONS = {}\nOPTIONS.update({'pool_size': 7, 'echo': True})", "**OPTIONS", {"pool_size": "7", "echo": "True"}, True),
    "updated by an unknown part": ("OPTIONS = {'pool_size': 5}\nOPTIONS.update({**imported, 'pool_size': 7})", "**OPTIONS", {"pool_size": "..."}, False),
    "SQLite's branch": ("O = {'pool_size': 5}\nif URL.startswith('sqlite'):\n    O['pool_size'] = 1", "**O", {"pool_size": "5"}, True),
    "SQLite's other branch": ("O = {}\nif DATABASE_URL.startswith(\"sqlite\"):\n    O['poolclass'] = A\nelse:\n    O['pool_size'] = 5", "**O", {"pool_size": "5", "poolclass": None}, True),
    "not SQLite": ("O = {}\nif not URL.startswith('sqlite:///'):\n    O.update(pool_size=5)", "**O", {"pool_size": "5"}, True),
    "SQLite within": ("O = {}\nif 'sqlite' in URL.lower():\n    O['echo'] = True\nelse:\n    O['pool_size'] = 5", "**O", {"pool_size": "5", "echo": None}, True),
    "SQLite not within": ("O = {}\nif 'sqlite' not in URL:\n    O['pool_size'] = 5", "**O", {"pool_size": "5"}, True),
    "SQLite by its engine": ("O = {'pool_size': 5}\nif ENGINE in ('sqlite', 'sqlite3'):\n    O = {'echo': True}", "**O", {"pool_size": "5", "echo": None}, True),
    "SQLite's value": ("O = {'echo': True} if URL.startswith('sqlite') else {'pool_size': 5}", "**O", {"pool_size": "5", "echo": None}, True),
    "SQLite and more": ("O = {'pool_size': 5}\nif URL.startswith('sqlite') and imported:\n    O['pool_size'] = 1", "**O", {"pool_size": "..."}, False),
    "SQLite or not": ("O = {}\nif URL.startswith('sqlite'):\n    pass\nelif imported:\n    O['pool_size'] = 1", "**O", {"pool_size": "..."}, False),
    "on a condition below SQLite's": ("O = {}\nif not URL.startswith('sqlite'):\n    if imported:\n        O['pool_size'] = 1", "**O", {"pool_size": "..."}, False),
    "deleted": ("OPTIONS = {'pool_size': 5}\ndel OPTIONS['pool_size']", "**OPTIONS", {"pool_size": "..."}, False),
    "popped": ("OPTIONS = {'pool_size': 5}\nOPTIONS.pop('pool_size')", "**OPTIONS", {"pool_size": "..."}, False),
    "another's": ("OPTIONS = {'pool_size': 5}\ndef f(OPTIONS):\n    OPTIONS['pool_size'] = 7", "**OPTIONS", {"pool_size": "5"}, True),
    "given anew": ("OPTIONS = {'pool_size': 5}\nif imported:\n    OPTIONS = {'pool_size': 7}", "**OPTIONS", {"pool_size": None}, False),
    "either": ("OPTIONS = {'pool_size': 5} if imported else {}", "**OPTIONS", {"pool_size": "..."}, True),
    "either, alike": ("OPTIONS = {'pool_size': 5} if imported else dict(pool_size=5, echo=True)", "**OPTIONS", {"pool_size": "5", "echo": "..."}, True),
    "more places": ("", "*imported", {"pool_size": None}, False),
    "inner": ("ARGS = {'statement_cache_size': 0}", "connect_args=ARGS", {"connect_args.statement_cache_size": "0"}, True),
    "inner, dict()": ("", "connect_args=dict(statement_cache_size=0, **imported)", {"connect_args.statement_cache_size": "0", "connect_args.*": "..."}, True),
}  # fmt: skip


@pytest.mark.parametrize(("head", "given", "said", "complete"), DICTIONARIES.values(), ids=DICTIONARIES)
def test_dictionary(head: str, given: str, said: dict[str, str | None], complete: bool) -> None:
    """Options in a constant count as if they stood in the call, as far as they are certain."""
    made = site(f"{head}\nengine = create_engine(imported, {given})")

    assert {key: made.option(key) for key in said} == said
    assert made.complete is complete


def test_what_is_set_after_the_call_comes_too_late() -> None:
    """Unless the call stands in a function that runs later."""
    head, anew = "O = {'pool_size': 5}\n", "\nO['pool_size'] = 7"

    assert site(head + "e = create_engine(imported, **O)" + anew).option("pool_size") == "5"
    assert site(head + "def f():\n    create_engine(imported, **O)" + anew).option("pool_size") == "7"


def test_the_line_of_an_option() -> None:
    """Where the option itself is set."""
    text = "O = {\n  'echo': True,\n  'pool_size': 5,\n}\ne = create_engine(\n  imported,\n  max_overflow=3,\n  **O)"
    made = site(text)
    lines = (IMPORTS + text).split("\n")

    assert "pool_size" in lines[made.line_of("pool_size") - 1]
    assert "max_overflow" in lines[made.line_of("max_overflow") - 1]
    assert made.line_of("nothing") == made.line


def test_psycopg2_takes_its_sizes_by_place() -> None:
    """SimpleConnectionPool(minconn, maxconn, dsn)."""
    text = "from psycopg2.pool import ThreadedConnectionPool\nURL = os.environ['DATABASE_URL']\np = ThreadedConnectionPool("
    for given in (
        "1, 20, URL)",
        "1, 20, dsn=URL)",
        "minconn=1, maxconn=20, dsn=URL)",
        "1, maxconn=20, dsn=URL)",
    ):
        made = site(text + given)
        assert (made.number("maxconn"), made.url, made.complete) == (20, "DATABASE_URL", True), given


URLS = {
    "environ": ("DATABASE_URL = os.environ['DATABASE_URL']", "DATABASE_URL", "DATABASE_URL"),
    "by another name": ("url = os.environ['DATABASE_URL']", "url", "DATABASE_URL"),
    "getenv": ("url = os.getenv('DATABASE_URL', 'postgresql://a:hunter2@h/d')", "url", "DATABASE_URL"),
    "either": ("url = os.getenv('DATABASE_URL') or 'postgresql://a:hunter2@h/d'", "url", "DATABASE_URL"),
    "second choice": ("url = imported.url or os.getenv('DATABASE_URL')", "url", "DATABASE_URL"),
    "replaced": ("url = os.environ['DATABASE_URL'].replace('postgres://', 'postgresql://')", "url", "DATABASE_URL"),
    "text of it": ("", "str(settings.DATABASE_URL)", "settings.DATABASE_URL"),
    "settings": ("", "settings.database_url", "settings.DATABASE_URL"),
    "settings, member": ("", "self.settings.database_url", "self.settings.DATABASE_URL"),
    "settings by a function": ("", "get_settings().database_url", "get_settings.DATABASE_URL"),
    "config": ("", "config.database_url", "config.database_url"),
    "settings here": (SETTINGS + "class S(BaseSettings):\n    url: str = Field(alias='PG_DSN')\ns = S()", "s.url", "PG_DSN"),
    "settings here, prefix": (SETTINGS + "class S(BaseSettings):\n    url: str\n    class Config:\n        env_prefix = 'PG_'\ns = S()", "str(s.url)", "PG_URL"),
    "class": ("class C:\n    DB = os.environ['DATABASE_URL']", "C.DB", "DATABASE_URL"),
    "function": ("def url():\n    return os.environ['DATABASE_URL']", "url()", "DATABASE_URL"),
    "in a dictionary": ("O = dict(url=os.environ['DATABASE_URL'])", "**O", "DATABASE_URL"),
    "flask": ("", "app.config['DATABASE_URL']", "DATABASE_URL"),
    "django-environ": ("", "env('DATABASE_URL')", "DATABASE_URL"),
    "made a URL": ("url = os.environ['DATABASE_URL']", "make_url(url)", "DATABASE_URL"),
    "on a condition": ("raw = os.getenv('DATABASE_URL')\nurl = raw.replace('a', 'b') if imported else raw", "url", "DATABASE_URL"),
    "one of two": ("url = os.environ['DATABASE_URL'] if imported else os.environ['TEST_URL']", "url", "url"),
    "settings, a driver's": ("", "settings.database_url_async", "settings.database_url_async"),
    "settings, in a mixture": ("", "settings.DATABASE_URL_asyncpg", "settings.DATABASE_URL_asyncpg"),
    "given anew": ("url = os.environ['DATABASE_URL']\nif imported:\n    url = url.replace('a', 'b')", "url", "DATABASE_URL"),
    "given anew, written out": ("url = os.environ['DATABASE_URL']\nif imported:\n    url = 'postgresql://a:hunter2@h/d'", "url", "DATABASE_URL"),
    "given anew, another": ("url = os.environ['DATABASE_URL']\nif imported:\n    url = os.environ['TEST_URL']", "url", "url"),
    "given anew, unknown": ("url = os.environ['DATABASE_URL']\nif imported:\n    url = build()", "url", "url"),
    "in each branch": ("if imported:\n    url = os.getenv('DATABASE_URL', 'a')\nelse:\n    url = os.getenv('DATABASE_URL', 'b')", "url", "DATABASE_URL"),
    "added to": ("url = os.environ['DATABASE_URL']\nurl += '?sslmode=require'", "url", "DATABASE_URL"),
    "in a circle": ("url = url.a()\nurl = url.b()", "url", "url"),
    "parts of a URL": ("from sqlalchemy import URL\nu = URL(drivername='postgresql')", "u", "u"),
    "parameter": ("", "url", "url"),
    "written out": ("DATABASE_URL = 'postgresql+asyncpg://a:hunter2@h/d'", "DATABASE_URL", ""),
    "parts": ("U = 'hunter2'\nDATABASE_URL = f'postgresql://{U}@h/d'", "DATABASE_URL", ""),
}  # fmt: skip


@pytest.mark.parametrize(("head", "given", "name"), URLS.values(), ids=URLS)
def test_where_the_connection_string_comes_from(head: str, given: str, name: str) -> None:
    """The variable, through constants; never the string itself."""
    made = site(f"{head}\nengine = create_engine({given})")

    assert made.url == name
    assert "hunter2" not in repr(made)


def test_the_scheme_of_a_constant_is_seen() -> None:
    """So an engine on another database is none of ours."""
    made = site("URL = 'postgresql+asyncpg://a@h/d'\nengine = create_engine(URL)")

    assert made.argument == "postgresql+asyncpg"
    assert sites("URL = 'sqlite:///x.db'\nengine = create_engine(URL)") == ()


def test_constants_that_double_at_every_step_end() -> None:
    """Work is bounded by count, and the file is still read."""
    lines = [f"O{n} = {{**O{n + 1}, **O{n + 1}}}\nN{n} = N{n + 1} + N{n + 1}" for n in range(40)]
    text = "\n".join([*lines, "O40 = {'a': 1}", "N40 = 1", "e = create_engine(imported, pool_size=N0, **O0)"])

    assert (site(text).option("pool_size"), site(text).complete) == ("N0", False)
