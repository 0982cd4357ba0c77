"""Where the value that production reads is set, when an env file is not it: the platform's own store, by command or page.

Commands ask for the value or read it from standard input, so that no secret lands in a shell's history.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from poolcheck.fix.rounds import Mend
from poolcheck.model.target import Target


class _Store(NamedTuple):
    title: str
    how: str  # {name} is the variable
    source: str


# Checked 2026-12-01.
_STORES = {
    "vercel": _Store("Vercel", "vercel env add {name} production --force", "https://vercel.com/docs/cli/env"),
    "netlify": _Store(
        "Netlify", "Project configuration, Environment variables",
        "https://docs.netlify.com/build/environment-variables/get-started/",
    ),
    "fly": _Store("Fly.io", "fly secrets set {name}=-", "https://fly.io/docs/flyctl/secrets-set/"),
    "heroku": _Store(
        "Heroku", "heroku config:edit {name}",
        "https://devcenter.heroku.com/articles/heroku-cli-commands#heroku-config-edit-key",
    ),
    "railway": _Store("Railway", "railway variable set {name} --stdin", "https://docs.railway.com/cli/variable"),
    "render": _Store("Render", "the service's page, Environment", "https://render.com/docs/configure-environment-variables"),
    "cloudflare-workers": _Store(
        "Cloudflare", "npx wrangler secret put {name}",
        "https://developers.cloudflare.com/workers/wrangler/commands/#secret-put",
    ),
}  # fmt: skip


def where_it_counts(made: Iterable[Mend], targets: Iterable[Target]) -> Iterator[str]:
    """A note for each variable that was mended in an env file, where the package's platform has a store of its own.

    What stands in the store wins over an env file that is deployed with the code, and mostly none is.
    """
    mended = {(each.subject, edit.path) for each in made for edit in each.edits}
    for target in targets:
        store = _STORES.get(target.package.runtime.platform)
        if store is None or target.origin != "env" or target.example_file or not target.active:
            continue
        if target.stage not in ("test", "docker") and (target.name, target.location.path) in mended:
            how = store.how.format(name=target.name)
            yield f"{store.title} keeps variables of its own: set {target.name} there, too, before the next deploy ({how})."
