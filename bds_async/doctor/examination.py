"""The examination of everything that a run depends on: the checks in order, and what to do about each.

It neither locks nor creates the destination. It exchanges the refresh token once, as every run does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from ..brightspace.http import Transport
from ..config import Config
from ..errors import BdsError, weightiest
from ..report import fields_of
from ..workspace import Workspace
from .checks import STEPS
from .steps import Case, Check, CheckStatus, take
from .token import STALL_TIMEOUT


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """One check: what was found, and what to do about it, null if nothing."""

    name: str
    status: CheckStatus
    found: str
    to_do: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorDocument:
    """The document of `doctor --json`; `observations` is what the tenant shows of what D2L does not document."""

    doctor_version: Literal[1]
    program: str
    tenant: str | None
    exit_code: int
    checks: tuple[CheckEntry, ...]
    observations: dict[str, Any]


@dataclass(slots=True)
class Examination:
    """The checks in order, and observations of behaviour that D2L does not document. Holds no secret."""

    tenant: str | None = None
    checks: list[Check] = field(default_factory=list)
    observations: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The exit code of the failure that wins; 0 if nothing failed."""
        errors = [check.error for check in self.checks if check.error is not None]
        if not errors:
            return 0
        heaviest = weightiest(ExceptionGroup("failed checks", errors))
        return heaviest.exit_code if isinstance(heaviest, BdsError) else 1

    def document(self) -> dict[str, Any]:
        """The examination for JSON."""
        return fields_of(
            DoctorDocument(
                doctor_version=1,
                program=f"bds-async {__version__}",
                tenant=self.tenant,
                exit_code=self.exit_code,
                checks=tuple(CheckEntry(each.name, each.status, each.found, each.to_do) for each in self.checks),
                observations=self.observations,
            )
        )


def unobserved(check: Check) -> None:
    """Do nothing: the default observer of the checks."""


async def examine(
    config_file: Path | None,
    workspace: Workspace,
    *,
    observer: Callable[[Check], None] = unobserved,
    environ: Mapping[str, str] | None = None,
    now: Callable[[], float] = time.time,
) -> Examination:
    """Make every possible check; `observer` gets each one when it ends.

    `config_file` and `environ` are as for Config.load; `now` is the clock that is compared with the servers' clocks.
    A failure is a Check, not an exception.
    """
    async with AsyncExitStack() as stack:
        case = Case(config_file, workspace, stack, environ, now)
        case.learn([await stack.enter_async_context(Transport(stall_timeout=STALL_TIMEOUT))])
        examination = Examination(observations=case.observations)
        for step in STEPS:
            check = await take(step, case, STEPS)
            examination.checks.append(check)
            observer(check)
        examination.tenant = case[Config].bspace_url if case.knows(Config) else None
    return examination
