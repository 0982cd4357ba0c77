"""The providers: each file's own examples, what no file may claim, and the traps of the field."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck import catalogue
from poolcheck.catalogue import conversions, endpoints
from poolcheck.catalogue.shelf import Shelf, pattern
from poolcheck.connection.parse import parse
from poolcheck.errors import CatalogueError
from poolcheck.model.facts import Conversion, Endpoint, Match, Provider, UrlExample

PROVIDERS = catalogue.providers()
EXAMPLES = [(provider, example) for provider in PROVIDERS for example in provider.examples]
SUPABASE_USER = "postgres.abcdefghijklmnopqrst"


def known(name: str) -> Provider:
    """The provider of that name, which must be there."""
    provider = catalogue.provider(name)
    assert provider is not None, name
    return provider


def endpoint(name: str, endpoint_id: str) -> Endpoint:
    """The provider's endpoint of that id."""
    return next(end for end in known(name).endpoints if end.id == endpoint_id)


def match(url: str) -> Match:
    """What the catalogue sees in a connection string."""
    return catalogue.match(parse(url))


def seen(url: str) -> tuple[str | None, str | None]:
    """The ids of provider and endpoint."""
    found = match(url)
    return (found.provider.id if found.provider else None, found.endpoint.id if found.endpoint else None)


# --- every file


@pytest.mark.parametrize(("provider", "example"), EXAMPLES, ids=[f"{p.id}-{e.url}" for p, e in EXAMPLES])
def test_example(provider: Provider, example: UrlExample) -> None:
    """A file's example is that endpoint and no other provider's; a look-alike is not this provider."""
    if example.endpoint:
        assert seen(example.url) == (provider.id, example.endpoint)
    else:
        assert match(example.url).provider is not provider


@pytest.mark.parametrize(("provider", "example"), EXAMPLES, ids=[f"{p.id}-{e.url}" for p, e in EXAMPLES])
def test_no_two_providers_claim_a_host(provider: Provider, example: UrlExample) -> None:
    """The order of the files does not decide: whichever provider is asked, at most one fits."""
    conn = parse(example.url)
    claims = {
        other.id
        for other in PROVIDERS
        for end in other.endpoints
        if conn.hosts and end.host and endpoints._host_fits(end, conn.host.lower().rstrip("."), conn.scheme)
    }
    assert claims <= {provider.id} if example.endpoint else provider.id not in claims


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
class TestFile:
    """What holds for every provider's file."""

    def test_each_endpoint_has_an_example(self, provider: Provider) -> None:
        """An endpoint that no example shows is not tested."""
        assert {end.id for end in provider.endpoints} == {
            example.endpoint for example in provider.examples
        } - {""}

    def test_each_host_has_a_look_alike(self, provider: Provider) -> None:
        """Where hosts are matched, at least one example says what must not match."""
        assert not provider.endpoints or any(not example.endpoint for example in provider.examples)

    def test_plans_are_unique(self, provider: Provider) -> None:
        """A plan's name leads to one row, and numbers are possible ones."""
        names = [name for limit in provider.limits for name in (limit.plan, *limit.aliases)]
        assert len(set(names)) == len(names)
        for limit in provider.limits:
            assert catalogue.limit(provider.id, limit.plan.upper()) is limit
            assert all(catalogue.limit(provider.id, alias) is limit for alias in limit.aliases)
            # A plan without a number says why there is none.
            assert limit.max_connections or limit.pooler_clients or limit.pool_size or limit.note
            assert (limit.reserved or 0) < (limit.max_connections or 10**6)

    def test_says_what_it_is(self, provider: Provider) -> None:
        """The words that reports print are there, and end like sentences."""
        assert provider.summary.endswith(".")
        assert all(text.endswith(".") for text in (provider.pooler, *provider.raise_limit) if text)
        assert all(quirk.text.endswith((".", '"')) for quirk in provider.quirks)
        assert provider.endpoints or provider.quirks
        assert all(end.title for end in provider.endpoints)

    def test_retirements_are_recognised(self, provider: Provider) -> None:
        """What is retired has a host or scheme of its own."""
        assert all(retirement.host or retirement.schemes for retirement in provider.retirements)


