"""Targets for the tests of the mirror: a DuckDB file, and a schema of a PostgreSQL that the tests start themselves."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import with_extras
from tests.support.mirror_places import DuckDBPlace, Place, PostgreSQLPlace

_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def extras() -> Iterator[None]:
    """Fork from the nursery with the databases' packages, since each command needs a database."""
    with with_extras():
        yield


@pytest.fixture(params=["duckdb", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A new target in each database in turn."""
    if request.param == "duckdb":
        yield DuckDBPlace(tmp_path / "mirror.duckdb")
        return
    address = request.getfixturevalue("postgresql")
    found = PostgreSQLPlace(address, f"bds_{next(_NUMBERS)}_{os.getpid()}")
    yield found
    asyncio.run(found.drop())
