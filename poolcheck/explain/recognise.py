"""Which entries of the catalogue a text shows, and what the text itself proves of them.

The inner cause stands first; what something else in the same event says better is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from poolcheck.catalogue import error_texts as known
from poolcheck.explain.log import Record
from poolcheck.model.explanation import ErrorText, Explanation
from poolcheck.text import clean

EVIDENCE = 240  # characters of the text shown as evidence
ORIGIN = {"server": 0, "pooler": 1, "network": 2, "client": 3}
_POOLER = re.compile(
    r"(?:port |:)(?:6432|6543)\b|-pooler\.|\.pooler\.|\bpgbouncer\b|pooled\.db\.prisma\.io|\.proxy-\w+\."
)
# The server's address stands behind words that say so. Any other one may be the client's: `C-0x1: db/user@10.0.0.7:3344`.
_DIALLED = (
    re.compile(r'connection to server at "([^"]{1,120})"(?: \([^)]{1,60}\))?, port (\d{1,5})'),
    re.compile(
        r"(?:\b(?:connect [A-Z]{4,20} |dial tcp (?:\S{1,60}->)?|connect to (?:server |host )?|server at |connection to (?:server )?|Connection to "
        r"|host[= ]|reach |S-0x[0-9a-f]{1,16}: [^\s@]{1,120}@|URL[= ])|://(?:[^\s/@]{1,200}@)?)[`'\"]?"
        r"([\w-]{1,60}(?:\.[\w-]{1,60}){1,8})[`'\"]?:[`'\"]?(\d{2,5})\b"
    ),
)
# What else is connected to in the same words, by name, port or scheme; and what shows that it is about PostgreSQL.
_OTHERS = re.compile(
    r"(?i)\b(?:redis|valkey|kafka|mongo(?:db)?|mysql|mariadb|rabbitmq|amqps?|elastic(?:search)?|opensearch|memcached?"
    r"|smtp|ldap|etcd|zookeeper|nats|clickhouse|cassandra|dynamodb|graphql)\b|\b(?:https?|wss?|grpc)://"
    r"|(?<!\d:\d\d)(?<![T ]\d\d):(?:25|80|443|587|2181|2379|3306|4222|4317|4318|5671|5672|6379|6380|8080|8123|8443|9042|9092|9200|11211|27017)\b"
)
_FOREIGN = re.compile(
    r"\bHY000\b|\bORA-\d{5}|\bER_[A-Z_]{3,40}|\bMySQL\b|\bMongo\w*Error"
)  # other databases' own codes
_OURS = re.compile(
    r"(?i)postgres|psycopg|\bpgx?\b|libpq|npgsql|prisma|pris\.ly|pgbouncer|supabase|neon|\.rds\.|sqlalchemy|hikari|knex|sequelize"
    r"|typeorm|asyncpg|drizzle|activerecord|ecto\b|jdbc|\b(?:5432|6432|6543)\b|DATABASE_URL|\bSQL"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a text shows: where, and by what."""

    error: ErrorText
    start: int = 0
    end: int = 0
    by_code: bool = False


# --- recognising ------------------------------------------------------------------------------------------------


@cache
def _patterns() -> tuple[tuple[ErrorText, re.Pattern[str]], ...]:
    return tuple((error, known.compiled(pattern)) for error in known.errors() for pattern in error.patterns)


@cache
def _translated() -> tuple[tuple[ErrorText, str, re.Pattern[str]], ...]:
    """(entry, a fixed part, pattern) of every translation: the fixed part is looked for first.

    A server that was started without a locale sends a question mark for each letter outside ASCII: that is recognised
    too, as long as enough of the message is left.
    """
    found = []
    for translation in known.translations():
        error = known.error(translation.id)
        assert error is not None, translation.id
        for _, text in translation.texts:
            parts = re.split(r"%[sdm]", text)
            body = (
                re.escape(text).replace("%s", ".{0,80}?").replace("%d", r"\d{1,9}").replace("%m", ".{1,60}")
            )
            plain = max(
                (run for part in parts for run in re.findall(r"[ -~]{8,}", part)), key=len, default=""
            )
            if plain:
                body = re.sub(r"[^\x00-\x7f]", lambda letter: f"(?:{letter[0]}|[?\ufffd]{{1,4}})", body)
            fixed = plain or max(parts, key=len).strip()
            found.append((error, fixed.strip(), known.compiled(body)))
    return tuple(found)


