"""Mirrors: the current state of each data set in DuckDB or PostgreSQL, built from the delivered extracts."""

from .databases import Target
from .preview import PendingExtract, Preview, preview
from .result import MirrorReport, TableResult
from .run import demand_target, mirror_source, mirror_workspace
from .source import Source, read_source, source_in

__all__ = [
    "MirrorReport",
    "PendingExtract",
    "Preview",
    "Source",
    "TableResult",
    "Target",
    "demand_target",
    "mirror_source",
    "mirror_workspace",
    "preview",
    "read_source",
    "source_in",
]
