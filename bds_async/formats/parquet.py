"""Parquet: the CSV inside the zip as one typed file, which DuckDB writes (extra `parquet`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..events import Phase
from ..options import PublishAs, Verify
from ..planning import Step
from ..registry import ColumnType, find
from ..support.prefix import Prefix
from ..workspace import free_space, writing_to
from .clean_rows import CleanRows, write_clean_rows
from .csv import only_csv
from .format import Staged
from .parquet_file import columns_in, write_parquet
from .reading import Checked, Watch, measure, unwatched


class ParquetFormat:
    """The CSV inside the zip with the types of the registry; see Format.

    Every call may raise ConfigError if DuckDB is not installed.
    """

    kind = PublishAs.PARQUET
    is_proof = False
    is_ordered = False
    reads_in_order = False
    staging = Phase.CONVERTING

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:  # noqa: ARG002
        """Unzip and check the CSV beside the zip, and convert it to Parquet; its CRC-32 is always checked."""
        plain, target = zipped.with_suffix(PublishAs.CSV.suffix), zipped.with_suffix(self.kind.suffix)
        with writing_to(target.parent):
            try:
                rows = _unzipped(zipped, plain, watch)
                text = write_parquet(rows, column_types(step, rows.header), target, watch)
                measured = measure(target, watch)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
            finally:
                plain.unlink(missing_ok=True)
        return Staged(target, replace(measured, columns=rows.header, text_columns=text))

    def check(self, path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:  # noqa: ARG002
        """Measure a published Parquet file and read its schema; nothing in its pages proves that they are whole."""
        return replace(measure(path, watch), columns=columns_in(path))


def _unzipped(zipped: Path, plain: Path, watch: Watch) -> CleanRows:
    with only_csv(zipped, free_space=free_space(plain.parent), watch=watch) as blocks:
        return write_clean_rows(blocks, plain)


def column_types(step: Step, header: tuple[str, ...]) -> tuple[ColumnType, ...]:
    """The documented type of each column, NVARCHAR if none is known.

    A moment in a key is text, since a timestamp has no seventh digit, which may distinguish two keys.
    """
    ids = filter(None, (step.extract.plugin_id, step.extract.schema_id))
    known = find(ids=ids, folder=step.folder, name=step.extract.data_set, columns=header)
    if known is None:
        return tuple(ColumnType.NVARCHAR for _ in header)
    types = {column.name.lower(): column.type for column in known.columns}
    key = {name.lower() for name in known.key if types.get(name.lower()) is ColumnType.DATETIME2}
    types |= dict.fromkeys(key, ColumnType.NVARCHAR)
    return tuple(types.get(name.lower(), ColumnType.NVARCHAR) for name in header)
