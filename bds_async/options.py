"""What a run is asked to do, as the command line or a caller's code says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

#: Where extracts land by default.
DEFAULT_FOLDER = "bds-data"
#: Endings of published files.
Suffix: TypeAlias = Literal[".zip", ".csv"]


class Verify(StrEnum):
    """How much of a zip is checked: `full` is length, directory and every CRC-32; `fast` leaves out the CRCs."""

    FULL = "full"
    FAST = "fast"


class Wanted(StrEnum):
    """What `--type` asks for."""

    FULL = "full"
    DIFFERENTIAL = "differential"
    ALL = "all"


class PublishAs(StrEnum):
    """What is published: the zip as it came, or the CSV inside it."""

    ZIP = "zip"
    CSV = "csv"

    @property
    def suffix(self) -> Suffix:
        """Ending of the published files."""
        return ".csv" if self is PublishAs.CSV else ".zip"

    @classmethod
    def of(cls, path: str) -> PublishAs:
        """The kind of a published file, by its path."""
        return next((kind for kind in cls if path.endswith(kind.suffix)), cls.ZIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What every run can be told.

    `data_set` and `exclude` are patterns: a name (case-insensitive, `*` and `?` allowed), a schema id or a plugin id.
    `workers` (1 to 64) is how many bodies are in flight at most; `attempts` how often an extract is tried;
    `stall_timeout` and `max_time` are in seconds. `pin_columns`, for CSV alone, keeps writing the columns first
    seen of each data set, in that order.
    """

    data_set: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    publish_as: PublishAs = PublishAs.ZIP
    verify: Verify = Verify.FULL
    workers: int = 16
    attempts: int = 6
    stall_timeout: float = 60.0
    max_time: float | None = None
    pin_columns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions(RunOptions):
    """What `pull` can be told besides: which extracts, and whether to fetch again what is there already."""

    wanted: Wanted = Wanted.FULL
    since: datetime | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions(RunOptions):
    """What `sync` can be told besides.

    `with_fulls` delivers every new full, not only the baseline; `strict_schema` makes a breaking change of columns
    exit code 3.
    """

    with_fulls: bool = False
    strict_schema: bool = False
