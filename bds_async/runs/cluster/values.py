"""What travels between the coordinator and the workers. No token does; a signed address is in no repr."""

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

#: The kind of the answer in place of a worker that was lost, or that works for another run.
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
    """One extract to fetch: its signed address, what is expected, and where it goes.

    `pins` are the columns to write where columns are pinned, `version` is that of the coordinator.
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
    """How far a worker has come: requests that failed, and bytes of an earlier run or an earlier worker.

    `seconds` is how long it has worked; the times of its attempts count from the beginning of that.
    """

    worker: str
    failures: int = 0
    resumed_bytes: int = 0
    held_bytes: int = 0
    seconds: float = 0.0
    attempts: tuple[AttemptTimes, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """A whole, verified file, which the worker has brought to the destination; the coordinator gives it its name."""

    progress: Progress
    checked: Checked
    brought: Brought


@dataclass(frozen=True, slots=True)
class Expired:
    """The signed address is of no use any more; the worker keeps what it has received."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Failed:
    """The extract failed for good, or the worker cannot work: the name of the error's class, and its text."""

    progress: Progress
    kind: str
    message: str


Answer: TypeAlias = Ready | Expired | Failed
