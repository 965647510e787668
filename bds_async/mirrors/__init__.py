"""The current state of each data set in DuckDB or PostgreSQL, kept by the extracts that were delivered."""

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
