"""The shell command that a warning suggests; the command line adds the options for its places."""

from __future__ import annotations

from collections.abc import Iterator

from ..models import utc_text
from ..options import PullOptions, RunOptions, Wanted
from ..support.text import shell_words


def forced_pull(options: RunOptions) -> str:
    """The pull that fetches again what a pull with these options chooses, or the newest fulls of a sync."""
    return shell_words(["bds-async", "pull", *_words(options)])


def _words(options: RunOptions) -> Iterator[str]:
    yield from ("--force", "--as", options.publish_as)
    yield from ["--pin-columns"] if options.pin_columns else []
    if isinstance(options, PullOptions):
        yield from ["--type", options.wanted] if options.wanted is not Wanted.FULL else []
        yield from ["--since", utc_text(options.since)] if options.since is not None else []
    for option, patterns in (("--data-set", options.data_set), ("--exclude", options.exclude)):
        for pattern in patterns:
            yield from (option, pattern)
