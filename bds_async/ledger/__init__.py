"""What has been delivered to a destination, and what syncs remember of it (SQLite)."""

from .delivery import Delivery, State
from .gaps import KnownGap
from .ledger import Ledger
from .opening import opened
from .selection import Selection, Stock
from .sync_memory import Baseline, Delivered, Kept, LastLook, Missed, SyncState
from .waiting import BUSY_TIMEOUT, HURRIED, Patience

__all__ = [
    "BUSY_TIMEOUT",
    "HURRIED",
    "Baseline",
    "Delivered",
    "Delivery",
    "Kept",
    "KnownGap",
    "LastLook",
    "Ledger",
    "Missed",
    "Patience",
    "Selection",
    "State",
    "Stock",
    "SyncState",
    "opened",
]
