"""What a run tells whoever watches it: progress bars, log lines, the report file. Watchers are told, never asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .models import Extract
from .report import Outcome, RunReport


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan stands: these are to be fetched, the `skipped` ones are there already; `why` there is none of either."""

    extracts: tuple[Extract, ...]
    skipped: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """The first piece of an extract is under way; `held_bytes` of it were there from a former run."""

    extract: Extract
    held_bytes: int


@dataclass(frozen=True, slots=True)
class Received:
    """So many new bytes of an extract are in its partial file."""

    extract: Extract
    new_bytes: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """An extract starts again from nothing; `lost_bytes` that had been received are of no use."""

    extract: Extract
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An extract is downloaded, or has failed for good."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """New requests to the tenant wait for so many seconds."""

    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should know, and that stops nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class Surveyed:
    """So many published files, of so many bytes by the ledger, are to be verified."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Read:
    """So many bytes of published files have been read again."""

    new_bytes: int


@dataclass(frozen=True, slots=True)
class Examined:
    """One published file has been verified, whatever came out."""

    path: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The verification is over, in whatever way; told once, after everything else of it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over, in whatever way; told once, after everything else."""

    report: RunReport


Transferring: TypeAlias = Planned | Started | Received | Restarted | Ended | Held | Warned | Finished
Verifying: TypeAlias = Surveyed | Read | Examined | Reviewed
Event: TypeAlias = Transferring | Verifying
#: Called on the event loop; it has to return soon and raise nothing.
Observer: TypeAlias = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """Watch nothing: the observer of a run that nobody looks at."""
