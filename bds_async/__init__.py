"""Every Brightspace Data Set out of a D2L Brightspace tenant, in parallel, verified, and nothing lost.

    config = Config.load()
    report = await pull(config, Path("bds-data"))

The names below are the public interface; they are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import preview_pull, preview_sync, pull, read_listing, sync
    from .brightspace.catalogue.listing import Listing
    from .columns import ChangeKind, SchemaChange
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
    from .models import BdsType, DataSet, Extract, Identity, Plugin
    from .options import PublishAs, PullOptions, RunOptions, SyncOptions, Verify, Wanted
    from .planning.steps import RunPlan, Step
    from .planning.sync import SyncPlan
    from .report import Arrival, Completeness, FailedList, Gap, Outcome, RunReport, Status
    from .support.running import Stop

__version__ = "0.1.0"

_HOMES = {
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
    "api": ("preview_pull", "preview_sync", "pull", "read_listing", "sync"),
    "brightspace.catalogue.listing": ("Listing",),
    "models": ("BdsType", "DataSet", "Extract", "Identity", "Plugin"),
    "options": ("PublishAs", "PullOptions", "RunOptions", "SyncOptions", "Verify", "Wanted"),
    "report": ("Arrival", "Completeness", "FailedList", "Gap", "Outcome", "RunReport", "Status"),
    "planning.steps": ("RunPlan", "Step"),
    "support.running": ("Stop",),
    "columns": ("ChangeKind", "SchemaChange"),
    "planning.sync": ("SyncPlan",),
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
