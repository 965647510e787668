"""The command that a warning suggests, for a shell; the command line completes it by the options of its places."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from ..ledger import Delivery
from ..models import BdsType, utc_text
from ..options import PullOptions, RunOptions, Wanted


def forced_pull(options: RunOptions, delivered: Iterable[Delivery]) -> str:
    """The pull that fetches what was delivered and these options choose again, in the form that they ask for."""
    return shlex.join(["bds-async", "pull", *_words(options, delivered)])


def _words(options: RunOptions, delivered: Iterable[Delivery]) -> Iterator[str]:
    yield from ("--force", "--as", options.publish_as)
    yield from ["--pin-columns"] if options.pin_columns else []
    types = {delivery.identity.bds_type for delivery in delivered}
    wanted = Wanted.ALL if len(types) > 1 else Wanted.FULL if BdsType.FULL in types else Wanted.DIFFERENTIAL
    yield from ["--type", wanted] if wanted is not Wanted.FULL else []
    if isinstance(options, PullOptions) and options.since is not None:
        yield from ("--since", utc_text(options.since))
    for option, patterns in (("--data-set", options.data_set), ("--exclude", options.exclude)):
        for pattern in patterns:
            yield from (option, pattern)
