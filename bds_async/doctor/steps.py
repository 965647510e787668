"""The examination as a row of steps: what each needs to know, what it found, and what is to be done about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import BdsError, DestinationError, UnreachableError, WrongTenant
from ..workspace import Workspace

Fact = TypeVar("Fact")


class CheckStatus(StrEnum):
    """How a check ended; SKIPPED where something that it builds on was not to be had."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One check as the person sees it; `error` is what a run would end with, for a failed one.

    `needs` are the names of the checks that one which was not made had waited for in vain.
    """

    name: str
    status: CheckStatus
    found: str
    to_do: str | None = None
    error: BdsError | None = field(default=None, repr=False)
    needs: tuple[str, ...] = ()

    def fields(self) -> dict[str, str | None]:
        """The check for JSON."""
        return {"name": self.name, "status": self.status.value, "found": self.found, "to_do": self.to_do}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found; `facts` are for the steps after it, `error` makes it a failure that still brings facts."""

    found: str
    status: CheckStatus = CheckStatus.OK
    to_do: str | None = None
    facts: tuple[object, ...] = ()
    error: BdsError | None = None


class Case:
    """What is known so far: the question (config file, destination, environment) and the facts, one of each type.

    `stack` keeps open what later steps use; `skews` are the seconds by which this machine's clock is ahead of each
    server that told the time; `observations` is free of secrets. `now` is the clock, in seconds since the epoch.
    """

    def __init__(
        self,
        config_file: Path | None,
        workspace: Workspace,
        stack: AsyncExitStack,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.config_file = config_file
        self.workspace = workspace
        self.stack = stack
        self.environ = environ
        self.now = now
        self.skews: dict[str, float] = {}
        self.observations: dict[str, Any] = {}
        self._facts: dict[type, object] = {}

    def learn(self, facts: Sequence[object]) -> None:
        """Remember facts by their types."""
        self._facts.update({type(fact): fact for fact in facts})

    def knows(self, kind: type) -> bool:
        """Whether there is a fact of this type."""
        return kind in self._facts

    def __getitem__(self, kind: type[Fact]) -> Fact:
        return cast("Fact", self._facts[kind])


@dataclass(frozen=True, slots=True)
class Step:
    """One check: made if every fact in `needs` is known; `to_do` is the way out where it fails.

    `limit` is in seconds: a server that asks to wait again and again must not hold up the examination.
    """

    name: str
    examine: Callable[[Case], Awaitable[Finding]]
    to_do: str
    needs: tuple[type, ...] = ()
    brings: tuple[type, ...] = ()
    limit: float = 120.0


async def take(step: Step, case: Case, steps: Sequence[Step]) -> Check:
    """Make one check; `steps` are all of them, to say which one it had to wait for in vain."""
    missing = [kind for kind in step.needs if not case.knows(kind)]
    if missing:
        needs = _bringers(missing, steps)
        return Check(step.name, CheckStatus.SKIPPED, f"Not checked, since it needs: {', '.join(needs)}.", needs=needs)
    try:
        finding = await _within_limit(step, case)
    except BdsError as error:
        return Check(step.name, CheckStatus.FAILED, str(error), _way_out(step, error), error)
    case.learn(finding.facts)
    if finding.error is not None:
        return Check(step.name, CheckStatus.FAILED, finding.found, finding.to_do or step.to_do, finding.error)
    return Check(step.name, finding.status, finding.found, finding.to_do)


def _way_out(step: Step, error: BdsError) -> str | None:
    """The step's, unless the folder itself is at fault: such an error says what to do."""
    return None if isinstance(error, DestinationError | WrongTenant) else step.to_do


async def _within_limit(step: Step, case: Case) -> Finding:
    try:
        async with asyncio.timeout(step.limit):
            return await step.examine(case)
    except TimeoutError:
        raise UnreachableError(f"Given up after {step.limit:g} seconds.") from None


def _bringers(missing: Sequence[type], steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.name for kind in missing for step in steps if kind in step.brings))
