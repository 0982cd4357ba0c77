"""Rule, provider and driver pages: for `poolcheck explain` and the site. Data and docstrings only."""

from collections.abc import Iterator

from poolcheck import catalogue, rules
from poolcheck.model.facts import Driver, DriverVersion, Provider, Quirk
from poolcheck.model.rule import AnyRule


def page(name: str) -> str | None:
    """The page of a rule (id or name), provider or driver (id or alias), as Markdown; None for anything else."""
    wanted = name.strip().lower()
    for rule_id, rule_name in rules.names().items():
        if wanted in (rule_id.lower(), rule_name):
            found = next(each for each in rules.load(rule_id[2]) if each.id == rule_id)
            return rule_page(found)
    provider, driver = catalogue.provider(wanted), catalogue.driver(wanted)
    pages = [provider_page(provider)] if provider else []
    pages += [driver_page(driver)] if driver else []
    return "\n".join(pages) or None


def names() -> Iterator[str]:
    """Everything that has a page: for completion and did-you-mean."""
    for rule_id, rule_name in rules.names().items():
        yield rule_id
        yield rule_name
    for provider in catalogue.providers():
        yield provider.id
    for driver in catalogue.drivers():
        yield driver.id


def rule_page(rule: AnyRule) -> str:
    """A rule's docstring under its id, name, severity and step."""
    title, _, body = rule.doc.partition("\n")
    step = f"step {rule.step} of the fix path" if rule.step else "beside the five steps"
    return f"# {rule.id} {rule.name}\n\n{title}\n\nDefault severity: {rule.severity.word}; {step}; since {rule.since}.\n{body}\n"


def provider_page(provider: Provider) -> str:
    """Endpoints, limits and quirks, each with its source and the day it was checked."""
    lines = [f"# {provider.title} ({provider.id})", "", provider.summary or provider.homepage, ""]
    lines += ["## Endpoints", ""]
    for end in provider.endpoints:
        mode = f", {end.mode} mode" if end.mode else ""
        lines.append(f"- {end.title or end.id} ({end.kind}{mode}){': ' + end.note if end.note else ''}")
        if end.mode_note:
            lines.append(f"  mode: {end.mode_note}")
        if end.software:
            lines.append(
                f"  pooler: {end.software}; tracks prepared statements: {end.tracks_prepared}; migrations: {end.migrations}"
            )
        if end.tls != "unknown":
            lines.append(f"  TLS: {end.tls}")
        if end.user_hint:
            lines.append(f"  user name: {end.user_hint}")
        lines.append(f"  {end.source} (checked {end.checked}, {end.evidence})")
    if provider.limits:
        lines += [
            "",
            "## Limits",
            "",
            "| plan or size | max_connections | reserved | pooler clients |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {limit.title or limit.plan} | {limit.connections} | {_n(limit.reserved)} | {_n(limit.pooler_clients)} |"
            for limit in provider.limits
        ]
        lines += [
            "",
            *(
                f"- {source}"
                for source in dict.fromkeys(
                    f"{limit.source} (checked {limit.checked})" for limit in provider.limits
                )
            ),
        ]
    if provider.conversions:
        lines += ["", "## From one endpoint to another", ""]
        for conversion in provider.conversions:
            lines.append(
                f"- {conversion.from_} to {conversion.to}: {conversion.cannot or 'derived by poolcheck'}{' (' + conversion.condition + ')' if conversion.condition else ''}"
            )
            lines += [f"  {step}" for step in conversion.steps]
    if provider.variables:
        lines += ["", "## Variables", ""]
        lines += [
            f"- {variable.name}{' on ' + variable.platform if variable.platform else ''}: {variable.endpoint or 'varies'}{'; ' + variable.note if variable.note else ''}"
            for variable in provider.variables
        ]
    if provider.retirements:
        lines += ["", "## Retired", ""]
        lines += [
            f"- {retirement.what} on {retirement.on}: {retirement.instead} ({retirement.source})"
            for retirement in provider.retirements
        ]
    lines += _quirks(provider.quirks)
    return "\n".join(lines) + "\n"


def driver_page(driver: Driver) -> str:
    """What the driver does by default, by version, and how its pool is set."""
    lines = [
        f"# {driver.title} ({driver.id})",
        "",
        f"{driver.kind} for {driver.language}; {driver.homepage}",
        "",
    ]
    for version in driver.versions:
        lines += _version(version, driver)
    lines += _quirks(driver.quirks)
    return "\n".join(lines) + "\n"


def _version(each: DriverVersion, driver: Driver) -> list[str]:
    lines = [f"## {each.label or driver.title} ({'every version' if each.when == '*' else each.when})", ""]
    facts = (
        ("default pool", each.pool),
        ("wait for a slot", each.pool_wait),
        ("when exhausted", each.exhausted),
        ("URL parameters are read by", each.url_read_by),
        ("unknown URL parameters", each.unknown_params or ""),
        ("named prepared statements", each.named_prepared if each.named_prepared != "unknown" else ""),
        ("through a pooler that cannot track them", each.prepared_error),
        ("migrations", each.migrations),
        ("note", each.note),
    )
    lines += [f"- {name}: {text}" for name, text in facts if text]
    code = [
        text.replace("{size}", "5") for text in (each.size_code, each.wait_code, each.prepared_off) if text
    ]
    if code:
        lines += ["", "```", *code, "```"]
    if each.params:
        lines += ["", "URL parameters: " + ", ".join(param.name for param in each.params)]
    lines += [
        *(f"- ignored here: {name} ({why})" for name, why in each.ignored),
        f"- {each.source} (checked {each.checked})",
        "",
    ]
    return lines


def _quirks(quirks: tuple[Quirk, ...]) -> list[str]:
    if not quirks:
        return []
    return [
        "",
        "## Good to know",
        "",
        *(f"- {quirk.text} {quirk.source} (checked {quirk.checked})" for quirk in quirks),
    ]


def _n(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


# --- lists, for `explain rules` and its like and for the site's first page ---


def rules_table() -> str:
    """Id, name, severity and title of every rule."""
    rows = [
        f"| {rule.id} | {rule.name} | {rule.severity.word} | {rule.title.rstrip('.')} |"
        for rule in rules.load()
    ]
    return "\n".join(["| id | name | default | what it finds |", "|---|---|---|---|", *rows])


def providers_table() -> str:
    """Every provider with its endpoint kinds and modes."""
    rows = []
    for provider in catalogue.providers():
        ends = ", ".join(
            dict.fromkeys(f"{end.kind} ({end.mode})" if end.mode else end.kind for end in provider.endpoints)
        )
        rows.append(f"| `{provider.id}` | {provider.title} | {ends} | {len(provider.limits) or ''} |")
    return "\n".join(["| id | provider | endpoints told apart | sizes known |", "|---|---|---|---|", *rows])


def drivers_table() -> str:
    """Every driver with its default pool and wait."""
    rows = []
    for driver in catalogue.drivers():
        for version in driver.versions:
            rows.append(
                f"| `{driver.id}` | {version.label or driver.title} | {version.pool or '-'} | {version.pool_wait or '-'} |"
            )
    return "\n".join(["| id | driver | default pool | wait for a slot |", "|---|---|---|---|", *rows])
