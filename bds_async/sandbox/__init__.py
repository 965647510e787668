"""The embedded sandbox tenant: auth, API and storage on three loopback origins.

It stands alone: it imports nothing of the client, so a client can be tested against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .events import LateExtract, Reissue, SchemaChange
    from .faults import Fault, load_faults
    from .server import Sandbox
    from .settings import SandboxSettings

__all__ = ["Fault", "LateExtract", "Reissue", "Sandbox", "SandboxSettings", "SchemaChange", "load_faults"]

_HOMES = {
    "Fault": "bds_async.sandbox.faults",
    "LateExtract": "bds_async.sandbox.events",
    "Reissue": "bds_async.sandbox.events",
    "Sandbox": "bds_async.sandbox.server",
    "SandboxSettings": "bds_async.sandbox.settings",
    "SchemaChange": "bds_async.sandbox.events",
    "load_faults": "bds_async.sandbox.faults",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
