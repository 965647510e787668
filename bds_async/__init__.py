"""Every Brightspace Data Set out of a D2L Brightspace tenant, in parallel, verified, and nothing lost.

    config = Config.load()
    report = await pull(config, Path("bds-data"))

The names below are the public interface; they are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .archive.archive import Verify
    from .catalogue.listing import Listing
    from .completeness import Arrival, Completeness, Gap
    from .concurrency.running import Stop
    from .config.settings import Config
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
        PatternError,
        PersonMustAct,
        Stopped,
        UnreachableError,
        WrongTenant,
    )
    from .events import Event, Observer
    from .jobs import preview_pull, preview_sync, pull, read_listing, sync
    from .models import BdsType, DataSet, Extract, Identity, Plugin
    from .options import PublishAs, PullOptions, RunOptions, SyncOptions
    from .plan import Wanted
    from .report import FailedList, Outcome, RunReport, Status
    from .run_plan import RunPlan, Step
    from .schema import ChangeKind, SchemaChange
    from .sync_steps import SyncPlan

__version__ = "0.1.0"

_HOMES = {
    "archive.archive": ("Verify",),
    "completeness": ("Arrival", "Completeness", "Gap"),
    "config.settings": ("Config",),
    "errors": (
        "AnotherRunMayHelp",
        "AuthorisationError",
        "BdsError",
        "CatalogueError",
        "ConfigError",
        "CredentialsBusy",
        "DestinationError",
        "ExtractError",
        "FolderBusy",
        "LedgerBusy",
        "PatternError",
        "PersonMustAct",
        "Stopped",
        "UnreachableError",
        "WrongTenant",
    ),
    "events": ("Event", "Observer"),
    "jobs": ("preview_pull", "preview_sync", "pull", "read_listing", "sync"),
    "catalogue.listing": ("Listing",),
    "models": ("BdsType", "DataSet", "Extract", "Identity", "Plugin"),
    "options": ("PublishAs", "PullOptions", "RunOptions", "SyncOptions"),
    "plan": ("Wanted",),
    "report": ("FailedList", "Outcome", "RunReport", "Status"),
    "run_plan": ("RunPlan", "Step"),
    "concurrency.running": ("Stop",),
    "schema": ("ChangeKind", "SchemaChange"),
    "sync_steps": ("SyncPlan",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
