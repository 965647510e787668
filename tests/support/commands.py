"""The real `bds-async` in separate processes, which tests watch, signal and kill."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forked import Forked, fork

#: Seconds within which everything that a test waits for must happen; it is no measure of speed.
PATIENCE = 120.0
#: What a person must never see: asyncio's complaints, tracebacks, our own words for a defect.
COMPLAINTS = re.compile(r"Traceback|never retrieved|never awaited|was destroyed|Unclosed|ResourceWarning|defect in bds")
#: Nothing of the machine that runs the tests: no proxy, no settings.
ENVIRON = {
    key: value for key, value in os.environ.items() if not key.startswith("BDS_") and not key.lower().endswith("_proxy")
}


@dataclass(frozen=True)
class Done:
    """A command that has ended: exit code (negative: killed by that signal), stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The whole of stderr if it has a line that no command may print, else empty."""
        return [self.err] if COMPLAINTS.search(self.err) else []

    def document(self) -> Any:
        """The JSON on stdout."""
        return json.loads(self.out)


@dataclass
class Running:
    """A running command."""

    process: Process | Forked

    async def ends(self, within: float = PATIENCE) -> Done:
        """Wait for its end; TimeoutError if it takes longer than `within` seconds."""
        out, err = await asyncio.wait_for(self.process.communicate(), within)
        assert self.process.returncode is not None
        return Done(self.process.returncode, out.decode(), err.decode())

    async def stopped_by(self, number: int, within: float = 3.0) -> Done:
        """Send a signal; the command must end within `within` seconds."""
        self.signal(number)
        return await self.ends(within)

    def signal(self, number: int) -> None:
        """Send a signal, if the command is still running.

        This does not use asyncio's own call, which first polls the process, and so takes the exit code from the waiting
        code.
        """
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


@asynccontextmanager
async def starting(*arguments: object, cwd: Path | None = None, **environ: str) -> AsyncIterator[Running]:
    """Start `bds-async` with these arguments; it is killed if it still runs at the end of the context."""
    async with ended(await begun([*map(str, arguments)], cwd, ENVIRON | environ)) as process:
        yield Running(process)


@asynccontextmanager
async def starting_afresh(*arguments: object, cwd: Path | None = None, **environ: str) -> AsyncIterator[Running]:
    """The same in a new Python, for tests of what happens while it starts."""
    async with ended(await begun_afresh([*map(str, arguments)], cwd, ENVIRON | environ)) as process:
        yield Running(process)


async def begun(arguments: list[str], cwd: Path | None, environ: dict[str, str]) -> Process | Forked:
    """Fork the command, if the system can."""
    return await (fork if hasattr(os, "fork") else begun_afresh)(arguments, cwd, environ)


async def begun_afresh(arguments: list[str], cwd: Path | None, environ: dict[str, str]) -> Process:
    command = [sys.executable, "-W", "default::ResourceWarning", "-m", "bds_async", *arguments]
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=cwd, env=environ)


@asynccontextmanager
async def ended(process: Process | Forked) -> AsyncIterator[Process | Forked]:
    """Make sure that a command leaves nothing behind."""
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        if isinstance(process, Forked):
            process.close()


async def bds(*arguments: object, cwd: Path | None = None, **environ: str) -> Done:
    """Run `bds-async` with these arguments to its end."""
    async with starting(*arguments, cwd=cwd, **environ) as running:
        return await running.ends()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what it waits for is seen from outside alone
            await asyncio.sleep(0.005)
