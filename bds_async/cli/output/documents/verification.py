"""`verify --json`: the files that are not as the ledger says."""

from __future__ import annotations

from dataclasses import dataclass

from ....ledger import Delivery
from ....report import ExtractEntry
from ....runs.discrepancies import Discrepancy, Fault, Remedy, Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTotals:
    """Numbers of files: those in the ledger, those that are right, and those with each fault or remedy."""

    files: int
    right: int
    missing: int
    changed: int
    corrupt: int
    unknown: int
    repaired: int
    failed: int
    unlisted: int

    @classmethod
    def of(cls, found: Verification) -> VerifyTotals:
        """Sum up a verification."""
        wrong = len(found.discrepancies) - found.count(Fault.UNKNOWN)
        counts = {kind.value: found.count(kind) for kind in (*Fault, *Remedy)}
        return cls(files=found.files, right=found.files - wrong, **counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDelivery(ExtractEntry):
    """What the ledger holds about a file: its extract, size and SHA-256 (hexadecimal)."""

    bytes: int | None
    sha256: str | None

    @classmethod
    def about(cls, delivery: Delivery) -> VerifiedDelivery:
        """Create the entry of a delivery."""
        identity, size, digest = delivery.identity, delivery.bytes, delivery.sha256
        return cls.of(identity, delivery.data_set, delivery.schema_id, bytes=size, sha256=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """A file that is not as the ledger says.

    `path` is relative to the folder. `remedy` is null without `--repair`; `error` says why a repair failed.
    `delivered` is null for a file that the ledger does not know.
    """

    path: str
    fault: Fault
    detail: str
    remedy: Remedy | None
    error: str | None
    delivered: VerifiedDelivery | None

    @classmethod
    def about(cls, found: Discrepancy) -> VerifiedFile:
        """Create the entry of a discrepancy."""
        return cls(
            path=found.path,
            fault=found.fault,
            detail=found.detail,
            remedy=found.remedy,
            error=found.error,
            delivered=VerifiedDelivery.about(found.delivery) if found.delivery else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyDocument:
    """The document of `verify --json`."""

    folder: str
    exit_code: int
    totals: VerifyTotals
    files: tuple[VerifiedFile, ...]
