"""A schema that stands in for pg_catalog: for everything that poolcheck's SQL names, something that tells on who calls it.

What it names is parsed out of live/sql and of the strings of live/*.py, so that a new query is covered by itself. Each trap
writes to the server's log, which nothing rolls back and no read-only transaction forbids.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import poolcheck.live
from poolcheck.live import sql
from poolcheck.readers.sql import tokens

MARK = "shadow called: "
LIVE = Path(poolcheck.live.__file__).parent
_SQL = re.compile(r"\s*(?:SELECT|WITH|BEGIN|SHOW|SET|RESET|ROLLBACK|COMMIT|LOCK|DISCARD)\b")
# What stands before a parenthesis, or after FROM, and is no name.
_WORDS = frozenset(
    "operator in filter from and or not as when then else on where values by select case coalesce nullif over join exists".split()
)
# Words of the grammar behind which an operator, or a function, is looked up.
_MEANT = {
    "in": "=",
    "case": "=",
    "nullif": "=",
    "distinct": "=",
    "like": "~~",
    "between": ">=",
    "order": "<",
}
_CALLED = {"extract": ("extract", "date_part"), "at time zone": ("timezone",)}


@dataclass(frozen=True)
class Names:
    """What SQL names, without schemas."""

    operators: frozenset[str]
    functions: frozenset[str]
    types: frozenset[str]
    relations: frozenset[str]


def strings() -> Iterator[tuple[str, str]]:
    """Every SQL text of the package's live part, with the file it is from."""
    for path in sorted(sql.FOLDER.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        yield path.name, "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for path in sorted(LIVE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value):
                yield path.name, node.value


def code(text: str) -> str:
    """The text in lower case, with nothing where strings and comments were."""
    return "".join(
        text[start:end] if kind in ("code", "name", "number") else " " * (end - start)
        for kind, start, end in tokens(text)
    ).lower()


def names(*texts: str) -> Names:
    """Everything that is looked up by its name."""
    operators: set[str] = set()
    functions: set[str] = set()
    types: set[str] = set()
    relations: set[str] = set()
    for text in map(code, texts):
        operators.update(re.findall(r"[-+*/<>=~!@#%^&|`?]+", text))
        operators.update(sign for word, sign in _MEANT.items() if re.search(rf"\b{word}\b", text))
        functions.update(found.rpartition(".")[2] for found in re.findall(r"([\w.]+)\s*\(", text))
        functions.update(name for word, called in _CALLED.items() if word in text for name in called)
        types.update(found.rpartition(".")[2] for found in re.findall(r"::\s*([\w.]+)", text))
        relations.update(
            found.rpartition(".")[2] for found in re.findall(r"\b(?:from|join)\s+([\w.]+)", text)
        )
    return Names(
        frozenset(operators),
        frozenset(functions - _WORDS),
        frozenset(types),
        frozenset(name for name in relations if name.startswith("pg_") and name not in functions),
    )


def everything() -> Names:
    """What all of them name."""
    return names(*(text for _, text in strings()))


# Types of which values meet in the queries: what fits them better than pg_catalog's own wins with any search_path.
_TYPES = "bool int2 int4 int8 oid name text float8 numeric timestamptz interval xid".split()
_FEW = "int4 int8 oid name text float8 timestamptz".split()

_MAKE = r"""
DO $make$
DECLARE
  made record;
  trap text := $f$ CREATE FUNCTION %1$I.%2$I(%3$s) RETURNS %4$s LANGUAGE plpgsql AS $b$
                   BEGIN RAISE LOG USING MESSAGE = '{mark}%5$s'; RETURN %6$s; END $b$ $f$;
  number int := 0;
BEGIN
  FOR made IN
    SELECT DISTINCT ON (sign, l, r) * FROM (
      SELECT o.oprname::text AS sign, pg_catalog.format_type(o.oprleft, NULL) AS l,
             pg_catalog.format_type(o.oprright, NULL) AS r, pg_catalog.format_type(o.oprresult, NULL) AS result
        FROM pg_catalog.pg_operator o
       WHERE o.oprname = ANY ({operators}) AND o.oprleft <> 0 AND {own}
       UNION ALL
      SELECT sign, 'pg_catalog.' || l, 'pg_catalog.' || r,
             CASE WHEN sign ~ '^(=|<|>|<=|>=|<>|!=|~~|!~~)$' THEN 'pg_catalog.bool' ELSE 'pg_catalog.' || l END
        FROM pg_catalog.unnest({operators}) sign, pg_catalog.unnest({types}) l, pg_catalog.unnest({types}) r) x
  LOOP
    number := number + 1;
    BEGIN
      EXECUTE pg_catalog.format(trap, '{schema}', 'op' || number, 'a ' || made.l || ', b ' || made.r, made.result,
                                'operator ' || made.sign,
                                CASE WHEN made.result IN ('boolean', 'pg_catalog.bool') THEN 'true' ELSE 'NULL' END);
      EXECUTE pg_catalog.format('CREATE OPERATOR {schema}.%s (leftarg = %s, rightarg = %s, function = {schema}.op%s)',
                                made.sign, made.l, made.r, number);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  FOR made IN
    SELECT p.proname::text AS name, p.prokind AS kind, pg_catalog.oidvectortypes(p.proargtypes) AS args
      FROM pg_catalog.pg_proc p
     WHERE p.proname = ANY ({functions}) AND p.pronamespace = 'pg_catalog'::regnamespace
     UNION
    SELECT f, 'f', pg_catalog.concat_ws(', ', 'pg_catalog.' || l, 'pg_catalog.' || r)
      FROM pg_catalog.unnest({functions}) f, pg_catalog.unnest({few}) l,
           pg_catalog.unnest({few} || NULL::text) r
  LOOP
    BEGIN
      IF made.kind = 'a' THEN
        EXECUTE pg_catalog.format(trap, '{schema}', 'agg_' || made.name,
                                  pg_catalog.concat_ws(', ', 'pg_catalog.text', made.args), 'pg_catalog.text',
                                  'aggregate ' || made.name, 'NULL');
        EXECUTE pg_catalog.format('CREATE AGGREGATE {schema}.%1$I(%2$s) (sfunc = {schema}.%3$I, stype = pg_catalog.text)',
                                  made.name, made.args, 'agg_' || made.name);
      ELSE
        EXECUTE pg_catalog.format(trap, '{schema}', made.name, made.args, 'pg_catalog.text', 'function ' || made.name,
                                  'NULL');
      END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $make$
"""


def build(schema: str, *, better: bool = False) -> list[str]:
    """Statements that make the traps. `better`: only what pg_catalog itself has not, which wins without any search_path."""
    all_names = everything()

    def array(values: frozenset[str] | list[str]) -> str:
        return (
            "ARRAY["
            + ", ".join("'" + value.replace("'", "''") + "'" for value in sorted(values))
            + "]::text[]"
        )

    made = _MAKE
    for name, value in (
        ("mark", MARK),
        ("schema", schema),
        ("operators", array(all_names.operators)),
        ("functions", array(all_names.functions)),
        ("types", array(_TYPES)),
        ("few", array(_FEW)),
        ("own", "false" if better else "true"),
    ):
        made = made.replace("{" + name + "}", value)
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE LOG USING MESSAGE = '{}'; RETURN {}; END $$"
    told = f"CREATE FUNCTION {schema}.told(what pg_catalog.text) RETURNS pg_catalog.bool " + body.format(
        MARK + "' || what || '", "true"
    )
    statements = [told, made]
    statements += [
        f"CREATE VIEW {schema}.{name} AS SELECT x.* FROM pg_catalog.{name} x WHERE {schema}.told('relation {name}')"
        for name in sorted(all_names.relations)
    ]
    statements += [
        f"CREATE DOMAIN {schema}.{name} AS pg_catalog.{name} CHECK ({schema}.told('type {name}'))"
        for name in sorted(all_names.types)
        if name != "bigint"  # a word of the grammar: nobody can take it
    ]
    # A type of one's own brings casts that need no search_path.
    statements.append(f"CREATE TYPE {schema}.thing AS (n int)")
    for name in _TYPES:
        cast = f"{schema}.cast_{name}(pg_catalog.{name})"
        statements += [
            f"CREATE FUNCTION {cast} RETURNS {schema}.thing " + body.format(f"{MARK}cast {name}", "NULL"),
            f"CREATE CAST (pg_catalog.{name} AS {schema}.thing) WITH FUNCTION {cast} AS IMPLICIT",
        ]
    return statements


def called(log: str) -> set[str]:
    """The traps that were sprung, out of a server's log."""
    return set(re.findall(rf"LOG:  {MARK}([^\n]*)", log))
