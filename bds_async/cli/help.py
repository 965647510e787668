"""Help of the commands: options in groups, two examples at the end, the common options in one line."""

from __future__ import annotations

import click

#: Groups of options: which extracts, where to, how, and what is reported. Other options come first.
_GROUPS = {
    "Which": ("--data-set", "--exclude", "--type", "--since", "--until", "--path", "--with-fulls", "--force"),
    "Where": ("--to", "--state", "--as", "--pin-columns", "--into", "--schema", "--mirror", "--mirror-schema"),
    "How": (
        "--workers",
        "--attempts",
        "--stall-timeout",
        "--verify",
        "--limit-rate",
        "--max-time",
        "--repair",
        "--delete-limit",
    ),
    "Report": ("--dry-run", "--json", "--report", "--metrics", "--ping", "--strict-schema", "--no-progress"),
}
_COMMON = ("--config", "-v", "-q", "--log-format", "--log-timestamps", "-h")
#: Two command lines for each command.
EXAMPLES = {
    "pull": (
        "pull --data-set Users --data-set 'Quiz*' --as csv --to quizzes",
        "pull --type all --since 2026-11-15 --dry-run",
    ),
    "sync": ("sync --to /srv/bds --report run.json --metrics bds.prom", "sync --with-fulls --as parquet --to lake"),
    "list": ("list --sort size", "list --data-set Users --json"),
    "login": ("login", "login --no-browser --config other.json"),
    "doctor": ("doctor --to /srv/bds", "doctor --json"),
    "verify": ("verify --to /srv/bds", "verify --repair --report repair.json"),
    "schema": ("schema --data-set Users", "schema --json"),
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
        """Write the options, group by group."""
        records = {option.opts[0]: record for option, record in self._records(ctx)}
        common = [name for name in records if name in _COMMON]
        placed = {name for names in _GROUPS.values() for name in names} | {*common}
        groups = {"Options": tuple(name for name in records if name not in placed), **_GROUPS}
        for title, names in groups.items():
            if rows := [records[name] for name in names if name in records]:
                with formatter.section(title):
                    formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text(f"Common options: {', '.join(_COMMON)}; see bds-async --help.")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        if examples := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                for example in examples:
                    formatter.write(f"{'':{formatter.current_indent}}bds-async {example}\n")

    def _records(self, ctx: click.Context) -> list[tuple[click.Parameter, tuple[str, str]]]:
        found = [(each, each.get_help_record(ctx)) for each in self.get_params(ctx)]
        return [(each, record) for each, record in found if record is not None]
