"""The `bds-async` command: find the subcommand, run it, and turn an exception into an exit code."""

from __future__ import annotations

import gc
import importlib
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import click

from ..support.log import event
from .options.mistakes import usage_text
from .options.settings import common_options
from .output.log import set_up_logging
from .output.streams import Messages, Output, ReaderGone, hold_standard_descriptors
from .process.ends import end_of

#: Each command: the module of this package that defines it, as `command`, and its line in the help.
COMMANDS = {
    "pull": ("pull", "Make a folder hold the chosen extracts."),
    "sync": ("sync", "Deliver everything new, each extract once."),
    "list": ("list_command", "Show what the tenant lists."),
    "login": ("login.command", "Sign in once, in a browser."),
    "doctor": ("doctor", "Check everything that a run depends on."),
    "verify": ("verify", "Check the published files."),
    "ledger": ("ledger", "Show and correct what was delivered."),
    "schema": ("schema", "Show columns, and how they changed."),
    "schema-of": ("schema_of", "Print the JSON Schema of a machine format."),
    "report": ("report", "Make an HTML page of a run report."),
    "mirror": ("mirror", "Keep a database at the current state."),
    "fleet": ("fleet.command", "Run sync or pull for a list of tenants."),
    "recipe": ("recipe", "Print a file for a scheduler."),
    "completion": ("completion", "Print the completion script of a shell."),
    "demo": ("demo", "Pull from the sandbox, without an account."),
    "sandbox": ("sandbox", "Serve a tenant to test against."),
}

logger = logging.getLogger("bds_async")


class LazyGroup(click.Group):
    """A group that imports a command's module only to run that command, so that `--version` and `--help` are fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return every command, in the order of the documentation."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of that name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        # pydantic's search for plugins would read the metadata of every installed package.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        # Modules are not garbage: do not collect while importing them, and let later collections skip them.
        gc.disable()
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        gc.freeze()
        gc.enable()
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@common_options
def cli() -> None:
    """Get every Brightspace Data Set out of a D2L Brightspace tenant, in parallel, verified, and nothing lost.

    Data goes to stdout, everything else to stderr.

    \b
    Exit codes:
      0 done                        5 Brightspace was not reached
      1 a defect in bds-async       6 the destination, or a limit of this machine
      2 usage or config            75 another run holds the folder
      3 a part failed        130, 143 stopped by a signal (128 + its number)
      4 authorisation refused
    """  # noqa: D301 - click needs the backspace


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    _prepare_streams()
    code = _exit_code(lambda: cli.main(standalone_mode=False))
    code = _exit_code(sys.stdout.flush) or code
    sys.stderr.flush()
    sys.exit(code)


def _exit_code(run: Callable[[], object]) -> int:
    """Return the exit code of a call; log the error that it raises."""
    try:
        code = run()
    except ReaderGone:
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        # No command was named: the help is the answer.
        click.echo(error.format_message(), err=True)
        return 2
    except click.exceptions.Abort:
        return _logged("Interrupted.", 130)
    except click.ClickException as error:
        return _misused(error)
    except Exception as error:
        end = end_of(error)
        return _logged(end.message, end.exit_code, end.kind)
    return code if isinstance(code, int) else 0


def _log_format(argv: Sequence[str]) -> str:
    """Return the log format that a command line asks for, even if it cannot be parsed."""
    asked = re.findall(r"(?<=\0)--log-format[=\0]([^\0]*)", "\0".join(argv))
    return "json" if asked[-1:] == ["json"] else "text"


def _misused(error: click.ClickException) -> int:
    if _log_format(sys.argv) == "json":
        set_up_logging(0, "json")  # the option may follow what could not be parsed
        return _logged(error.format_message(), 2, type(error).__name__)
    set_up_logging(0, "text")
    return _logged(usage_text(error), 2)


def _prepare_streams() -> None:
    """Make both streams accept any text: a scheduler may have closed them, or their encoding may be narrow."""
    hold_standard_descriptors()
    nowhere = Path(os.devnull)
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = Messages.over(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = Output.over(sys.stdout)


def _logged(message: str, code: int, kind: str | None = None) -> int:
    logger.error("%s", message, extra=event("error", exit_code=code, kind=kind))
    return code
