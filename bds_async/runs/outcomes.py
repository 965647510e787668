"""The outcome of an extract, as the run report has it."""

from __future__ import annotations

from typing import Any

from ..errors import BdsError
from ..ledger import Delivery
from ..models import Extract
from ..report import Outcome, Status
from ..transfer import Download


def delivered(extract: Extract, delivery: Delivery, status: Status, **known: Any) -> Outcome:
    """The outcome of an extract whose file is delivered; `known` are the fields that are not from the ledger."""
    return Outcome(
        extract,
        status,
        path=delivery.path,
        bytes=delivery.bytes,
        sha256=delivery.sha256,
        columns=delivery.columns,
        **known,
    )


def failed(download: Download, error: BdsError) -> Outcome:
    """The outcome of a download that failed for good."""
    attempts = max(1, download.failures)
    return Outcome(download.extract, Status.FAILED, error=str(error), **{**way(download), "attempts": attempts})


def way(download: Download) -> dict[str, Any]:
    """The fields of an outcome that say how an extract was fetched."""
    return {
        "attempts": download.failures + 1,
        "resumed_bytes": download.resumed_bytes,
        "seconds": download.seconds,
        "arrival": download.step.arrival,
        "worker": download.worker,
        "attempt_times": download.made.all,
    }
