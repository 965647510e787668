"""SQL for rows of later extracts whose `_bds_changed` may move because of a late extract."""

from __future__ import annotations

from collections.abc import Sequence

from ..applied import Applied
from .merge import DOUBT, MERGE, Merge, Purge
from .pieces import literal, stored_keys


def list_doubt(merge: Merge) -> str:
    """Return the statement that lists the rows of later extracts whose `_bds_changed` may move.

    `kind` 1: the values were the same before and after this extract, which lacks the row or differs, so they changed
    at the next extract that holds the row. `kind` 2: this extract already has the values that the row has had since a
    later one, so they changed here, provided that the later one is the next that holds the row.
    """
    keys = "".join(f", {key}" for key in stored_keys(merge.table))
    joined = "".join(f", t.{key}" for key in stored_keys(merge.table))
    late = merge.is_newer("_bds_since")
    found = (
        f"SELECT _bds_row, CASE WHEN _bds_same THEN 2 ELSE 1 END AS kind, _bds_purged{keys} FROM {MERGE} "
        f"WHERE _bds_newer AND ((NOT _bds_same AND NOT {late}) OR (_bds_same AND {late}))"
    )
    if merge.applied.is_full and merge.applied.purges:
        inside = merge.inside("t", [column.name for column in merge.table.columns], merge.queued)
        found += (
            f" UNION ALL SELECT t.{merge.row} AS _bds_row, 1 AS kind, FALSE AS _bds_purged{joined} "
            f"FROM {merge.target} AS t LEFT JOIN {MERGE} AS m ON m._bds_row = t.{merge.row} "
            f"WHERE m._bds_row IS NULL AND {merge.is_newer('t._bds_extract')} "
            f"AND NOT {merge.is_newer('t._bds_since')} AND {inside}"
        )
    return (
        f"CREATE TEMP TABLE {DOUBT} AS SELECT f.*, t._bds_extract, t._bds_since, "
        f"CAST(NULL AS integer) AS _bds_next FROM ({found}) AS f "
        f"JOIN {merge.target} AS t ON t.{merge.row} = f._bds_row"
    )


def settle_doubt(merge: Merge, order: Sequence[Applied]) -> list[str]:
    """Return the statements that move `_bds_changed` of the rows whose next extract is known.

    `order` are the later extracts, in order.
    """
    moments = " ".join(f"WHEN {each.number} THEN {literal(each.identity.queued_for_processing_date)}" for each in order)
    before = [] if merge.purge is None else _until_purge(order, merge.purge)
    undisturbed = f"(NOT d._bds_purged OR d._bds_since IN ({', '.join(map(str, before)) or 'NULL'}))"
    update = f"UPDATE {merge.target} AS t SET _bds_since = {{since}}, _bds_changed = {{moment}} FROM {DOUBT} AS d "
    where = f"WHERE t.{merge.row} = d._bds_row AND "
    return [
        update.format(since="d._bds_next", moment=f"CASE d._bds_next {moments} END")
        + where
        + "d.kind = 1 AND d._bds_next IS NOT NULL",
        update.format(since=str(merge.applied.number), moment=merge.moment)
        + where
        + f"d.kind = 2 AND d._bds_next = d._bds_since AND {undisturbed}",
    ]


def _until_purge(order: Sequence[Applied], purge: Purge) -> list[int]:
    numbers = [each.number for each in order]
    return numbers[: numbers.index(purge.number) + 1]
