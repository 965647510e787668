"""The values sent between coordinator and workers. They hold no token, and their repr shows no signed address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ... import __version__
from ...columns import Columns
from ...destination import Brought
from ...formats import Checked
from ...planning import Step
from ...report import AttemptTimes
from ..one_extract import FetchOptions

#: The `kind` of a Failed for a worker that was lost, or that works for another run.
LOST = "LostWorker"


@dataclass(frozen=True, slots=True)
class Place:
    """A destination as workers need it: the run that holds it, and its address.

    `lease` names the destination and its tenant, and `run` the run of this coordinator and its room.
    """

    lease: str
    run: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One extract to fetch: its signed address, its step, and its destination.

    `pins` are the columns to write if columns are pinned; `version` is that of the coordinator.
    """

    address: str = field(repr=False)
    origin: str
    step: Step
    options: FetchOptions
    place: Place
    pins: Columns | None = None
    version: str = __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A worker's progress: failed requests, bytes resumed from an earlier run or worker, and bytes held now.

    `seconds` is how long the worker has been at it; the times of its attempts count from that start.
    """

    worker: str
    failures: int = 0
    resumed_bytes: int = 0
    held_bytes: int = 0
    seconds: float = 0.0
    attempts: tuple[AttemptTimes, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """A whole, verified file that the worker has put in the destination; the coordinator gives it its final name."""

    progress: Progress
    checked: Checked
    brought: Brought


@dataclass(frozen=True, slots=True)
class Expired:
    """The signed address no longer works; the worker keeps the bytes that it has received."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Failed:
    """The extract failed for good, or the worker cannot work; with the error's class name and text."""

    progress: Progress
    kind: str
    message: str


Answer: TypeAlias = Ready | Expired | Failed