def test_everyone_is_there() -> None:
    """All whose pooling is documented, by the names that people use."""
    names = """
        neon supabase prisma-postgres accelerate vercel-postgres rds aurora rds-proxy dsql cloud-sql alloydb azure heroku render
        railway digitalocean fly aiven tiger timescale crunchy planetscale hyperdrive cockroachdb xata nile lakebase
        netlify-db koyeb northflank scaleway ovh vultr scalingo clever-cloud ibm selectel alibaba yugabytedb
    """.split()
    assert [name for name in names if catalogue.provider(name) is None] == []


# --- from one endpoint to another


def ways() -> Iterator[tuple[Provider, UrlExample, Conversion]]:
    """Every conversion with every example that it starts from."""
    for provider in PROVIDERS:
        for example in provider.examples:
            for way in provider.conversions:
                if way.from_ == example.endpoint:
                    yield provider, example, way


@pytest.mark.parametrize(
    ("provider", "example", "way"),
    list(ways()),
    ids=[f"{p.id}-{w.from_}-{w.to}-{e.url[-40:]}" for p, e, w in ways()],
)
def test_conversion(provider: Provider, example: UrlExample, way: Conversion) -> None:
    """The result is the endpoint that it should be, and the way back, where there is one, leads back."""
    conn = parse(example.url)
    made = catalogue.convert(provider, conn, way.from_, way.to)
    assert made is not None
    if way.cannot:
        assert (made.conn, made.cannot) == (None, way.cannot)
        return
    assert made.conn is not None
    assert made.conn.raw == conversions.apply_conversion(way, conn)
    assert seen(made.conn.raw) == (provider.id, way.to)
    assert made.conn.password == conn.password
    assert [(item.name, item.value) for item in made.conn.params] == [
        (item.name, item.value) for item in conn.params
    ]
    back = catalogue.convert(provider, made.conn, way.to, way.from_)
    if back is not None and not back.cannot:
        assert back.conn is not None
        assert (back.conn.host, back.conn.effective_port) == (conn.host, conn.effective_port)


@pytest.mark.parametrize(
    ("url", "to", "expected"),
    [
        (
            "postgresql://u:s3cret@ep-x.us-east-2.aws.neon.tech/app?sslmode=require",
            "pooled",
            "postgresql://u:s3cret@ep-x-pooler.us-east-2.aws.neon.tech/app?sslmode=require",
        ),
        (
            "postgresql+asyncpg://u:p@ep-x-pooler.c-2.us-east-2.aws.neon.tech/app",
            "migrations",
            "postgresql+asyncpg://u:p@ep-x.c-2.us-east-2.aws.neon.tech/app",
        ),
        (
            "host=ep-x.us-east-2.aws.neon.tech user=u password='a b' dbname=app",
            "pooled",
            "host=ep-x-pooler.us-east-2.aws.neon.tech user=u password='a b' dbname=app",
        ),
        (
            f"postgresql://{SUPABASE_USER}:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
            "migrations",
            f"postgresql://{SUPABASE_USER}:p@aws-0-eu-west-1.pooler.supabase.com:5432/postgres",
        ),
        (
            f"postgresql://{SUPABASE_USER}:p%40x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
            "direct",
            "postgresql://postgres:p%40x@db.abcdefghijklmnopqrst.supabase.co:5432/postgres",
        ),
        (
            f"postgresql://{SUPABASE_USER}:p@aws-0-eu-west-1.pooler.supabase.com/postgres",
            "pooled",
            f"postgresql://{SUPABASE_USER}:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
        ),
        (
            f"Host=aws-0-eu-west-1.pooler.supabase.com;Username={SUPABASE_USER};Password=p",
            "pooled",
            f"Host=aws-0-eu-west-1.pooler.supabase.com;Port=6543;Username={SUPABASE_USER};Password=p",
        ),
        (
            "jdbc:postgresql://shop.postgres.database.azure.com/app?user=u",
            "pooled",
            "jdbc:postgresql://shop.postgres.database.azure.com:6432/app?user=u",
        ),
        (
            "postgresql://postgres.main%7Cweb:p@us-east.pg.psdb.cloud:6432/app",
            "direct",
            "postgresql://postgres.main:p@us-east.pg.psdb.cloud:5432/app",
        ),
    ],
)
def test_convert(url: str, to: str, expected: str) -> None:
    """Only what must change is changed, whatever the form, and the password stays as it was written."""
    conn = parse(url)
    found = catalogue.match(conn)
    assert found.provider is not None
    assert found.endpoint is not None
    made = catalogue.convert(found.provider, conn, found.endpoint.id, to)
    assert made is not None
    assert made.conn is not None
    assert made.conn.raw == expected
    assert "s3cret" not in f"{made!r} {made}"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://{SUPABASE_USER}:p@/postgres?host=aws-0-eu-west-1.pooler.supabase.com",
        f"postgresql://{SUPABASE_USER}:p@aws-0-eu-west-1.pooler.supabase.com,db.example.com/postgres",
    ],
)
def test_a_port_without_a_place_is_not_invented(url: str) -> None:
    """A host in the query cannot take a port, and of several hosts none is picked."""
    made = catalogue.convert(known("supabase"), parse(url), "session-pooler", "pooled")
    assert made is not None
    assert made.conn is None
    assert made.cannot


