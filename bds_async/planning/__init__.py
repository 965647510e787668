"""The choice of the extracts to fetch, and the gaps: no network, and no disk except the ledger that is passed in."""

from .absence import present_folders
from .future import future_extracts
from .gaps import gap_of
from .placement import by_folder
from .pull import plan_pull
from .selection import chosen_by, delivered_by, offered_by, select
from .steps import RunPlan, Step
from .suggested_command import forced_pull
from .sync import SyncPlan, arrival_of_recovered, looked_at, plan_sync
from .warnings import breaks_with_columns, has_text_columns

__all__ = [
    "RunPlan",
    "Step",
    "SyncPlan",
    "arrival_of_recovered",
    "breaks_with_columns",
    "by_folder",
    "chosen_by",
    "delivered_by",
    "forced_pull",
    "future_extracts",
    "gap_of",
    "has_text_columns",
    "looked_at",
    "offered_by",
    "plan_pull",
    "plan_sync",
    "present_folders",
    "select",
]
