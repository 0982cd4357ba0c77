"""What the rules about sums share: the sentence of a sum, the string behind it, and the mend of its pool."""

from poolcheck.capacity.asked import Asked, Term
from poolcheck.model.context import Context
from poolcheck.model.problem import Fix
from poolcheck.model.target import Target
from poolcheck.model.url_readers import readers
from poolcheck.rules._common import with_parameter


def asked(row: Asked) -> str:
    """The sum in words: "the project asks for web 10 x 4 x 5 = 200 + jobs 2 x 5 = 10: 210 connections"."""
    least = "at least " if row.least else ""
    if len(row.terms) > 1:
        return f"the project asks for {row.equation}: {least}{row.steady.most} connections"
    (only,) = row.terms
    if "=" in only.words:
        return f"the project asks for {least}{only.words} connections"
    return f"{only.name} asks for {least}{row.steady.most} connections"


def string_of(row: Asked, term: Term, ctx: Context) -> Target | None:
    """The string that a client connects with, of a file that is judged."""
    variables = {each.variable for each in term.client.pools} if term.client else set()
    routes = [
        each
        for each in ctx.map.routes
        if each.end == row.end and each.role == "app" and each.client == term.name
    ]
    places = {each.place for each in term.client.pools} if term.client else set()
    routes.sort(key=lambda each: (each.variable not in variables, each.place not in places))
    for route in routes:
        for target in ctx.groups(_key).get((route.variable, route.place.path, route.place.line), ()):
            return target
    return None


def _key(target: Target) -> tuple[str, str, int | None]:
    return target.name, target.location.path, target.location.line


def size_parameter(target: Target | None, ctx: Context) -> str:
    """The parameter that sets the pool's size in the string, where its reader takes it from there."""
    who = readers(target, ctx) if target is not None else ()
    return who[0].url.size_param if len(who) == 1 and who[0].url else ""


def pool_fix(row: Asked, term: Term, size: int, title: str, ctx: Context) -> Fix:
    """The mend of a client's pool: in its string, else the line of its driver."""
    target = string_of(row, term, ctx)
    pool = next((each for each in term.client.pools if each.size is not None), None) if term.client else None
    param = size_parameter(target, ctx)
    if target is not None and param and (pool is None or pool.place is None or pool.place == target.location):
        return with_parameter(target, title, param, str(size))
    if pool is not None and pool.code and len(term.client.pools if term.client else ()) == 1:
        return Fix(title, lines=(pool.code.replace("{size}", str(size)),))
    return Fix(title)
