"""The current state of each data set in DuckDB or PostgreSQL, kept by the extracts that were delivered."""

from .preview import PendingExtract, preview
from .result import MirrorReport, TableResult
from .run import demand_package, mirror_source, mirror_workspace
from .source import Source, read_source, source_in
from .target import Target

__all__ = [
    "MirrorReport",
    "PendingExtract",
    "Source",
    "TableResult",
    "Target",
    "demand_package",
    "mirror_source",
    "mirror_workspace",
    "preview",
    "read_source",
    "source_in",
]
