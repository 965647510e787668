"""The steps of the examination: what each needs, what it found, and what to do about it."""

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
    """The result of a check; SKIPPED if a fact that it needs is missing."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; if it failed, `error` is the error that a run would end with.

    `needs` names the failed checks that a skipped check depends on.
    """

    name: str
    status: CheckStatus
    found: str
    to_do: str | None = None
    error: BdsError | None = field(default=None, repr=False)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of a step; `facts` are for later steps; with `error` the check failed but still provides facts."""

    found: str
    status: CheckStatus = CheckStatus.OK
    to_do: str | None = None
    facts: tuple[object, ...] = ()
    error: BdsError | None = None


class Case:
    """The input of the examination (config file, destination, environment) and the facts so far, one of each type.

    `stack` closes what later steps use; `skews` are the seconds by which this machine's clock is ahead of each server;
    `observations` holds no secret; `now` is the clock, in seconds since the epoch.
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
        """Add facts, by their types."""
        self._facts.update({type(fact): fact for fact in facts})

    def knows(self, kind: type) -> bool:
        """Whether there is a fact of this type."""
        return kind in self._facts

    def __getitem__(self, kind: type[Fact]) -> Fact:
        return cast("Fact", self._facts[kind])


@dataclass(frozen=True, slots=True)
class Step:
    """One check. It is made if every fact in `needs` is known; it provides the facts in `brings`.

    `to_do` says what to do if it fails; None if the text of each error, or the finding, says it.

    `limit` is in seconds: a server that keeps asking to wait must not delay the examination.
    """

    name: str
    examine: Callable[[Case], Awaitable[Finding]]
    to_do: str | None
    needs: tuple[type, ...] = ()
    brings: tuple[type, ...] = ()
    limit: float = 120.0


async def take(step: Step, case: Case, steps: Sequence[Step]) -> Check:
    """Make one check; `steps` are all steps, to name those that did not provide a needed fact."""
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
    """What to do about a failure; None if the text of the error says it."""
    return None if isinstance(error, DestinationError | WrongTenant) else step.to_do


async def _within_limit(step: Step, case: Case) -> Finding:
    try:
        async with asyncio.timeout(step.limit):
            return await step.examine(case)
    except TimeoutError:
        raise UnreachableError(f"Given up after {step.limit:g} seconds.") from None


def _bringers(missing: Sequence[type], steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.name for kind in missing for step in steps if kind in step.brings))
