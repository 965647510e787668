"""The run report as one HTML page that refers to nothing outside itself."""

from __future__ import annotations

from .page import demand_package, page_of

__all__ = ["demand_package", "page_of"]