def test_convert_knows_no_way() -> None:
    """Where the catalogue says nothing, nothing is said."""
    conn = parse("postgresql://u:p@shop-1.7tt.cockroachlabs.cloud:26257/app")
    assert catalogue.convert(known("cockroachdb"), conn, "direct", "pooled") is None


# --- hosts that belong to nobody


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@localhost/app",
        "postgresql://u:p@127.0.0.1:5432/app",
        "postgresql://u:p@127.1.2.3/app",
        "postgresql://u:p@[::1]/app",
        "postgresql://u:p@0.0.0.0/app",
        "postgresql:///app",
        "postgresql://u:p@/app?host=/var/run/postgresql",
        "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/app",
        "postgresql://u:p@db:5432/app",
        "postgresql://u:p@postgres/app",
        "postgresql://u:p@my_db-1/app",
        "postgresql://u:p@mac.local/app",
        "postgresql://u:p@host.docker.internal/app",
        "postgresql://u:p@db.prod.svc.cluster.local/app",
        "postgresql://u:p@db.prod.svc/app",
        "postgresql://u:p@10.0.0.5/app",
        "postgresql://u:p@172.31.9.1/app",
        "postgresql://u:p@192.168.1.10/app",
        "postgresql://u:p@[fd00::5]/app",
        "postgresql://u:p@localhost,127.0.0.1/app",
        "host=/tmp dbname=app",
    ],
)
def test_local(url: str) -> None:
    """This machine, a socket, a service name, a private address: no provider's public endpoint."""
    assert match(url) == Match(local=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db.example.com/app",
        "postgresql://u:p@203.0.113.7/app",
        "postgresql://u:p@172.32.0.1/app",
        "postgresql://u:p@[2001:db8::1]/app",
        "postgresql://u:p@host:5432/app",
        "postgresql://u:p@${DB_HOST}:5432/app",
        "postgresql://u:p@<host>/app",
        "postgresql://u:p@localhost,db.example.com/app",
        "redis://localhost:6379",
        "mysql://u:p@localhost/app",
        "prisma+postgres://somewhere.example.com/?api_key=k",
        "YOUR_DATABASE_URL",
    ],
)
def test_unknown(url: str) -> None:
    """A stranger, a placeholder, another database: nothing is claimed, not even that it is local."""
    assert match(url) == Match()


def test_several_hosts_must_agree() -> None:
    """A list over two endpoints is the provider's, but neither endpoint."""
    both = "postgresql://u:p@ep-x.us-east-2.aws.neon.tech,ep-x-pooler.us-east-2.aws.neon.tech/app"
    assert seen(both) == ("neon", None)
    assert seen(both.replace("-pooler", "")) == ("neon", "direct")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@[ENDPOINT]-pooler.[REGION].aws.neon.tech/db", ("neon", "pooled")),
        ("postgresql://u:p@ep-xxx.<region>.aws.neon.tech/db", ("neon", "direct")),
        (
            "postgresql://postgres:[YOUR-PASSWORD]@db.[PROJECT-REF].supabase.co:5432/postgres",
            ("supabase", "direct"),
        ),
        (
            "postgresql://postgres.[ref]:p@aws-0-[region].pooler.supabase.com:6543/postgres",
            ("supabase", "pooled"),
        ),
        ("postgresql://p.x:p@aws-0-eu-west-1.pooler.supabase.com:${PORT}/postgres", ("supabase", None)),
        ("postgresql://p.x:p@aws-0-eu-west-1.pooler.supabase.com:7777/postgres", ("supabase", None)),
    ],
)
def test_placeholders(url: str, expected: tuple[str, str | None]) -> None:
    """The provider's domain is enough to know it; a port that is not known leaves the endpoint open."""
    assert seen(url) == expected


