"""The current state of each data set in DuckDB or PostgreSQL, kept by the extracts that were delivered."""

from .preview import PendingExtract, preview
from .result import AppliedExtract, MirrorReport, Problem, ProblemKind, TableResult
from .run import MirrorObserver, mirror_workspace, unobserved
from .target import Target

__all__ = [
    "AppliedExtract",
    "MirrorObserver",
    "MirrorReport",
    "PendingExtract",
    "Problem",
    "ProblemKind",
    "TableResult",
    "Target",
    "mirror_workspace",
    "preview",
    "unobserved",
]
