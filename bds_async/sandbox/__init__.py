"""The embedded sandbox tenant: auth service, API and storage on three loopback origins.

It imports nothing from the client except `registry/`, so that a client can be tested against it. The names below are
the public interface; they are imported at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data.events import HardDelete, LateExtract, Reissue, SchemaChange
    from .faults import Fault, load_faults
    from .server import Sandbox
    from .settings import SandboxSettings

__all__ = ["Fault", "HardDelete", "LateExtract", "Reissue", "Sandbox", "SandboxSettings", "SchemaChange", "load_faults"]

_MODULES = {
    "Fault": ".faults",
    "HardDelete": ".data.events",
    "LateExtract": ".data.events",
    "Reissue": ".data.events",
    "Sandbox": ".server",
    "SandboxSettings": ".settings",
    "SchemaChange": ".data.events",
    "load_faults": ".faults",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, so that importing the package stays cheap."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name], __name__), name)
