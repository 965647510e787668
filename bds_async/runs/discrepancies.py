"""The result of a verification: files that differ from the ledger, and what a repair did about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..ledger import Delivery
from ..models import Identity
from ..support.text import counted
from .exit_code import PARTIAL


class Fault(StrEnum):
    """What can be wrong with a file.

    MISSING: the ledger knows it, and it is not there (a loader may have taken it). CHANGED: it is readable, and not
    what was delivered. CORRUPT: it is no whole zip, or cannot be read. UNKNOWN: it is there, and not in the ledger.
    """

    MISSING = "missing"
    CHANGED = "changed"
    CORRUPT = "corrupt"
    UNKNOWN = "unknown"


class Remedy(StrEnum):
    """What a repair did about a file; UNLISTED if the tenant no longer lists its extract."""

    REPAIRED = "repaired"
    FAILED = "failed"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A file that differs from the ledger. `path` is relative to the destination, with `/`; `detail` is for a person.

    `delivery` is the ledger's record, None for an unknown file; `remedy` is None if no repair was tried, and `error`
    says why one failed.
    """

    path: str
    fault: Fault
    detail: str
    delivery: Delivery | None = None
    remedy: Remedy | None = None
    error: str | None = None

    @property
    def stays_bad(self) -> bool:
        """Whether the repair failed, or the file is still one that a loader must not take."""
        is_bad = self.fault in (Fault.CHANGED, Fault.CORRUPT) and self.remedy is not Remedy.REPAIRED
        return is_bad or self.remedy is Remedy.FAILED


@dataclass(frozen=True, slots=True, repr=False)
class Verification:
    """The state of a destination: how many files the ledger has, and those that differ from it."""

    files: int
    discrepancies: tuple[Discrepancy, ...]

    def __repr__(self) -> str:
        found = f"{counted(self.files, 'file')}, {counted(len(self.discrepancies), 'discrepancy')}"
        return f"<Verification: {found}; exit code {self.exit_code}>"

    def count(self, kind: Fault | Remedy) -> int:
        """The number of files with this fault or remedy."""
        return sum(kind in (each.fault, each.remedy) for each in self.discrepancies)

    @property
    def repairable(self) -> dict[Identity, Discrepancy]:
        """The files that the ledger has, by extract; those still listed can be fetched again."""
        return {each.delivery.identity: each for each in self.discrepancies if each.delivery is not None}

    @property
    def exit_code(self) -> int:
        """3 if a bad file remains, else 0; missing and unknown files alone are not failures."""
        return PARTIAL if any(each.stays_bad for each in self.discrepancies) else 0
