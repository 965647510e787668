"""The ledger (SQLite): the deliveries to a destination, and the state that syncs keep."""

from .delivery import Delivery, State
from .gaps import KnownGap
from .ledger import Ledger
from .opening import opened
from .selection import Selection, Stock
from .sync_memory import Baseline, Delivered, Kept, LastLook, Missed, SyncState

__all__ = [
    "Baseline",
    "Delivered",
    "Delivery",
    "Kept",
    "KnownGap",
    "LastLook",
    "Ledger",
    "Missed",
    "Selection",
    "State",
    "Stock",
    "SyncState",
    "opened",
]
