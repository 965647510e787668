"""One tenant of a fleet: its request, its run or its checks, and its result."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ...doctor import CheckStatus, Examination, examine
from ...errors import ConfigError, Stopped
from ...events import Event, Finished, Observer
from ...options import RunOptions, SyncOptions
from ...report import RunReport, TenantResult
from ...runs.fleet import Entry, read_fleet
from ...support.log import event
from ...support.running import Stop, beside
from ...transfer import Bodies
from ...watching import Lines, Summary
from ..options.request import Request
from ..options.settings import Settings, working_for
from ..output.watching import all_of
from ..process.ends import end_of
from ..sync import log_strict_schema
from .options import FleetCommand, request_of
from .places import demand_own_files, demand_own_places, demand_own_schemas

logger = logging.getLogger(__name__)

#: Environment variables that would override the same key in the config of each tenant.
_OF_ONE_TENANT = ("BDS_BSPACE_URL", "BDS_REFRESH_TOKEN", "BDS_REFRESH_TOKEN_FILE", "BDS_TOKEN_FILE")


@dataclass(frozen=True, slots=True)
class Bound:
    """Settings for all tenants: the most workers, and the cluster that replaces those in their options."""

    workers: int
    cluster: str | None = None

    def of(self, options: RunOptions) -> RunOptions:
        """Return the options of a tenant within these settings."""
        cluster = options.cluster if self.cluster is None else self.cluster
        return replace(options, workers=min(options.workers, self.workers), cluster=cluster)


@dataclass(frozen=True, slots=True)
class Member:
    """One tenant of a fleet."""

    name: str
    group: str | None
    settings: Settings
    request: Request[Any] = field(repr=False)

    @classmethod
    def of(cls, entry: Entry, command: FleetCommand, file: Path, common: Settings, bound: Bound) -> Member:
        """Create the member of an entry; raises ConfigError, which names the tenant."""
        settings = replace(common, config=entry.config, tenant=entry.name)
        places = [f"--to={entry.to}", *([f"--state={entry.state}"] if entry.state is not None else [])]
        asked = partial(request_of, command, places, folder=file.parent, of=settings)
        try:
            request = asked(given=entry.options)
        except ConfigError as error:
            table = "[defaults], " if _mistake_in(asked, entry.defaults) == str(error) else ""
            raise ConfigError(f"{file}: {table}tenant {entry.name}: {error}") from None
        return cls(entry.name, entry.group, settings, replace(request, options=bound.of(request.options)))

    async def run(self, bodies: Bodies, stop: Stop, reason: Stopped | None) -> TenantResult:
        """Do the run, unless there is a reason not to begin it. Its errors are logged and put into the result."""
        if reason is not None:
            return self._result(reason.exit_code, str(reason))
        kept: list[RunReport] = []
        where = self.request.workspace
        summary = Summary(logger, Path(where.to) if where.store is None else where.to)
        receivers: list[Observer] = [partial(_keep, kept), Lines(logger), summary]
        observer = all_of(receivers)
        with working_for(self.settings):
            return await self._ended(partial(self._run, observer, bodies, stop), kept)

    async def _run(self, observer: Observer, bodies: Bodies, stop: Stop) -> TenantResult:
        report = await self.request.carried_out(observer, stop, bodies)
        if isinstance(self.request.options, SyncOptions):
            log_strict_schema(self.request.options, report)
        return self._result(report.exit_code, report=report)

    async def check(self, show: Callable[[Examination], object], stop: Stop, reason: Stopped | None) -> TenantResult:
        """Make the checks of `doctor`, then show them all at once."""
        if reason is not None:
            return self._result(reason.exit_code, str(reason))
        with working_for(self.settings):
            return await self._ended(partial(self._check, show, stop), [])

    async def _check(self, show: Callable[[Examination], object], stop: Stop) -> TenantResult:
        found = await beside(examine(self.settings.config, self.request.workspace), stop.obey())
        show(found)
        failed = [f"{check.name}: {check.found}" for check in found.checks if check.status is CheckStatus.FAILED]
        return self._result(found.exit_code, "; ".join(failed) or None)

    async def _ended(self, work: Callable[[], Any], kept: Sequence[RunReport]) -> TenantResult:
        """Return the result of the tenant; raise no error, so that the other tenants go on."""
        try:
            result: TenantResult = await work()
            return result
        except Exception as error:
            end = end_of(error)
            logger.error("%s", end.message, extra=event("error", exit_code=end.exit_code, kind=end.kind))
            return self._result(end.exit_code, end.message, kept[0] if kept else None)

    def _result(self, exit_code: int, error: str | None = None, report: RunReport | None = None) -> TenantResult:
        return TenantResult(name=self.name, group=self.group, exit_code=exit_code, error=error, report=report)


def _mistake_in(asked: Callable[..., object], options: Mapping[str, Any]) -> str | None:
    """Return the first mistake in these options, None if there is none."""
    try:
        asked(given=options)
    except ConfigError as error:
        return str(error)
    return None


def _keep(kept: list[RunReport], event: Event) -> None:
    """Keep the report, which is made even if the run then raises an error."""
    if isinstance(event, Finished):
        kept.append(event.report)


def members_of(
    file: Path,
    command: FleetCommand,
    common: Settings,
    bound: Bound,
    groups: Sequence[str] = (),
    *,
    report: Path | None = None,
) -> list[Member]:
    """Return the members of a fleet file, of these groups only if any are named.

    Raises ConfigError for any mistake in the file, and for a group without tenants. No run may write to the folders of
    another tenant. No output file, including the fleet's `report`, may replace another file of the fleet. No
    environment variable may give all tenants the same key.
    """
    members = [Member.of(entry, command, file, common, bound) for entry in read_fleet(file)]
    for name in _OF_ONE_TENANT:
        if os.environ.get(name):
            raise ConfigError(
                f"{name} would hold for each tenant of {file}: unset it, and keep the key in each config."
            )
    tenants = [(member.name, member.settings, member.request) for member in members]
    demand_own_places(tenants, file)
    demand_own_schemas(tenants, file)
    demand_own_files(tenants, file, report)
    return _of_groups(members, groups, file)


def _of_groups(members: Sequence[Member], groups: Sequence[str], file: Path) -> list[Member]:
    known = {member.group for member in members if member.group is not None}
    for group in groups:
        if group not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"No tenant of {file} is in the group {group!r}; its groups: {names}.")
    return [member for member in members if not groups or member.group in groups]
