"""The machine formats of the commands. Each is a dataclass; its fields, in their order, are the keys of the JSON."""

from __future__ import annotations

from .ledger import ColumnsEntry, DataSetColumns, DeliveredDataSet, DeliveredExtract
from .listing import ListedDataSet, ListedExtract, PlannedExtract, action_of
from .log import EVENTS, LogLine
from .mirror import MirrorDocument, MirrorPlanned
from .verification import VerifiedFile, VerifyDocument, VerifyTotals

__all__ = [
    "EVENTS",
    "ColumnsEntry",
    "DataSetColumns",
    "DeliveredDataSet",
    "DeliveredExtract",
    "ListedDataSet",
    "ListedExtract",
    "LogLine",
    "MirrorDocument",
    "MirrorPlanned",
    "PlannedExtract",
    "VerifiedFile",
    "VerifyDocument",
    "VerifyTotals",
    "action_of",
]
