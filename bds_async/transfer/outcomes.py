"""What became of a download, as the run report tells it."""

from __future__ import annotations

from ..columns import SchemaChange
from ..errors import BdsError
from ..ledger import Delivery
from ..report import Outcome, Status
from .download import Download


def published(download: Download, delivery: Delivery, change: SchemaChange | None = None) -> Outcome:
    """The outcome of a download that has its final name; `change` is that of its columns, if any."""
    return Outcome(
        download.extract,
        Status.DOWNLOADED,
        path=delivery.path,
        bytes=delivery.bytes,
        sha256=delivery.sha256,
        columns=delivery.columns,
        schema_change=change,
        attempts=download.failures + 1,
        resumed_bytes=download.resumed_bytes,
        seconds=download.seconds,
    )


def failed(download: Download, error: BdsError) -> Outcome:
    """The outcome of a download that has failed for good."""
    return Outcome(
        download.extract,
        Status.FAILED,
        attempts=max(1, download.failures),
        resumed_bytes=download.resumed_bytes,
        seconds=download.seconds,
        error=str(error),
    )
