"""Misbehaviour on demand."""

from __future__ import annotations

from .model import Fault, load_faults

__all__ = ["Fault", "load_faults"]
