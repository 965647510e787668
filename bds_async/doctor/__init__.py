"""Checks of everything that a run depends on."""

from .examination import Examination, examine, unobserved
from .steps import Check, CheckStatus

__all__ = ["Check", "CheckStatus", "Examination", "examine", "unobserved"]
