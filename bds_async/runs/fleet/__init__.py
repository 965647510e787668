"""A fleet: one command for many tenants, each with its own token, lock, ledger, report and exit code."""

from .file import Entry, beside, read_fleet
from .run import Attempt, run_fleet

__all__ = ["Attempt", "Entry", "beside", "read_fleet", "run_fleet"]
