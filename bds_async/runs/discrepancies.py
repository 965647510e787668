"""What a verification finds: files that are not as the ledger says, and what a repair made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..ledger import Delivery
from ..models import Identity


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
    """What became of a file that was to be repaired; UNLISTED where the tenant does not list its extract any more."""

    REPAIRED = "repaired"
    FAILED = "failed"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A file that is not as the ledger says. `path` is relative to the folder, with `/`; `detail` is for a person.

    `delivery` is what the ledger knows, None for an unknown file; `remedy` is None where no repair was tried, and
    `error` says why one failed.
    """

    path: str
    fault: Fault
    detail: str
    delivery: Delivery | None = None
    remedy: Remedy | None = None
    error: str | None = None

    @property
    def stays_bad(self) -> bool:
        """Whether a loader must not take the file, or a repair that was wanted did not come about."""
        is_bad = self.fault in (Fault.CHANGED, Fault.CORRUPT) and self.remedy is not Remedy.REPAIRED
        return is_bad or self.remedy is Remedy.FAILED


@dataclass(frozen=True, slots=True)
class Verification:
    """How the files of a folder are: `files` of them are in the ledger, and these are not as they should be."""

    files: int
    discrepancies: tuple[Discrepancy, ...]

    def count(self, kind: Fault | Remedy) -> int:
        """How many files have that fault, or that remedy."""
        return sum(kind in (each.fault, each.remedy) for each in self.discrepancies)

    @property
    def repairable(self) -> dict[Identity, Discrepancy]:
        """The files that the ledger knows, by their extracts: those can be fetched again, if they are still listed."""
        return {each.delivery.identity: each for each in self.discrepancies if each.delivery is not None}

    @property
    def exit_code(self) -> int:
        """3 if something bad stays, else 0: missing and unknown files are for the reader to judge."""
        return 3 if any(each.stays_bad for each in self.discrepancies) else 0