@cache
def _by_code() -> dict[str, tuple[ErrorText, ...]]:
    codes: dict[str, list[ErrorText]] = {}
    for error in known.errors():
        for code in error.codes:
            codes.setdefault(code, []).append(error)
    return {code: tuple(errors) for code, errors in codes.items()}


@cache
def _by_routine() -> dict[tuple[str, str], ErrorText]:
    return {(error.sqlstate, routine): error for error in known.errors() for routine in error.routines}


def search(text: str) -> list[Hit]:
    """Every entry whose pattern or translation stands in the text, in the order of the catalogue; nothing is weighed."""
    hits: dict[str, Hit] = {}
    for error, pattern in _patterns():
        if error.id not in hits and (found := pattern.search(text)):
            hits[error.id] = Hit(error, found.start(), found.end())
    for error, fixed, pattern in _translated():
        if error.id not in hits and fixed in text and (found := pattern.search(text)):
            hits[error.id] = Hit(error, found.start(), found.end())
    return list(hits.values())


_QUOTES = str.maketrans(dict.fromkeys("'`´‘’‚“”„«»‹›＂＇", '"'))


@cache
def _lenient_patterns() -> tuple[tuple[ErrorText, re.Pattern[str]], ...]:
    """Every pattern that asks for quotes, with any kind of them or none."""
    found = []
    for error, pattern in _patterns():
        plain = pattern.pattern.translate(_QUOTES)
        if '"' in plain:
            found.append((error, known.compiled(_loose(plain))))
    return tuple(found)


def _loose(pattern: str) -> str:
    """The pattern with every quote outside of a class made optional."""
    made, at, in_class = "", 0, False
    while at < len(pattern):
        step = 2 if pattern[at] == "\\" else 1
        piece = pattern[at : at + step]
        in_class = piece != "]" if in_class else piece == "["
        optional = piece == '"' and not in_class and pattern[at + 1 : at + 2] not in set("*+?{")
        made += piece + "?" * optional
        at += step
    return made


def lenient(text: str) -> list[Hit]:
    """As `search`, for texts whose quotes are others, or were lost on the way through a shell."""
    plain = text.translate(_QUOTES)
    hits: dict[str, Hit] = {}
    for error, pattern in _lenient_patterns():
        if error.id not in hits and (found := pattern.search(plain)):
            hits[error.id] = Hit(error, found.start(), found.end())
    return list(hits.values())


def about_another_service(text: str) -> bool:
    """Whether a text names another service, by name, port or scheme, and nothing of PostgreSQL."""
    if _FOREIGN.search(text):
        return True
    return _OTHERS.search(text) is not None and _OURS.search(text) is None


def recognise(record: Record) -> list[Hit]:
    """What a record shows, inner causes first; what is said better by something else in it is left out."""
    text = record.text
    hits = search(text)
    if not hits and len(record.lines) > 1:
        hits = search(record.unbroken)
    if any(hit.error.generic for hit in hits) and about_another_service(text):
        hits = [hit for hit in hits if not hit.error.generic]
    return weigh(hits + list(_coded(record, hits)))


def _coded(record: Record, hits: list[Hit]) -> Iterator[Hit]:
    """By SQLSTATE and routine, where no text says it already."""
    said = {hit.error.sqlstate for hit in hits if not hit.error.wraps and not hit.error.vague}
    ids = {hit.error.id for hit in hits}
    for code in record.sqlstates:
        if code in said:
            continue
        routines = [_by_routine().get((code, routine)) for routine in record.routines]
        for error in [routine for routine in routines if routine] or _by_code().get(code, ()):
            if error.id not in ids:
                yield Hit(error, by_code=True)


def weigh(hits: list[Hit]) -> list[Hit]:
    """Drop what lies inside a longer text of another entry and what is vague beside something exact; sort."""
    kept = [hit for hit in hits if not any(_covers(other, hit) for other in hits)]
    exact = [hit for hit in kept if not hit.error.vague]
    kept = [hit for hit in kept if not hit.error.vague or not any(says_more(each, hit) for each in exact)]
    return sorted(
        kept, key=lambda hit: (hit.error.wraps, ORIGIN[hit.error.origin], hit.error.vague, hit.start)
    )


