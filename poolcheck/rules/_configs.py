"""What the rules about config files share: the env strings behind a place of a config."""

from poolcheck.model.config_file import ConfigFile, ConfigUrl
from poolcheck.model.context import Context
from poolcheck.model.target import Target


def strings(url: ConfigUrl | None, file: ConfigFile, ctx: Context) -> tuple[Target, ...]:
    """The connection strings of the env files that this place reads; those of the same package where it has any."""
    if url is None:
        return ()
    found = [
        each
        for each in ctx.targets
        if each.name in url.variables and each.origin == "env" and each.active and not each.commented
    ]
    own = [each for each in found if each.package.manifests == file.package.manifests]
    return tuple(own or found)


def fails_migrations(url: ConfigUrl | None, file: ConfigFile, ctx: Context) -> Target | None:
    """A string behind this place that goes through a pooler where migrations fail."""
    for each in strings(url, file, ctx):
        endpoint = each.match.endpoint
        if endpoint is not None and endpoint.kind == "pooled" and endpoint.migrations == "fail":
            return each
    return None


def shown_version(file: ConfigFile) -> str:
    """The tool and its version, for sentences."""
    title = {"prisma": "Prisma", "drizzle": "drizzle-kit"}.get(file.tool, file.tool)
    version = str(file.version) or (str(file.generation) if file.generation else "")
    return f"{title} {version}".strip()
