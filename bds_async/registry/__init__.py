"""Known facts about D2L's data sets: columns, types, keys and windows.

The facts are D2L's documentation of September 2024. They are a hint, never a limit: a tenant may have more data sets,
more columns and other keys.
"""

from __future__ import annotations

from .facts import Column, ColumnType, KnownDataSet, Window
from .reading import known_data_sets
from .search import find

__all__ = ["Column", "ColumnType", "KnownDataSet", "Window", "find", "known_data_sets"]
