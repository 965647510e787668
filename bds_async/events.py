"""The events that a run reports to its observer: a plan, transfers, waits, warnings, a mirror, the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from .models import Extract
from .report import AppliedExtract, Outcome, RunReport


@dataclass(frozen=True, slots=True)
class ListsRead:
    """The extract lists of `read` data sets were read, of `total`; None while the list of data sets is read."""

    read: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made: `extracts` are to be fetched, `skipped` others are already there.

    `why` says why there is nothing of either.
    """

    extracts: tuple[Extract, ...]
    skipped: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """The first piece of an extract is requested; an earlier run has left `held_bytes` of it."""

    extract: Extract
    held_bytes: int


@dataclass(frozen=True, slots=True)
class Sized:
    """An answer states the size of an extract: `bytes`, in place of the listed size."""

    extract: Extract
    bytes: int


@dataclass(frozen=True, slots=True)
class Received:
    """`new_bytes` of an extract were written to its partial file."""

    extract: Extract
    new_bytes: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """An extract starts again from its first byte; `lost_bytes` that had been received are discarded."""

    extract: Extract
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request for an extract failed; try `number` of `limit` follows in `seconds`. `why` is a sentence.

    A server that asks to wait uses up no try: then `number` is that of the request which it answered.
    """

    extract: Extract
    number: int
    limit: int
    seconds: float
    why: str


class Phase(StrEnum):
    """What happens to an extract once all its bytes are received; the value is the wording."""

    VERIFYING = "verifying"
    CONVERTING = "converting"
    WAITING = "waiting for the extract before it"
    PUBLISHING = "publishing"
    UPLOADING = "uploading"


@dataclass(frozen=True, slots=True)
class Entered:
    """An extract whose bytes are all received has entered a phase."""

    extract: Extract
    phase: Phase


@dataclass(frozen=True, slots=True)
class Ended:
    """An extract is downloaded, or has failed for good."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """New requests to the tenant wait for `seconds`, as the tenant asked (429, or an empty rate budget)."""

    about: ClassVar = "rate_limit.waiting"
    why: str
    seconds: float

    def __str__(self) -> str:
        return f"Waiting {self.seconds:.0f} s: {self.why}"


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """The tenant cannot be reached; requests are retried for up to `patience` seconds. `why` is a sentence."""

    about: ClassVar = "outage.began"
    why: str
    patience: float

    def __str__(self) -> str:
        limit = f"{self.patience / 60:.0f} minutes" if self.patience >= 120 else f"{self.patience:.0f} s"
        return f"{self.why} Retrying for up to {limit}."


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """The tenant answers again, `seconds` after the outage began. An outage that is given up ends with an error."""

    about: ClassVar = "outage.ended"
    seconds: float

    def __str__(self) -> str:
        return f"Brightspace answers again, after {self.seconds:.0f} s."


@dataclass(frozen=True, slots=True)
class Warned:
    """A person should know `message`, though the run goes on. `about` is a stable name for programs."""

    message: str
    about: str = "run.warning"


@dataclass(frozen=True, slots=True)
class Mirroring:
    """The mirror at `target` is about to apply `extracts` extracts, of `bytes` by the ledger."""

    target: str
    extracts: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Merging:
    """One extract is about to be applied to a table of the mirror; `path` is relative to the folder."""

    table: str
    data_set: str
    path: str


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One extract was applied to the table of a data set in the mirror."""

    table: str
    data_set: str
    extract: AppliedExtract


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A verification is about to read `files` published files, of `bytes` by the ledger."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Read:
    """`new_bytes` of published files were read for verification."""

    new_bytes: int


@dataclass(frozen=True, slots=True)
class Examined:
    """One published file was verified, with any result. `path` is relative to the folder."""

    path: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The verification has ended. This is its last event, however it ended."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has ended. This is its last event, however it ended."""

    report: RunReport


Waiting: TypeAlias = Held | OutageBegan | OutageEnded
Transferring: TypeAlias = Started | Sized | Received | Restarted | Retrying | Entered | Ended
Running: TypeAlias = ListsRead | Planned | Transferring | Waiting | Warned | Finished
Verifying: TypeAlias = Surveyed | Read | Examined | Reviewed
Applying: TypeAlias = Mirroring | Merging | Mirrored
Event: TypeAlias = Running | Applying | Verifying
#: Called on the event loop. It must return soon and raise nothing.
Observer: TypeAlias = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """Ignore an event: the default observer."""
