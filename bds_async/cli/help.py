"""Help of the commands, one screen each: options in groups, the common options in one line, two examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

#: Groups of options: which extracts, where to, how, and reports. Other options come first.
_GROUPS = {
    "Which": ("--data-set", "--exclude", "--type", "--since", "--until", "--path", "--with-fulls", "--force"),
    "Where": ("--to", "--state", "--as", "--pin-columns", "--into", "--schema", "--mirror", "--mirror-schema"),
    "How": (
        "--workers",
        "--tenants-at-once",
        "--cluster",
        "--attempts",
        "--stall-timeout",
        "--verify",
        "--limit-rate",
        "--max-time",
        "--repair",
        "--delete-limit",
    ),
    "Report": ("--dry-run", "--json", "--report", "--html", "--metrics", "--ping", "--strict-schema", "--no-progress"),
}
_COMMON = ("--config", "-v", "-q", "--log-format", "--log-timestamps", "-h")
#: An option of every command that only the help of the program shows.
_VERSION = "--version"
#: click's text of a range, such as `1<=x<=64`. The message about a value outside the range names the range.
_RANGE = re.compile(r"; [^][]*x[<>][^][]*(?=\])|\s*\[[^][;]*x[<>][^][]*\]")
#: click's text of a default, such as `.  [default: 60.0]`.
_DEFAULT = re.compile(r"\.?\s+\[default: (.*?)(?:\.0)?\]$")
#: Two example command lines for each command.
EXAMPLES = {
    "fleet": ("fleet fleet.toml --report fleet.json", "fleet pull fleet.toml --group campuses --tenants-at-once 8"),
    "pull": (
        "pull --data-set Users --data-set 'Quiz*' --as csv --to quizzes",
        "pull --type all --since 2026-11-15 --dry-run",
    ),
    "sync": ("sync --to /srv/bds --report run.json --metrics bds.prom", "sync --with-fulls --as parquet --to lake"),
    "list": ("list --sort size", "list --data-set Users --json"),
    "login": ("login", "login --no-browser --config other.json"),
    "doctor": ("doctor --to /srv/bds", "doctor --json"),
    "verify": ("verify --to /srv/bds", "verify --repair --report repair.json"),
    "ledger show": ("ledger show", "ledger show --to /srv/bds --json"),
    "ledger export": ("ledger export", "ledger export --data-set 'Quiz*' --to /srv/bds"),
    "ledger mark": ("ledger mark --data-set '*' --until 2026-11-01", "ledger mark --data-set Users --json"),
    "ledger unmark": ("ledger unmark --data-set Users", "ledger unmark --path '*_20261122T*'"),
    "ledger accept": ("ledger accept --data-set Users", "ledger accept --data-set '*' --to /srv/bds"),
    "ledger unpin": ("ledger unpin --data-set Users", "ledger unpin --data-set 'Quiz*'"),
    "ledger rebuild": ("ledger rebuild", "ledger rebuild --to /srv/bds --verify fast"),
    "schema": ("schema --data-set Users", "schema --json"),
    "report": ("report run.json --html run.html", "report run.json --html /srv/www/bds/latest.html"),
    "schema-of": ("schema-of", "schema-of run-report"),
    "mirror": ("mirror", "mirror --into postgresql://loader@db:5432/school"),
    "recipe": ("recipe cron", "recipe systemd-service"),
    "completion": ("completion bash", "completion fish"),
    "demo": ("demo", "demo --to demo-data"),
    "sandbox": (
        "sandbox --write-config sandbox.json",
        "sandbox --data-sets 5 --faults faults.json",
    ),
}


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups and ends with examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group, and the names of the common options."""
        records = {option.opts[0]: record for option, record in self.records(ctx)}
        placed = {_VERSION, *(name for names in (_COMMON, *_GROUPS.values()) for name in names)}
        groups = {"Options": tuple(name for name in records if name not in placed), **_GROUPS}
        formatter.write_paragraph()
        for title, names in groups.items():
            if rows := [records[name] for name in names if name in records]:
                with _block(formatter, title):
                    formatter.write_dl(rows)
        formatter.write_text(f"Common: {', '.join(_COMMON)}; see bds-async -h")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own last paragraph, if it has one, and the examples."""
        super().format_epilog(ctx, formatter)
        with _block(formatter, "Examples"):
            for example in EXAMPLES[name_of(ctx)]:
                formatter.write(f"{'':{formatter.current_indent}}bds-async {example}\n")

    def records(self, ctx: click.Context) -> Iterator[tuple[click.Option, tuple[str, str]]]:
        """The options of the command, each with its two columns of the help; the usage line has the arguments."""
        for each in self.get_params(ctx):
            if isinstance(each, click.Option) and (record := each.get_help_record(ctx)) is not None:
                yield each, (record[0], tidy(record[1]))


def tidy(text: str) -> str:
    """Return the help of an option without its range, and with its default in short form."""
    return _DEFAULT.sub(r" [default: \1]", _RANGE.sub("", text))


def name_of(ctx: click.Context) -> str:
    """Return the name of a command below the program, such as `ledger show`."""
    group = ctx.parent
    above = f"{group.command.name} " if group is not None and group.parent is not None else ""
    return f"{above}{ctx.command.name}"


@contextmanager
def _block(formatter: click.HelpFormatter, title: str) -> Iterator[None]:
    """Write a section without the blank line that click puts before it."""
    formatter.write(f"{title}:\n")
    with formatter.indentation():
        yield
