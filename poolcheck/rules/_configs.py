"""What the rules about config files share: the env strings behind a place of a config."""

from poolcheck.model.config_file import ConfigFile, ConfigUrl
from poolcheck.model.context import Context
from poolcheck.model.target import Target


def strings(url: ConfigUrl | None, file: ConfigFile, ctx: Context) -> tuple[Target, ...]:
    """The connection strings of the env files that this place reads; those of the same package where it has any."""
    if url is None:
        return ()
    found = [
        target
        for target in ctx.targets
        if target.name in url.variables
        and target.origin in ("env", "deployment")
        and target.active
        and not target.commented
    ]
    own = [each for each in found if each.package.manifests == file.package.manifests]
    return tuple(own or found)


def fails_migrations(url: ConfigUrl | None, file: ConfigFile, ctx: Context) -> Target | None:
    """A string behind this place that goes through a pooler where migrations fail."""
    for string in strings(url, file, ctx):
        endpoint = string.match.endpoint
        if endpoint is not None and endpoint.kind == "pooled" and endpoint.migrations == "fail":
            return string
    return None


def shown_version(file: ConfigFile) -> str:
    """The tool and its version, for sentences."""
    title = {"prisma": "Prisma", "drizzle": "drizzle-kit"}.get(file.tool, file.tool)
    version = str(file.version) or (str(file.generation) if file.generation else "")
    return f"{title} {version}".strip()
