"""Coverage with `CI=true`, from before `tests/conftest.py` imports what is measured."""

from __future__ import annotations

import os

import pytest

from tests.support.branch_coverage import Controller, Worker

measures = os.environ.get("CI") == "true"
coverage = (Worker if "PYTEST_XDIST_WORKER" in os.environ else Controller)() if measures else None


def pytest_configure(config: pytest.Config) -> None:
    """Register the measurement for the end of the tests."""
    if coverage is not None:
        config.pluginmanager.register(coverage, "branch-coverage")