@given(
    lead=st.text(st.characters(codec="utf-8"), max_size=40),
    suffix=st.sampled_from(sorted({suffix for provider in PROVIDERS for suffix in provider.suffixes})),
    tail=st.sampled_from(["", ".", ":6543/app", ":5432/a?x=1", ".evil.example/app"]),
)
def test_any_host_is_matched_and_converted_without_a_fault(lead: str, suffix: str, tail: str) -> None:
    """Whatever stands in a host, there is an answer, and what is converted is recognised again."""
    conn = parse(f"postgresql://u.x:p@{lead}.{suffix}{tail}")
    found = catalogue.match(conn)
    for way in found.provider.conversions if found.provider else ():
        text = conversions.apply_conversion(way, conn)
        assert text is None or seen(text) == (found.provider and found.provider.id, way.to)


# --- the traps


def test_accelerate_retires_and_local_development_does_not() -> None:
    """T1: both schemes of hosted Accelerate end on the same day; `prisma dev` on localhost goes on."""
    for url in (
        "prisma://accelerate.prisma-data.net/?api_key=k",
        "prisma+postgres://accelerate.prisma-data.net/?api_key=k",
    ):
        found = match(url)
        assert found.kind == "http"
        assert found.provider is not None
        assert [
            (retirement.on.isoformat(), retirement.schemes) for retirement in found.provider.retirements
        ] == [("2026-12-01", (url.partition(":")[0],))]
    assert match("prisma+postgres://localhost:51213/?api_key=k").kind == "local"
    assert match("prisma://accelerate.prisma.io/?api_key=k") == Match()


def test_database_url_means_different_things() -> None:
    """T2: pooled on one platform, direct on another, changing on a third."""
    means = {
        name: next(variable.endpoint for variable in known(name).variables if variable.name == "DATABASE_URL")
        for name in ("neon", "fly", "prisma-postgres", "railway", "heroku")
    }
    assert means == {
        "neon": "pooled",
        "fly": "pooled",
        "prisma-postgres": "direct",
        "railway": "",
        "heroku": "",
    }


def test_opposite_spellings() -> None:
    """T3: each vendor's name for the other string is there as that vendor spells it."""
    spelt = {
        (provider.id, variable.name): variable.endpoint
        for provider in PROVIDERS
        for variable in provider.variables
    }
    assert spelt["neon", "DATABASE_URL_UNPOOLED"] == "direct"
    assert spelt["railway", "DATABASE_UNPOOLED_URL"] == "private"
    assert spelt["prisma-postgres", "DATABASE_URL_POOLED"] == "pooled"
    assert spelt["neon", "NETLIFY_DATABASE_URL_UNPOOLED"] == "direct"
    assert spelt["fly", "DIRECT_DATABASE_URL"] == "direct"
    assert spelt["prisma-postgres", "DIRECT_URL"] == "direct"


