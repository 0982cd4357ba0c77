"""How `--help` looks: options under headings, in words that need no knowledge of click."""

import re

import click

# The names of parameters, under the heading of their options; what no heading names comes first.
HEADINGS = {
    "Load": "threads fanout tps hold_ms cv2 wait_ms percentile cores cpu_ms spindles",
    "A PgBouncer": "pooler pairs pooler_processes reserve_pool max_client_conn",
    "What no file tells": "runtime driver max_connections instances pool surge workers reserved others buffer provider plan",
    "What is judged": "select ignore exclude fail_on config_path isolated",
    "The report": "reports ci html_path svg format_name output_path color_when plain verbose_count quiet_count help",
}
_RANGE = re.compile(r"\s\[x>=\d{1,9}\]|; x>=\d{1,9}(?=\])")


class Command(click.Command):
    """A command whose options stand in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options that are the command's own, then those that it shares, by what they are about."""
        homes = {name: heading for heading, names in HEADINGS.items() for name in names.split()}
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in ("Options", *HEADINGS)}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                groups[homes.get(param.name or "", "Options")].append(
                    (plain_words(record[0]), plain_words(record[1]))
                )
        for heading, rows in groups.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class Renamed(click.Option):
    """An option of which only the first name is shown: the others are old spellings that go on working."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """As for an option of one name."""
        names, self.opts = self.opts, self.opts[:1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = names


def plain_words(text: str) -> str:
    """An option or its help without click's own words."""
    text = re.sub(r"INTEGER(?: RANGE)?", "N", _RANGE.sub("", text))
    return re.sub(r"\[default: \(([^()\n]{1,80})\)\]", r"[default: \1]", text)
