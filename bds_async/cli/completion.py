"""`bds-async completion`: print the completion script of a shell."""

from __future__ import annotations

import os
import re

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..errors import BdsError, ConfigError
from .help import GroupedCommand
from .options.settings import common_options

#: The variable with which a completion script asks the program for completions.
VARIABLE = "_BDS_ASYNC_COMPLETE"


@click.command("completion", cls=GroupedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@common_options
def command(shell: str) -> None:
    """Print the completion script of a SHELL: bash, zsh or fish. Names of data sets are those of the folder's ledger.

    For bash, add to ~/.bashrc: eval "$(bds-async completion bash)"
    """
    kind = get_completion_class(shell)
    assert kind is not None
    try:
        click.echo(kind(click.get_current_context().find_root().command, {}, "bds-async", VARIABLE).source())
    except RuntimeError as error:
        raise ConfigError(f"No completion for this {shell}: {error}") from None


def data_set_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the data sets of the ledger in use whose names begin with the typed text."""
    from ..api import read_ledger
    from ..options import DEFAULT_FOLDER

    typed = incomplete.replace("\\", "").casefold()
    try:
        with read_ledger(ctx.params.get("to") or DEFAULT_FOLDER, state=ctx.params.get("state")) as ledger:
            names = {data_set.name for data_set in ledger.folders.data_sets().values()}
    except BdsError:
        return []
    return [CompletionItem(_as_a_word(name)) for name in sorted(names) if name.casefold().startswith(typed)]


def _as_a_word(name: str) -> str:
    """Return a name in the form that the asking shell needs.

    bash inserts it without quoting, after its `read` has removed one level of backslashes.
    """
    return re.sub(r"([^\w./-])", r"\\\\\1", name) if os.environ.get(VARIABLE, "").startswith("bash") else name