def test_supabase_non_pooling_is_a_pooler() -> None:
    """T4: the variable says non-pooling, the host is the session-mode pooler; POSTGRES_HOST is the direct one."""
    means = {variable.name: variable.endpoint for variable in known("supabase").variables}
    assert means["POSTGRES_URL_NON_POOLING"] == "session-pooler"
    assert means["POSTGRES_URL"] == "pooled"
    assert means["POSTGRES_HOST"] == "direct"
    assert endpoint("supabase", "session-pooler").kind == "pooled"


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        ("shop.postgres.database.azure.com", {5432: "direct", 6432: "pooled"}),
        ("us-east.pg.psdb.cloud", {5432: "direct", 6432: "pooled"}),
        ("p.abc.db.postgresbridge.com", {5432: "direct", 5431: "pooled"}),
        ("db.abcdefghijklmnopqrst.supabase.co", {5432: "direct", 6543: "pooled"}),
        ("aws-0-eu-west-1.pooler.supabase.com", {5432: "pooled", 6543: "pooled"}),
        ("ep-x-pooler.us-east-2.aws.neon.tech", {5432: "pooled"}),
        ("pooled.db.prisma.io", {5432: "pooled"}),
        ("pgbouncer.abc.flympg.net", {5432: "pooled"}),
        ("app.proxy-abc123.us-east-1.rds.amazonaws.com", {5432: "pooled"}),
        ("db.example.com", {5432: "unknown", 6432: "unknown", 6543: "unknown"}),
        ("localhost", {5432: "local", 6432: "local", 6543: "local"}),
    ],
)
def test_a_port_alone_says_nothing(host: str, kinds: dict[int, str]) -> None:
    """T5: the same port is direct here and pooled there, and on a stranger's host it is neither."""
    assert {port: match(f"postgresql://u.x:p@{host}:{port}/app").kind for port in kinds} == kinds


def test_database_and_user_can_decide() -> None:
    """T6: same host and port; the database's or the user's name makes the difference, or leaves it open."""
    tiger = "postgres://u:p@abc.project.tsdb.cloud.timescale.com:33333/"
    assert (match(tiger + "tsdb_transaction").mode, match(tiger + "tsdb").kind) == ("transaction", "unknown")
    aiven = "postgres://u:p@pg-1-app.a.aivencloud.com:21699/"
    assert (match(aiven + "defaultdb").kind, match(aiven + "app-pool").kind) == ("direct", "unknown")
    planetscale = "postgresql://postgres.main{}:p@us-east.pg.psdb.cloud:{}/app"
    assert seen(planetscale.format("%7Creplica", 5432)) == ("planetscale", "replica")
    assert seen(planetscale.format("%7Cweb", 6432)) == ("planetscale", "dedicated-pooler")


def test_pooled_is_not_transaction() -> None:
    """T7: a mode is claimed only where the provider has no other."""
    assert [endpoint(name, "pooled").mode for name in ("neon", "supabase", "planetscale")] == [
        "transaction"
    ] * 3
    assert endpoint("supabase", "session-pooler").mode == "session"
    assert [endpoint(name, "pooled").mode for name in ("azure", "digitalocean", "fly")] == [None] * 3
    assert endpoint("fly", "pooled").mode_note.startswith("session by default")
    assert "pinned" in endpoint("rds", "proxy").mode_note


def test_a_recent_pgbouncer_does_not_prove_prepared_statements() -> None:
    """T8: Neon tracks them, Azure does not by default in spite of its version, and most do not say."""
    assert endpoint("neon", "pooled").tracks_prepared == "yes"
    assert endpoint("azure", "pooled").tracks_prepared == "no"
    assert endpoint("supabase", "pooled").tracks_prepared == "no"
    assert endpoint("supabase", "dedicated-pooler").tracks_prepared == "unknown"
    assert endpoint("rds", "proxy").tracks_prepared == "unknown"


def test_foreign_parameters_do_not_hide_the_host() -> None:
    """T9: what libpq would refuse changes nothing about who is meant."""
    url = f"postgres://{SUPABASE_USER}:p@aws-0-us-east-1.pooler.supabase.com:6543/postgres?supa=base-pooler.x&pgbouncer=true&schema=x"
    assert seen(url) == ("supabase", "pooled")


def test_neon_shapes_on_other_domains() -> None:
    """T10: Vercel's old hosts are Neon's; Koyeb's look like it and are not; Neon's driver serves PlanetScale too."""
    assert seen("postgres://u:p@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb") == (
        "neon",
        "pooled",
    )
    assert seen("postgres://u:p@ep-x.eu-central-1.pg.koyeb.app/koyebdb") == ("koyeb", "direct")
    assert seen("postgres://u:p@ep-x-pooler.eu-central-1.pg.koyeb.app/koyebdb")[1] is None
    assert known("planetscale").http_driver == known("neon").http_driver == "@neondatabase/serverless"


def test_reserved_slots() -> None:
    """T11: what each provider keeps back."""
    kept = {
        name: known(name).default_reserved
        for name in ("neon", "azure", "prisma-postgres", "tiger", "digitalocean", "rds")
    }
    assert kept == {"neon": 7, "azure": 15, "prisma-postgres": 5, "tiger": 17, "digitalocean": 3, "rds": None}


