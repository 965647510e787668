"""A folder that is synced from a sandbox while time passes, and the results: for tests of scheduled jobs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bds_async import Config, Observer, Outcome, PullOptions, RunReport, Status, SyncOptions, pull, sync
from bds_async.events import unobserved
from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.sandbox.truth import TrueDataSet, TrueExtract
from bds_async.workspace import Workspace, workspace_of

#: A Wednesday; the sandbox makes fulls on Sundays and a differential each day.
NOW = datetime(2026, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)


class Scheduled:
    """A folder that is synced from a sandbox again and again."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.to = home / "to"
        self.config_file = home / "config.json"
        sandbox.write_config(self.config_file)

    @property
    def workspace(self) -> Workspace:
        return workspace_of(self.to)

    @property
    def config(self) -> Config:
        return Config.load(self.config_file, {})

    async def sync(self, after: timedelta = timedelta(), observer: Observer = unobserved, **options: Any) -> RunReport:
        self.sandbox.advance(after)
        return await sync(self.config, self.to, SyncOptions(**options), observer=observer)

    async def pull(self, after: timedelta = timedelta(), **options: Any) -> RunReport:
        self.sandbox.advance(after)
        return await pull(self.config, self.to, PullOptions(**options))

    def truth(self, name: str = "Users") -> TrueDataSet:
        return next(data_set for data_set in self.sandbox.catalogue() if data_set.name == name)


@asynccontextmanager
async def scheduled(home: Path, **settings: Any) -> AsyncIterator[Scheduled]:
    usual: dict[str, Any] = {"data_sets": 2, "scale": 0.01, "now": NOW, "access_token_life": 10**9}
    async with Sandbox(SandboxSettings(**usual | settings)) as sandbox:
        yield Scheduled(sandbox, home)


def of(report: RunReport, name: str = "Users", status: Status | None = None) -> list[Outcome]:
    return [
        each for each in report.outcomes if each.extract.data_set == name and (status is None or each.status is status)
    ]


def queued(outcomes: Sequence[Outcome]) -> list[datetime]:
    return [each.extract.queued_for_processing_date for each in outcomes]


def through(report: RunReport, name: str = "Users") -> datetime | None:
    return next(each.complete_through for each in report.data_sets if each.data_set == name)


def after(extracts: tuple[TrueExtract, ...], moment: datetime) -> list[datetime]:
    return [extract.queued for extract in extracts if extract.queued > moment]


def take_away(folder: Path) -> dict[str, str]:
    """Act as a loader: remove every published file, and return the SHA-256 by name."""
    taken = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".bds-async" not in path.parts:
            taken[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
            path.unlink()
    return taken
