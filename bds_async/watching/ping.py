"""Calls a health-check address at the start and the end of a run, so that somebody learns of a job that is silent.

The form is the one that such services share: the address with `/start` at the start, bare after success, with
`/<exit code>` after failure. The address is a secret of its own; no message quotes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from yarl import URL

from ..brightspace.http.transport import Transport
from ..errors import BdsError, ConfigError, Stopped, exit_code_of
from ..report import RunReport

#: Seconds that a call may take, and the same for a run that was told to stop; it holds up neither for longer.
PATIENCE, PATIENCE_OF_STOPPED = 5.0, 1.5

logger = logging.getLogger(__name__)


class Ping:
    """A health-check address. A call that fails is logged, and never fails the run."""

    def __init__(self, address: str) -> None:
        """Raise ConfigError for what is no http or https address."""
        if not _is_usable(address):
            raise ConfigError("The address of --ping is no http or https URL.")
        self._address = URL(address)

    async def around(self, run: Awaitable[RunReport]) -> RunReport:
        """The report of a run, its start and its end told; what it raises is told and raised, a defect too."""
        await self.start()
        try:
            report = await run
        except Exception as error:
            await self.end(exit_code_of(error), PATIENCE_OF_STOPPED if isinstance(error, Stopped) else PATIENCE)
            raise
        await self.end(report.exit_code)
        return report

    async def start(self) -> None:
        """Tell that a run begins."""
        await self._call(self._below("start"), PATIENCE)

    async def end(self, exit_code: int, patience: float = PATIENCE) -> None:
        """Tell how a run ended; `patience` is in seconds."""
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
            # Whatever it is, it is no reason to lose a run; its text may quote the address.
            failure = type(error).__name__
        if failure is not None:
            logger.warning("The health check was not told (%s); nothing of the run depends on it.", failure)


def _is_usable(address: str) -> bool:
    """Whether it is an http or https URL with a host that a name server can be asked for (RFC 5890 section 2.3.1)."""
    try:
        url = URL(address)
        return url.scheme in ("http", "https") and bool(url.host) and bool((url.raw_host or "").encode("idna"))
    except ValueError:
        return False
