"""What the rules about source code share: which files count, words, places, and the lines to write."""

import posixpath
from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Location
from poolcheck.model.project import CARRIES
from poolcheck.model.severity import Confidence
from poolcheck.model.source import MAPPED_LANGUAGES, Checkout, Mark, Misuse, Site, SourceFile
from poolcheck.model.target import Target, app_traffic
from poolcheck.rules._common import transaction_pooler

# Frameworks whose dev server loads modules anew while the process lives.
RELOADERS = {
    "npm:next": "Next.js",
    "npm:@remix-run/dev": "Remix",
    "npm:@react-router/dev": "React Router",
    "npm:nuxt": "Nuxt",
    "npm:@sveltejs/kit": "SvelteKit",
}
# Packages that speak PostgreSQL and of which the catalogue has no file.
_ALSO = frozenset({"npm:pg-pool", "npm:pg-promise", "npm:pg-native", "npm:slonik"})
# What listens on a port by itself: a package with one of them has code that does not run on Workers.
SERVERS = frozenset({"npm:express", "npm:fastify", "npm:koa", "npm:@hono/node-server", "npm:@nestjs/core"})
_HTTP_ADAPTERS = ("@prisma/adapter-ppg", "@prisma/client/edge", "@prisma/extension-accelerate")


def at(file: SourceFile, what: Site | Checkout | Mark | Misuse) -> Location:
    """The place of something in its file."""
    return Location(file.path, what.line, what.column)


def on_edge(file: SourceFile) -> bool:
    """Whether sockets cannot be kept between requests there: then a client per request is right."""
    return bool(file.edge) or file.worker or file.package.runtime.kind == "edge"


def on_workers(file: SourceFile) -> bool:
    """Whether the file runs on Cloudflare Workers: their config stands beside or above it, and no server beside it."""
    runtime, servers = file.package.runtime, file.package.dependencies & SERVERS
    if not runtime.platform.startswith("cloudflare"):
        return False
    folder = posixpath.dirname(runtime.source)
    below = not folder or file.path.startswith(folder + "/")
    return below and (file.worker or not servers)


def over_tcp(file: SourceFile, site: Site) -> bool:
    """Whether what a site makes opens TCP sockets: Prisma does so through its pg adapter on Workers."""
    if site.kind == "prisma":
        return any(mark.kind == "@prisma/adapter-pg" for mark in file.modules)
    return site.made.wire == "tcp"


def over_http(file: SourceFile, site: Site) -> bool:
    """Whether Prisma goes over HTTP here, and so keeps no connections."""
    if site.kind != "prisma":
        return False
    return site.option("accelerateUrl") is not None or any(
        mark.kind in _HTTP_ADAPTERS for mark in file.modules
    )


def sure(file: SourceFile, site: Site) -> Confidence:
    """High where the client is known to be PostgreSQL's."""
    known = file.postgres is True or not site.made.elsewhere or site.argument.startswith("postgres")
    return Confidence.HIGH if known else Confidence.MEDIUM


def pool_seen(each: Misuse) -> Confidence:
    """High where what makes the pool was seen; medium where only its name says that it is one."""
    return Confidence.HIGH if each.known else Confidence.MEDIUM


def speaks_postgres(file: SourceFile, ctx: Context) -> bool:
    """Whether the package has a driver for PostgreSQL, or its manifest is not known: MySQL's pools look alike."""
    npm = {name for name in file.package.dependencies if name.startswith("npm:")}
    if not npm or file.sites or npm & _ALSO:
        return True
    used = [ctx.catalogue.driver(use.id) for use in file.package.drivers]
    return any(known and known.kind in ("driver", "http") and npm & set(known.packages) for known in used)


def app_sites(file: SourceFile) -> Iterator[Site]:
    """The sites of the app's own JavaScript or Python that hold connections to PostgreSQL."""
    if file.purpose != "app" or file.language in MAPPED_LANGUAGES:
        return
    for site in file.makes:
        if not over_http(file, site):
            yield site


def misuses(file: SourceFile, ctx: Context, *kinds: str) -> Iterator[Misuse]:
    """What the app does with pools of PostgreSQL that goes wrong; a script is alone with its pool."""
    if file.purpose == "app" and file.postgres is not False and speaks_postgres(file, ctx):
        carried = file.package.mentions_any(CARRIES)
        for each in file.misuses:
            theirs = each.package and (carried or each.package not in file.package.dependencies)
            if each.kind in kinds and not theirs:
                yield each


def shared_client(file: SourceFile, site: Site) -> Fix:
    """How to have one client for the process, in the file's own words."""
    if site.listens:
        return Fix(
            "Keep one connection for LISTEN in each process, opened at start, and hand what arrives on to the requests"
        )
    if site.made.once:
        return Fix(
            "Make a pool once for each process, at start, and take connections from it",
            lines=(site.made.once,),
        )
    name = site.name if site.name.isidentifier() else ("prisma" if site.kind == "prisma" else "pool")
    if file.language == "python":
        made = f"{name} = {site.call}(...)"
        once = (f"{made}  # at module level, or in the app's lifespan: once for each process",)
        return Fix("Make it once, outside the function, and use it from there", lines=once)
    made = f"{site.call}(...)" if site.options or site.argument else f"{site.call}()"
    if any(each in file.package.dependencies for each in RELOADERS):
        lines = (
            "const kept = globalThis as unknown as { db?: ReturnType<typeof create> }",
            f"const create = () => {made}",
            f"export const {name} = kept.db ?? create()",
            "if (process.env.NODE_ENV !== 'production') kept.db = " + name,
        )
        return Fix("Make it once, in a module of its own, kept on globalThis for the dev server", lines=lines)
    return Fix(
        "Make it once, at module level, and import it from there", lines=(f"export const {name} = {made}",)
    )


def pooled_target(file: SourceFile, ctx: Context) -> Target | None:
    """The app's connection string of that package, when it goes through a transaction-mode pooler; else None.

    In a repository of several packages the string may stand beside another one: then all of them have to agree.
    """
    app = [target for target in ctx.targets if app_traffic(target) and target.match.kind != "local"]
    own = [
        each for each in app if each.package.manifests and each.package.manifests == file.package.manifests
    ]
    among = own or app
    pooled = [each for each in among if transaction_pooler(each) is not None]
    return pooled[0] if pooled and len(pooled) == len(among) else None


def other_url(file: SourceFile, ctx: Context) -> bool:
    """Whether the file connects with a string that is not the app's pooled one."""
    direct = {target.name for target in ctx.targets if target.role == "migration"}
    words = ("DIRECT", "UNPOOLED", "NON_POOLING", "SESSION", "LISTEN", "MIGRAT")
    return any(
        any(word in site.url.upper() for word in words) or any(name in site.url for name in direct)
        for site in file.sites
    )


def base(path: str) -> str:
    """The last part of a path, for sentences."""
    return posixpath.basename(path)
