"""Every row of the fault table, provoked over real sockets with waits cut short."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bds_async.brightspace.gate import Gate
from bds_async.sandbox import Sandbox

pytest.register_assert_rewrite("tests.faults.playing")
from tests.faults.playing import Played, Player  # noqa: E402

Plays = Callable[..., Awaitable[Played]]
Players = Callable[..., Awaitable[Player]]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry after short waits, and give up an unreachable tenant soon."""
    monkeypatch.setattr("bds_async.brightspace.retry.BASE", 0.01)
    monkeypatch.setattr("bds_async.brightspace.retry.CAP", 0.05)
    monkeypatch.setattr("bds_async.brightspace.statuses.UNNAMED_WAIT", 0.05)
    monkeypatch.setattr(
        "bds_async.brightspace.connection.Gate", functools.partial(Gate, patience=20.0, first_patience=0.2)
    )


@pytest.fixture
async def player(start_sandbox: Callable[..., Awaitable[Sandbox]], tmp_path: Path) -> Players:
    """A function that starts a sandbox of two data sets with these settings, for pulls into one folder."""

    async def start(**settings: Any) -> Player:
        return Player(await start_sandbox(**{"data_sets": 2, **settings}), tmp_path)

    return start


@pytest.fixture
async def play(player: Players) -> Plays:
    """A function that pulls everything from a small sandbox into a new folder, while the sandbox plays these faults."""
    return (await player()).pull_anew
