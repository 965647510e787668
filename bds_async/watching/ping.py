"""Calls a health-check address at the start and the end of a run; the service reports a job that does not call.

The requests have the form that such services share: `ADDRESS/start` at the start, `ADDRESS` after success,
`ADDRESS/<exit code>` after failure. The address is a secret; no message quotes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from yarl import URL

from ..brightspace.http import Transport
from ..errors import BdsError, ConfigError, Stopped, exit_code_of
from ..report import RunReport
from ..support.log import event

#: Seconds that a call may take, and that the last call of a stopped run may take.
PATIENCE, PATIENCE_OF_STOPPED = 5.0, 1.5

logger = logging.getLogger(__name__)


class Ping:
    """A health-check address. A failed call is logged, and never fails the run."""

    def __init__(self, address: str) -> None:
        """Raise ConfigError if the address is not an http or https URL."""
        if not _is_usable(address):
            raise ConfigError("The address of --ping is not an http or https URL.")
        self._address = URL(address)

    async def around(self, run: Awaitable[RunReport]) -> RunReport:
        """Return the report of a run; call the address before and after it. An error of the run is raised again."""
        await self.start()
        try:
            report = await run
        except Exception as error:
            await self.end(exit_code_of(error), PATIENCE_OF_STOPPED if isinstance(error, Stopped) else PATIENCE)
            raise
        await self.end(report.exit_code)
        return report

    async def start(self) -> None:
        """Call at the start of a run."""
        await self._call(self._below("start"), PATIENCE)

    async def end(self, exit_code: int, patience: float = PATIENCE) -> None:
        """Call at the end of a run; `patience` is in seconds."""
        await self._call(self._below(str(exit_code)) if exit_code else self._address, patience)

    def _below(self, word: str) -> URL:
        return (self._address / word).with_query(self._address.query)

    async def _call(self, url: URL, patience: float) -> None:
        try:
            async with asyncio.timeout(patience), Transport(connections=1, stall_timeout=patience) as transport:
                answer = await transport.fetch("GET", url)
            failure = f"it answered {answer.status}" if answer.status >= 300 else None
        except TimeoutError:
            failure = f"it did not answer within {patience:g} seconds"
        except BdsError as error:
            failure = str(error)
        except Exception as error:
            # No error of this call may fail the run, and its text may quote the address.
            failure = type(error).__name__
        if failure is not None:
            text = "The health-check call failed (%s); the run does not depend on it."
            logger.warning(text, failure, extra=event("ping.failed", why=failure))


def _is_usable(address: str) -> bool:
    """Tell whether it is an http or https URL whose host is a valid name (RFC 5890 section 2.3.1)."""
    try:
        url = URL(address)
        return url.scheme in ("http", "https") and bool(url.host) and bool((url.raw_host or "").encode("idna"))
    except ValueError:
        return False
