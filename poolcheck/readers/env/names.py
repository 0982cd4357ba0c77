"""Which file names are env files, which of them are examples, and which stage they speak of.

Counted in 214 env files of public repositories (November 2026): `.env.example` 148, `.env` 18, `.env.sample` 8,
`env.example` 5, then `.env.local.example`, `.env.test`, `.env-example`, `variables.env`, `postgres.env`, `.envrc`.
`.dev.vars` and `.dev.vars.<environment>` are Cloudflare's
(https://developers.cloudflare.com/workers/local-development/environment-variables), `.flaskenv` is Flask's
(https://flask.palletsprojects.com/en/stable/cli/#environment-variables-from-dotenv), a `.envs` folder is the
layout of cookiecutter-django. All checked 2026-11-21.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePath  # only its text is used; importing it costs 2 ms

# A name that ends so is code, data, a document, a backup or encrypted, whatever stands before the dot.
_OTHER_KINDS = frozenset(
    (
        "ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "py", "pyi", "pyc", "rb", "go", "rs", "php",
        "java", "kt", "kts", "swift", "cs", "fs", "ex", "exs", "clj", "scala", "lua", "pl", "r", "c", "h",
        "cpp", "hpp", "vue", "svelte", "astro", "sh", "bash", "zsh", "fish", "csh", "ps1", "bat", "cmd",
        "json", "jsonc", "json5", "yaml", "yml", "toml", "xml", "ini", "cfg", "conf", "html", "htm", "css",
        "scss", "less", "md", "mdx", "rst", "adoc", "pdf", "png", "jpg", "jpeg", "gif", "svg", "ico", "map",
        "snap", "lock", "log", "sql", "csv", "gz", "zip", "tar", "tgz", "enc", "gpg", "age", "asc", "pem",
        "key", "keys", "vault", "swp", "swo", "bak", "backup", "old", "orig", "rej", "tmp",
    )
)  # fmt: skip
_EXAMPLE_WORDS = frozenset(
    (
        "example", "examples", "sample", "samples", "template", "templates", "tmpl", "tpl", "dist",
        "default", "defaults", "skeleton", "schema", "j2", "erb", "mustache", "hbs", "ejs",
    )
)  # fmt: skip
_ALONE = (".environment", ".flaskenv", ".dev.vars")
_STAGES = {
    "production": "production prod live",
    "staging": "staging stage stg uat preprod",
    "preview": "preview",
    "test": "test tests testing ci e2e",
    "development": "development develop dev",
    "docker": "docker compose",
    "local": "local localhost",
}
_STAGE_OF = {word: stage for stage, words in _STAGES.items() for word in words.split()}


def matches(path: "PurePath | str") -> bool:
    """Whether a file of this name is an env file. Looks at the name alone; `env.ts` and its kin are code."""
    *folders, name = _parts(path)
    if name.endswith("~") or name.rpartition(".")[2] in _OTHER_KINDS:
        return False
    if name.startswith(_ALONE):
        return name.removesuffix(".") in _ALONE or any(name.startswith(f"{alone}.") for alone in _ALONE)
    if name.startswith("env."):
        return len(name) > len("env.")
    if name.startswith(("env-", "env_")):
        return name[4:] in _EXAMPLE_WORDS
    before, dot, after = name.partition(".env")
    if dot:  # .env, .env.local, .env-example, .envrc, postgres.env, docker.env.example
        after = after if before else after.removeprefix("rc")
        return not after or (after[0] in "-_." and len(after) > 1)
    return name.startswith(".") and ".envs" in folders


def _parts(path: "PurePath | str") -> list[str]:
    return str(path).lower().replace("\\", "/").rstrip("/").split("/")


def _words(path: "PurePath | str") -> list[str]:
    *folders, name = _parts(path)
    stages = folders[folders.index(".envs") + 1 :] if ".envs" in folders else []
    return ".".join((*stages, name)).replace("-", ".").replace("_", ".").split(".")


def is_example(path: "PurePath | str") -> bool:
    """Whether the name says that the file shows what to write: example, sample, template, dist, defaults, ..."""
    return not _EXAMPLE_WORDS.isdisjoint(_words(path))


def stage(path: "PurePath | str") -> str:
    """production, staging, preview, test, development, docker or local; "" when the name does not say.

    `.env.production.local` is production: the stage first, whose machine it is on last.
    """
    stages = {_STAGE_OF[word] for word in _words(path) if word in _STAGE_OF}
    return next((name for name in _STAGES if name in stages), "")