def test_proxies_are_not_pools() -> None:
    """T12: Clever Cloud's TCP proxy and Cloud SQL's connector pass connections through one to one."""
    assert match("postgresql://u:p@b1-postgresql.services.clever-cloud.com:50013/b1").kind == "direct"
    assert match("postgresql://u:p@/app?host=/cloudsql/project:region:instance").kind == "direct"
    assert match("postgres://u:p@shop.flycast:5432/app").kind == "direct"
    assert match("postgresql://u:p@app.cluster-ro-abc.us-east-1.rds.amazonaws.com/app").kind == "direct"


def test_a_tunnel_may_lead_to_production() -> None:
    """T12: `fly mpg proxy` listens on localhost:16380, so that address is neither Fly's nor local."""
    assert match("postgresql://u:p@localhost:16380/fly-db") == Match()
    assert match("postgresql://u:p@localhost:16381/fly-db") == Match(local=True)


def test_schemes_gate_hosts() -> None:
    """T13: a Valkey on DigitalOcean's pool port is no PostgreSQL."""
    host = "x-do-user-1-0.b.db.ondigitalocean.com:25061"
    assert seen(f"postgresql://u:p@{host}/pool") == ("digitalocean", "pooled")
    for scheme in ("redis", "rediss", "valkey", "mysql", "mongodb+srv"):
        assert match(f"{scheme}://u:p@{host}") == Match()


def test_the_shared_pooler_is_not_guessed() -> None:
    """T14: region and number of Supabase's pooler host do not follow from the direct one."""
    conn = parse("postgresql://postgres:p@db.abcdefghijklmnopqrst.supabase.co:5432/postgres")
    made = catalogue.convert(known("supabase"), conn, "direct", "pooled")
    assert made is not None
    assert made.conn is None
    assert "cannot be derived" in made.cannot
    assert any("Dashboard" in step for step in made.conversion.steps)


def test_render_has_a_pooler_whose_string_is_not_known() -> None:
    """T15: its reference page says so, whatever the tutorial says; the string has to be copied."""
    assert "PgBouncer" in known("render").pooler
    conn = parse("postgresql://u:p@dpg-abc123-a.oregon-postgres.render.com/app")
    made = catalogue.convert(known("render"), conn, "direct", "pooled")
    assert made is not None
    assert made.conn is None


