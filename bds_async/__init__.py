"""Every Brightspace Data Set out of a D2L Brightspace tenant, in parallel, verified, and nothing lost.

    config = Config.load()
    report = await pull(config, "bds-data")

The names below are the public interface; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import mirror, preview_pull, preview_sync, pull, read_ledger, read_listing, repair, sync, verify
    from .brightspace import Listing, Tenant, connect_tenant
    from .columns import ChangeKind, Header, SchemaChange
    from .config import Config
    from .errors import (
        AnotherRunMayHelp,
        AuthorisationError,
        BdsError,
        CatalogueError,
        ConfigError,
        CredentialsBusy,
        DestinationError,
        ExtractError,
        FolderBusy,
        LedgerBusy,
        MachineLimit,
        PatternError,
        PersonMustAct,
        Stopped,
        TargetBusy,
        TargetError,
        UnreachableError,
        WrongTenant,
    )
    from .events import (
        Ended,
        Entered,
        Event,
        Examined,
        Finished,
        Held,
        ListsRead,
        Merging,
        Mirrored,
        Mirroring,
        Observer,
        OutageBegan,
        OutageEnded,
        Phase,
        Planned,
        Read,
        Received,
        Restarted,
        Retrying,
        Reviewed,
        Sized,
        Started,
        Surveyed,
        Warned,
    )
    from .ledger import Delivery, Ledger, Selection
    from .mirrors import MirrorReport, TableResult, Target
    from .models import BdsType, DataSet, Extract, Identity, Plugin
    from .options import MirrorOptions, PublishAs, PullOptions, RunOptions, SyncOptions, Verify, Wanted
    from .planning import RunPlan, Step, SyncPlan
    from .report import (
        AppliedExtract,
        Arrival,
        Completeness,
        Counters,
        FailedList,
        Gap,
        MirrorSummary,
        MirrorTableSummary,
        Outcome,
        Problem,
        ProblemKind,
        RunReport,
        Status,
    )
    from .runs.discrepancies import Discrepancy, Fault, Remedy, Verification
    from .support.running import Stop

__version__ = "0.1.0"

__all__ = [
    "AnotherRunMayHelp",
    "AppliedExtract",
    "Arrival",
    "AuthorisationError",
    "BdsError",
    "BdsType",
    "CatalogueError",
    "ChangeKind",
    "Completeness",
    "Config",
    "ConfigError",
    "Counters",
    "CredentialsBusy",
    "DataSet",
    "Delivery",
    "DestinationError",
    "Discrepancy",
    "Ended",
    "Entered",
    "Event",
    "Examined",
    "Extract",
    "ExtractError",
    "FailedList",
    "Fault",
    "Finished",
    "FolderBusy",
    "Gap",
    "Header",
    "Held",
    "Identity",
    "Ledger",
    "LedgerBusy",
    "Listing",
    "ListsRead",
    "MachineLimit",
    "Merging",
    "MirrorOptions",
    "MirrorReport",
    "MirrorSummary",
    "MirrorTableSummary",
    "Mirrored",
    "Mirroring",
    "Observer",
    "OutageBegan",
    "OutageEnded",
    "Outcome",
    "PatternError",
    "PersonMustAct",
    "Phase",
    "Planned",
    "Plugin",
    "Problem",
    "ProblemKind",
    "PublishAs",
    "PullOptions",
    "Read",
    "Received",
    "Remedy",
    "Restarted",
    "Retrying",
    "Reviewed",
    "RunOptions",
    "RunPlan",
    "RunReport",
    "SchemaChange",
    "Selection",
    "Sized",
    "Started",
    "Status",
    "Step",
    "Stop",
    "Stopped",
    "Surveyed",
    "SyncOptions",
    "SyncPlan",
    "TableResult",
    "Target",
    "TargetBusy",
    "TargetError",
    "Tenant",
    "UnreachableError",
    "Verification",
    "Verify",
    "Wanted",
    "Warned",
    "WrongTenant",
    "__version__",
    "connect_tenant",
    "mirror",
    "preview_pull",
    "preview_sync",
    "pull",
    "read_ledger",
    "read_listing",
    "repair",
    "sync",
    "verify",
]

#: The public names of each module.
_HOMES = {
    "api": "mirror preview_pull preview_sync pull read_ledger read_listing repair sync verify",
    "brightspace": "connect_tenant Listing Tenant",
    "columns": "ChangeKind Header SchemaChange",
    "config": "Config",
    "errors": (
        "AnotherRunMayHelp AuthorisationError BdsError CatalogueError ConfigError CredentialsBusy "
        "DestinationError ExtractError FolderBusy LedgerBusy MachineLimit PatternError PersonMustAct Stopped "
        "TargetBusy TargetError UnreachableError WrongTenant"
    ),
    "events": (
        "Ended Entered Event Examined Finished Held ListsRead Merging Mirrored Mirroring Observer OutageBegan "
        "OutageEnded Phase Planned Read Received Restarted Retrying Reviewed Sized Started Surveyed Warned"
    ),
    "ledger": "Delivery Ledger Selection",
    "mirrors": "MirrorReport TableResult Target",
    "models": "BdsType DataSet Extract Identity Plugin",
    "options": "MirrorOptions PublishAs PullOptions RunOptions SyncOptions Verify Wanted",
    "planning": "RunPlan Step SyncPlan",
    "report": (
        "AppliedExtract Arrival Completeness Counters FailedList Gap MirrorSummary MirrorTableSummary "
        "Outcome Problem ProblemKind RunReport Status"
    ),
    "runs.discrepancies": "Discrepancy Fault Remedy Verification",
    "support.running": "Stop",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
