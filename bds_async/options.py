"""The options of a run, from the command line or from code. All defaults and limits of a run are defined here."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from .errors import ConfigError
from .support import values

#: The destination folder if no other is named.
DEFAULT_FOLDER = "bds-data"

#: The smallest and the largest number of workers, and of attempts.
WORKERS, ATTEMPTS = (1, 64), (1, 1000)
#: The shortest and the longest stall timeout, in seconds.
STALL_TIMEOUT = (0.1, 86_400.0)

#: The schema of the tables, unless another is named.
MIRROR_SCHEMA = "bds"
#: Percent of a table's live rows that one full may delete.
DELETE_LIMIT = 20.0
_PERCENT = (0.0, 100.0)

#: The suffix of a published file.
Suffix: TypeAlias = Literal[".zip", ".csv", ".parquet"]


class Verify(StrEnum):
    """How much of a zip is checked.

    FULL: the length, the zip directory and the CRC-32 of every member. FAST: the same without the CRCs.
    """

    FULL = "full"
    FAST = "fast"


class Wanted(StrEnum):
    """The extracts that a pull fetches.

    FULL: the newest full of each data set. DIFFERENTIAL: every listed differential. ALL: both.
    """

    FULL = "full"
    DIFFERENTIAL = "differential"
    ALL = "all"


class PublishAs(StrEnum):
    """The form of a published file: the zip as received, the CSV inside it, or that CSV as a typed Parquet file."""

    ZIP = "zip"
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def suffix(self) -> Suffix:
        """The suffix of a file of this form."""
        return _SUFFIXES[self]

    @classmethod
    def of(cls, path: str) -> PublishAs:
        """Return the form of a published file, by its path."""
        return next((form for form in cls if path.endswith(form.suffix)), cls.ZIP)


#: The address of a Dask scheduler; a numeric IPv6 address is in brackets.
_SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[^\s:/?#@\[\]]+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]):(?P<port>[0-9]{1,5})")
_SUFFIXES: dict[PublishAs, Suffix] = {PublishAs.ZIP: ".zip", PublishAs.CSV: ".csv", PublishAs.PARQUET: ".parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of every run.

    `data_set` and `exclude` are patterns: a name (case-insensitive, `*` and `?` allowed), a schema id or a plugin id.
    `workers` is the number of parallel downloads, `attempts` the number of tries for each extract. `stall_timeout` and
    `max_time` are in seconds, `limit_rate` is in bytes a second for all downloads together. `pin_columns`, for CSV
    only, writes the columns that each data set had first, in that order. `cluster` is the address of a Dask scheduler
    whose workers fetch the extracts; None means this machine.
    """

    data_set: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    publish_as: PublishAs = PublishAs.ZIP
    verify: Verify = Verify.FULL
    workers: int = 16
    attempts: int = 6
    stall_timeout: float = 60
    max_time: float | None = None
    limit_rate: int | None = None
    pin_columns: bool = False
    cluster: str | None = None

    def __post_init__(self) -> None:
        """Convert text to the option's type; raises ConfigError for a value that no run can use."""
        _check(self)
        if self.pin_columns and self.publish_as is not PublishAs.CSV:
            raise ConfigError(
                f"pin_columns needs publish_as='csv': with {self.publish_as.value!r} all columns are published."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions(RunOptions):
    """The options of `pull`.

    `wanted` says which extracts of each data set to fetch; `since` drops those queued before (UTC without a zone);
    `force` fetches again what is already there.
    """

    wanted: Wanted = Wanted.FULL
    since: datetime | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions(RunOptions):
    """The options of `sync`.

    `with_fulls` delivers every new full, not only the baseline. With `strict_schema`, a breaking change of columns
    means exit code 3. `mirror` is the address of a mirror that the run updates after its deliveries; it implies
    `with_fulls`. `mirror_schema` and `delete_limit` are the `schema` and `delete_limit` of the mirror.
    """

    with_fulls: bool = False
    strict_schema: bool = False
    mirror: str | None = field(default=None, repr=False)
    mirror_schema: str = MIRROR_SCHEMA
    delete_limit: float = DELETE_LIMIT

    def __post_init__(self) -> None:
        """Convert text to the option's type; raises ConfigError for a value that no run can use."""
        RunOptions.__post_init__(self)
        if self.mirror is not None:
            if self.publish_as is PublishAs.PARQUET:
                raise ConfigError("`mirror` reads zips and CSVs, not Parquet: publish as zip or CSV.")
            object.__setattr__(self, "with_fulls", True)


def mirror_file(address: str) -> str | None:
    """The path in `duckdb:PATH`, the address of a mirror; None for another address."""
    scheme, _, path = address.partition(":")
    return path if scheme.lower() == "duckdb" and path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """The options of `mirror`.

    `data_set` and `exclude` are patterns, as for a run. `keys` corrects the registry: it maps a data set name to the
    names of its key columns. `keys` None and `keep_deleted` False mean the setting stored in the schema. `delete_limit`
    is in percent. `rebuild` drops the chosen tables and applies everything again.
    """

    data_set: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    schema: str = MIRROR_SCHEMA
    rebuild: bool = False
    keys: Mapping[str, Sequence[str]] | None = None
    delete_limit: float = DELETE_LIMIT
    keep_deleted: bool = False

    def __post_init__(self) -> None:
        """Convert text to the option's type; raises ConfigError for a value that no mirror can use."""
        _check(self)


def _check(options: RunOptions | MirrorOptions) -> None:
    """Replace each field with its converted value; raises ConfigError."""
    # A subclass may have fields of its own.
    for each in (one for one in fields(options) if one.name in _CHECKS):
        value = getattr(options, each.name)
        try:
            object.__setattr__(options, each.name, _CHECKS[each.name](value))
        except ValueError as error:
            # A field without a repr may hold a secret.
            shown = reprlib.repr(value) if each.repr else f"of the type {type(value).__name__}"
            raise ConfigError(f"`{each.name}` can't be {shown}: {error}.") from None


def _scheduler(value: Any) -> str:
    found = _SCHEDULER.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError("write tcp://HOST:PORT, or tls://HOST:PORT, of a Dask scheduler")
    return found[0]


def _keys(value: Any) -> dict[str, tuple[str, ...]]:
    with suppress(TypeError, ValueError):
        found = {values.text(name): values.texts(columns) for name, columns in dict(value).items()}
        if all(found.values()):
            return found
    raise ValueError('write data sets with their key columns, such as {"Users": ["UserId"]}')


def _schema(value: Any) -> str:
    name = values.text(value)
    if not name or not name.isprintable():
        raise ValueError("write a name")
    return name


#: The check of each option, by its name.
_CHECKS: dict[str, Callable[[Any], object]] = {
    "data_set": values.texts,
    "exclude": values.texts,
    "publish_as": values.member(PublishAs),
    "verify": values.member(Verify),
    "workers": values.whole_number(WORKERS),
    "attempts": values.whole_number(ATTEMPTS),
    "stall_timeout": values.number(STALL_TIMEOUT),
    "max_time": values.optional(values.above_zero),
    "limit_rate": values.optional(values.rate),
    "pin_columns": values.flag,
    "cluster": values.optional(_scheduler),
    "wanted": values.member(Wanted),
    "since": values.optional(values.moment),
    "force": values.flag,
    "with_fulls": values.flag,
    "strict_schema": values.flag,
    "mirror": values.optional(values.text),
    "mirror_schema": _schema,
    "delete_limit": values.number(_PERCENT),
    "schema": _schema,
    "rebuild": values.flag,
    "keys": values.optional(_keys),
    "keep_deleted": values.flag,
}
