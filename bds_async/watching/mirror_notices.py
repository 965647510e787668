"""The notices of a mirror, for the log and for the output of `mirror`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..events import Event, Mirrored, Mirroring
from ..report import MirrorSummary, MirrorTableSummary
from ..support.text import counted, size_text
from .notice import Notice


def mirroring(event: Mirroring) -> Notice:
    """Return the notice of a mirror that begins; if there is nothing to apply, the result says enough."""
    fields = {"target": event.target, "extracts": event.extracts, "bytes": event.bytes}
    what = f"{counted(event.extracts, 'extract')}, {size_text(event.bytes)}," if event.extracts else "Nothing"
    level = logging.INFO if event.extracts else logging.DEBUG
    return Notice(level, f"{what} to apply to {event.target}.", "mirror.planned", fields)


def applied(event: Mirrored) -> Notice:
    """Return the notice of an applied extract."""
    extract = event.extract
    counts = {name: getattr(extract, name) for name in ("inserted", "changed", "deleted", "rejected")}
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    fields = {"path": extract.path, "rows": extract.rows, "seconds": extract.seconds, **counts}
    return Notice(logging.DEBUG, f"{extract.path}: {counted(extract.rows, 'row')}, {text}", "mirror.applied", fields)


class MirrorSoFar:
    """An observer of a mirror's progress, for the notice of a mirror that is stopped."""

    def __init__(self) -> None:
        self._begun: Mirroring | None = None
        self._applied = 0

    def __call__(self, event: Event) -> None:
        """Count an event of the mirror."""
        if isinstance(event, Mirroring):
            self._begun, self._applied = event, 0
        self._applied += isinstance(event, Mirrored)

    def notices(self) -> Iterator[Notice]:
        """Yield the notice of a mirror that began but has not applied everything."""
        begun = self._begun
        if begun is not None and self._applied < begun.extracts:
            what = f"{self._applied} of {counted(begun.extracts, 'extract')} applied to {begun.target}"
            fields = {"target": begun.target, "applied": self._applied, "extracts": begun.extracts}
            yield Notice(logging.WARNING, f"{what}; the next run applies the rest.", "mirror.stopped", fields)


def mirror_warnings(mirror: MirrorSummary) -> Iterator[Notice]:
    """Yield a notice for each extract that was not applied, for rejects, and for each note on a table."""
    for table in mirror.tables:
        for note in table.notes:
            yield mirror_note(table.table, note)
        for problem in table.problems:
            fields = {"table": table.table, "path": problem.path, "kind": problem.kind}
            yield Notice(logging.WARNING, problem.text, "mirror.skipped", fields)
        if table.rejected:
            text = f"{counted(table.rejected, 'value')} of {table.data_set} went to _bds_rejects: look at them there."
            yield Notice(logging.WARNING, text, "mirror.rejected", {"table": table.table, "rejected": table.rejected})


def mirror_note(table: str, text: str) -> Notice:
    """Return the notice of a note on a table."""
    return Notice(logging.WARNING, text, "mirror.note", {"table": table})


def mirror_finished(mirror: MirrorSummary) -> Notice:
    """Return the notice of a mirror that has ended, with its sums."""
    names = ("applied", "inserted", "updated", "deleted", "rejected", "drift")
    fields = {name: _sum(mirror, name) for name in names}
    return Notice(logging.INFO, mirror_text(mirror), "mirror.finished", {"target": mirror.target, **fields})


def mirror_text(mirror: MirrorSummary) -> str:
    """Describe in one or two sentences what was applied, and the drift that fulls corrected."""
    extracts = counted(_sum(mirror, "applied"), "extract")
    text = f"{extracts} applied to {counted(len(mirror.tables), 'table')} of {mirror.target}."
    drifted: list[MirrorTableSummary] = [table for table in mirror.tables if table.drift]
    if not drifted:
        return text
    rows, tables = counted(_sum(mirror, "drift"), "row"), counted(len(drifted), "table")
    return f"{text} Fulls corrected {rows} in {tables} that differentials had not brought."


def _sum(mirror: MirrorSummary, name: str) -> int:
    return sum(getattr(table, name) for table in mirror.tables)