GOOD = """
title = "X"
homepage = "https://x.example"
summary = "X."
suffixes = ["x.example"]
pooler = "Ask for it."
[defaults]
source = "https://x.example/docs"
checked = 2026-11-21
[[endpoints]]
id = "direct"
kind = "direct"
host = 'db\\.x\\.example'
[[endpoints]]
id = "pooled"
kind = "pooled"
host = 'pool\\.x\\.example'
mode = "transaction"
tracks_prepared = "unknown"
[[conversions]]
from = "direct"
to = "pooled"
host_pattern = "^db"
host_replace = "pool"
[[variables]]
name = "X_URL"
endpoint = "pooled"
[[examples]]
url = "postgresql://u:p@db.x.example/app"
endpoint = "direct"
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ('tracks_prepared = "unknown"\n', "", "endpoints[1].tracks_prepared: a pooled endpoint says whether"),
        ('mode = "transaction"\n', "", "endpoints[1].mode: a pooled endpoint has a mode, or a mode_note"),
        ('mode = "transaction"', 'mode_note = "either"', ""),
        ('pooler = "Ask for it."\n', "", "pooler: a provider with a pooled endpoint says in a sentence"),
        ('id = "pooled"', 'id = "direct"', "endpoints[1].id: 'direct' is there twice"),
        (
            'from = "direct"',
            'from = "first"',
            "conversions[0].from: 'first' is none of its endpoints: direct",
        ),
        (
            'to = "pooled"',
            'to = "other"',
            "conversions[0].to: 'other' is none of its endpoints: direct, pooled",
        ),
        ('from = "direct"', 'from = "pooled"', "conversions: none leads from 'direct', which stands beside"),
        ('host_pattern = "^db"\nhost_replace = "pool"', "", "conversions[0]: it says either what to change"),
        ('host_pattern = "^db"\n', 'cannot = "Nobody knows."\nsteps = ["Ask."]\n', ""),
        (
            'host_pattern = "^db"\n',
            'cannot = "Nobody knows."\n',
            "conversions[0].steps: `cannot` wants the steps",
        ),
        ('endpoint = "pooled"', 'endpoint = "z"', "variables[0].endpoint: 'z' is none of direct, pooled"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """With the place and the reason: rules would take the omission for an answer."""
    (tmp_path / "x.toml").write_text(GOOD.replace(old, new, 1) if old else GOOD)
    shelf = Shelf(Provider, tmp_path)

    if not complaint:
        assert shelf.load("x").title == "X"
        return
    with pytest.raises(CatalogueError, match=re.escape(f"/x.toml: {complaint}")):
        shelf.load("x")


# --- popular claims, corrected


def test_neon_limits_follow_the_compute() -> None:
    """No plan has a number; the sizes have, and the pooler takes 10,000 clients on each."""
    assert [catalogue.limit("neon", plan) for plan in ("free", "launch", "scale")] == [None] * 3
    sizes = {
        plan: catalogue.limit("neon", plan) for plan in ("0.25", "0.25 CU", "1cu", "8 cu", "16cu", "56cu")
    }
    assert [size and size.max_connections for size in sizes.values()] == [104, 104, 419, 3357, 4000, 4000]
    assert {size and size.pooler_clients for size in sizes.values()} == {10000}
    assert {limit.reserved for limit in known("neon").limits} == {7}


def test_neon_pool_is_nine_tenths() -> None:
    """The pooler's own pool per user and database, as printed for 1 CU and derived for the others."""
    assert all(
        limit.max_connections and limit.pool_size == limit.max_connections * 9 // 10
        for limit in known("neon").limits
    )


def test_supabase_has_four_endpoints_and_limits_by_compute() -> None:
    """Port 5432 of the pooler host is not direct; Nano and Micro share their limits."""
    assert {end.id: (end.kind, end.mode, end.software) for end in known("supabase").endpoints} == {
        "direct": ("direct", None, ""),
        "dedicated-pooler": ("pooled", "transaction", "PgBouncer"),
        "session-pooler": ("pooled", "session", "Supavisor"),
        "pooled": ("pooled", "transaction", "Supavisor"),
    }
    nano, micro = catalogue.limit("supabase", "free"), catalogue.limit("supabase", "Micro")
    assert nano is not None
    assert micro is not None
    assert (
        (nano.max_connections, nano.pooler_clients)
        == (micro.max_connections, micro.pooler_clients)
        == (60, 200)
    )


@pytest.mark.parametrize(
    ("endpoint_id", "user", "fits"),
    [
        ("pooled", "postgres.abcdefghijklmnopqrst", True),
        ("pooled", "postgres", False),
        ("session-pooler", "app.abcdefghijklmnopqrst", True),
        ("session-pooler", "app", False),
        ("direct", "postgres", True),
        ("direct", "postgres.abcdefghijklmnopqrst", False),
        ("direct", "prisma", True),
        ("dedicated-pooler", "postgres.abcdefghijklmnopqrst", False),
    ],
)
def test_supabase_user_forms(endpoint_id: str, user: str, fits: bool) -> None:
    """The shared pooler wants the project in the user's name, the project's own host does not."""
    form = pattern(endpoint("supabase", endpoint_id).user_form)
    assert (form.fullmatch(user) is not None) is fits


def test_rds_proxy_and_prisma_is_left_open() -> None:
    """AWS multiplexes the extended protocol, Prisma's page says otherwise: both are told, neither is claimed."""
    assert any("disputed" in quirk.text for quirk in known("rds").quirks)


def test_http_is_not_unlimited() -> None:
    """Neon's HTTP driver saves sockets; the proxy still refuses."""
    assert any("Failed to acquire permit" in quirk.text for quirk in known("neon").quirks)


def test_ten_thousand_connections_and_a_hundred_a_second() -> None:
    """Aurora DSQL runs out of new connections before it runs out of connections."""
    found = catalogue.limit("dsql", "default")
    assert found is not None
    assert found.max_connections == 10_000
    assert "100 new connections per second" in found.note