def _covers(other: Hit, hit: Hit) -> bool:
    if other is hit or other.by_code or hit.by_code or other.error.wraps or hit.error.wraps:
        return False
    inside = other.start <= hit.start and hit.end <= other.end
    return inside and (other.end - other.start) > (hit.end - hit.start)


def says_more(exact: Hit, vague: Hit) -> bool:
    """Whether the exact text makes the vague one needless: it is of the same layer, or further inside."""
    if exact.error.layer == vague.error.layer:
        return True
    return not exact.error.wraps and ORIGIN[exact.error.origin] <= ORIGIN[vague.error.origin]


# --- what the text proves ---------------------------------------------------------------------------------------

# Words of connection strings that may be quoted by a driver's complaint: not secrets, whatever redaction thinks.
_POOL_WORDS = frozenset(
    "pgbouncer connection_limit pool_timeout schema sslmode channel_binding options search_path prepare max pool "
    "statement_cache_size prepare_threshold pool_size max_overflow connect_timeout statement_timeout".split()
)


def explanation(hit: Hit, hits: list[Hit], record: Record, dialled_pooler: bool | None) -> Explanation:
    """The entry with its evidence in this record, secrets masked. `hits` is everything that the record shows."""
    masked = record.masked
    found = _find(hit.error, masked)
    details = list(_details(hit.error, record.text, found))
    notes = []
    dialled = next((match for pattern in _DIALLED if (match := pattern.search(masked))), None)
    if dialled:
        details.append(("dialled", f"{dialled[1]}:{dialled[2]}"))
    pooled = dialled_pooler if dialled_pooler is not None else _POOLER.search(masked) is not None
    if pooled and hit.error.origin == "server" and hit.error.layer in ("slots", "role-limit", "db-limit"):
        notes.append(
            "A pooler was dialled and PostgreSQL's own text came back: the server refuses the pooler. "
            "Raising the pooler's client limit does not help."
        )
    if hit.by_code:
        code = next((code for code in record.sqlstates if code in (*hit.error.codes, hit.error.sqlstate)), "")
        routine = next((routine for routine in record.routines if routine in hit.error.routines), "")
        notes.append(
            f"Recognised by SQLSTATE {code}{f' and routine {routine}' if routine else ''}, not by its words."
        )
    return Explanation(
        error=hit.error,
        layer=hits[0].error.layer if hit.error.wraps else hit.error.layer,
        evidence=_excerpt(masked, found),
        details=tuple(dict.fromkeys(details)),
        notes=tuple(notes),
        inside=tuple(other.error.id for other in hits[hits.index(hit) + 1 :]),
        first=record.moment,
        last=record.moment,
    )


def _find(error: ErrorText, text: str) -> re.Match[str] | None:
    ours = [pattern for each, pattern in _patterns() if each is error]
    ours += [pattern for each, _, pattern in _translated() if each is error]
    exact = next((found for pattern in ours if (found := pattern.search(text))), None)
    if exact is not None:
        return exact
    loose = (pattern for each, pattern in _lenient_patterns() if each is error)
    return next((found for pattern in loose if (found := pattern.search(text.translate(_QUOTES)))), None)


def _details(error: ErrorText, text: str, found: re.Match[str] | None) -> Iterator[tuple[str, str]]:
    for name, value in (found.groupdict() if found else {}).items():
        if value and "***" in value and name == "parameter":
            plain = _find(error, text)
            value = plain["parameter"] if plain and plain["parameter"] in _POOL_WORDS else ""  # noqa: PLW2901
        if not value or "***" in value or name == "reason":
            continue
        label, _, unit = name.rpartition("_") if name.endswith(("_s", "_ms")) else (name, "", "")
        yield label.replace("_", " "), clean(f"{value} {unit}".rstrip(), limit=80)
        if name == "statement" and (driver := known.statement_driver(value)):
            yield "prepared by", driver


def _excerpt(text: str, found: re.Match[str] | None) -> str:
    """The part of the text around what was found, cut at words."""
    if found is None or len(text) <= EVIDENCE:
        return clean(text, limit=EVIDENCE)
    room = max(0, EVIDENCE - (found.end() - found.start()))
    start = max(0, found.start() - room // 2)
    if start:
        space = text.find(" ", start, found.start())
        start = space + 1 if space >= 0 else start
    lead = "… " if start else ""
    return clean(lead + text[start:], limit=EVIDENCE)
