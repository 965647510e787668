"""What must be set up before `tests/conftest.py` imports anything: temporary folders in memory, and coverage."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.branch_coverage import Controller, Worker

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes its own folder there
#: Bytes that the files of the tests need at any time, with room to spare.
ROOM = 4_000_000_000


def has_room(folder: Path) -> bool:
    """Whether all files of the tests fit into this folder, and may be written there."""
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM


# The tests call fsync some hundred thousand times, and on a disk would spend half of the time waiting for it.
if "TMPDIR" not in os.environ and has_room(MEMORY):
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

measures = os.environ.get("CI") == "true"
coverage = (Worker if "PYTEST_XDIST_WORKER" in os.environ else Controller)() if measures else None


def pytest_configure(config: pytest.Config) -> None:
    """Register the measurement for the end of the tests."""
    if coverage is not None:
        config.pluginmanager.register(coverage, "branch-coverage")
