"""The forms in which extracts are published: how each is staged and checked."""

from collections.abc import Callable, Mapping

from ..columns import Columns
from ..ledger import Ledger
from ..options import PublishAs, RunOptions
from .csv import CsvFormat
from .encoding import decode_zip
from .format import Format, Staged
from .parquet import ParquetFormat
from .parquet_file import demand_duckdb
from .pins import DeliveredColumns, FirstColumns, TheseColumns
from .reading import Checked, Watch, unwatched
from .zip import ZipFormat

__all__ = [
    "Checked",
    "Format",
    "Staged",
    "Watch",
    "decode_zip",
    "format_of",
    "formats_for",
    "formats_for_repair",
    "formats_with_pins",
    "unwatched",
]


def formats_for(options: RunOptions) -> Callable[[Ledger], Mapping[PublishAs, Format]]:
    """The formats of a run, as a function of its open ledger; raises ConfigError if a library is not installed."""
    if options.publish_as is PublishAs.PARQUET:
        demand_duckdb()
    return lambda ledger: _formats(CsvFormat(FirstColumns(ledger) if options.pin_columns else None))


def formats_for_repair(ledger: Ledger) -> Mapping[PublishAs, Format]:
    """The formats that reproduce files as they were delivered before."""
    return _formats(CsvFormat(DeliveredColumns(ledger)))


def formats_with_pins(kind: PublishAs, pins: Columns | None) -> Mapping[PublishAs, Format]:
    """The formats on a machine without a ledger; `pins` are the columns of a CSV, None for all of them.

    Raises ConfigError if a library for `kind` is not installed.
    """
    if kind is PublishAs.PARQUET:
        demand_duckdb()
    return _formats(CsvFormat(TheseColumns(pins)))


def format_of(kind: PublishAs) -> Format:
    """The format of a published file."""
    return _formats(CsvFormat())[kind]


def _formats(csv: CsvFormat) -> Mapping[PublishAs, Format]:
    return {PublishAs.ZIP: ZipFormat(), PublishAs.CSV: csv, PublishAs.PARQUET: ParquetFormat()}
