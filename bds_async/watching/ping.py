"""Calls to a health-check address at the start and the end of a run; the service reports a job that does not call.

The requests have the usual form of such services: `ADDRESS/start` at the start, `ADDRESS` after success,
`ADDRESS/<exit code>` after failure. The address is a secret; no message quotes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from yarl import URL

from ..brightspace.http import Transport
from ..errors import BdsError, ConfigError, exit_code_of
from ..report import RunReport
from ..support.log import event
from ..support.running import Stop

#: Seconds that a call may take, and that the last call may still take once a stop is requested.
PATIENCE, PATIENCE_OF_STOPPED = 5.0, 1.5

logger = logging.getLogger(__name__)


class Ping:
    """A health-check address. A failed call is logged, but never fails the run."""

    def __init__(self, address: str) -> None:
        """Raise ConfigError if the address is not an http or https URL."""
        if not _is_usable(address):
            raise ConfigError("The address of --ping is not an http or https URL.")
        self._address = URL(address)

    async def around(self, run: Awaitable[RunReport], stop: Stop | None = None) -> RunReport:
        """Call the address before and after a run; return its report, or raise its error.

        A request to stop cancels the call before the run immediately, and shortens the one after it.
        """
        stop = stop or Stop()
        await _until(self.start(), stop, 0.0)
        try:
            report = await run
        except Exception as error:
            await _until(self.end(exit_code_of(error)), stop, PATIENCE_OF_STOPPED)
            raise
        await _until(self.end(report.exit_code), stop, PATIENCE_OF_STOPPED)
        return report

    async def start(self) -> None:
        """Call at the start of a run."""
        await self._call(self._below("start"))

    async def end(self, exit_code: int) -> None:
        """Call at the end of a run."""
        await self._call(self._below(str(exit_code)) if exit_code else self._address)

    def _below(self, word: str) -> URL:
        return (self._address / word).with_query(self._address.query)

    async def _call(self, url: URL) -> None:
        try:
            async with asyncio.timeout(PATIENCE), Transport(connections=1, stall_timeout=PATIENCE) as transport:
                answer = await transport.fetch("GET", url)
            failure = f"it answered {answer.status}" if answer.status >= 300 else None
        except TimeoutError:
            failure = f"it did not answer within {PATIENCE:g} seconds"
        except BdsError as error:
            failure = str(error)
        except Exception as error:
            # No error of this call may fail the run, and its text may quote the address.
            failure = type(error).__name__
        if failure is not None:
            text = "The health-check call failed (%s); the run does not depend on it."
            logger.warning(text, failure, extra=event("ping.failed", why=failure))


async def _until(call: Coroutine[Any, Any, None], stop: Stop, grace: float) -> None:
    """Await a call; cancel it `grace` seconds after a request to stop."""

    async def limit() -> None:
        """Wait for a request to stop, then for the grace period."""
        await stop.requested()
        await asyncio.sleep(grace)

    tasks = [asyncio.create_task(call), asyncio.create_task(limit())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_usable(address: str) -> bool:
    """Whether an address is an http or https URL whose host is a valid name (RFC 5890 section 2.3.1)."""
    try:
        url = URL(address)
        return url.scheme in ("http", "https") and bool(url.host) and bool((url.raw_host or "").encode("idna"))
    except ValueError:
        return False
