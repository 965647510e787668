"""The access token of a run: one refresher keeps it fresh for all requests."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from types import TracebackType
from typing import Self

from tenacity import RetryCallState

from ...errors import AnotherRunMayHelp, ExtractError, PersonMustAct, TransientError, UnreachableError
from ...support.log import event
from ...support.uninterrupted import outlast
from ..retry import Tries, full_jitter, retrying
from .access_token import AccessToken
from .grants import Grant
from .token_endpoint import CONNECT_TIMEOUT

logger = logging.getLogger(__name__)

#: Share of its lifetime after which an access token is renewed, so that no request waits for a renewal.
RENEW_AFTER = 0.75
#: Lower bound in seconds between two renewals ahead of expiry; tokens that live shorter are renewed on demand.
SHORTEST_REST = 0.5
#: Lower bound in seconds for the time in which a try can make a connection.
SHORTEST_CONNECT = 1.0
#: Seconds between two log lines about an outage of the auth service.
SILENCE = 60.0
#: Seconds for which an auth service that does not answer is retried, and the same before its first answer.
PATIENCE, FIRST_PATIENCE = 300.0, 30.0


class Patience(Tries):
    """A stop condition of retries: a number of seconds since the first try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(limit=sys.maxsize)
        self._seconds = seconds

    def __str__(self) -> str:
        return f"try {self.used}"

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Count the failure; True if the time is up."""
        super().__call__(retry_state)
        return self.longest_wait(retry_state) <= 0.0

    def longest_wait(self, retry_state: RetryCallState) -> float:
        """The seconds until the last try, which has SHORTEST_CONNECT seconds."""
        return self._seconds - SHORTEST_CONNECT - (retry_state.seconds_since_start or 0.0)


class TokenRefresher:
    """Returns the current access token, and runs at most one exchange at a time in this process.

    Use it as an async context manager: leaving it waits for a running exchange, so that its answer is stored.
    `patience` and `first_patience` are in seconds.
    """

    def __init__(self, grant: Grant, *, first_patience: float = FIRST_PATIENCE, patience: float = PATIENCE) -> None:
        self._grant = grant
        self._patience, self._patience_once_reached = first_patience, patience
        self._current: AccessToken | None = None
        self._exchange: asyncio.Task[AccessToken] | None = None
        self._refusal: PersonMustAct | None = None
        self._quiet_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.settle()

    @property
    def refreshes(self) -> int:
        """The number of exchanges that succeeded; final after `settle`."""
        return self._grant.granted

    async def token(self) -> AccessToken:
        """The current access token; an exchange is made first if there is none, or if it has expired.

        Raises AuthorisationError, ConfigError, UnreachableError, CredentialsBusy.
        """
        if self._current is not None and time.monotonic() < self._current.expires_at:
            return self._current
        return await self._exchanged()

    async def renew(self, refused: AccessToken) -> AccessToken:
        """An access token other than the refused one. All callers with the same refused token share one exchange.

        Raises as `token` does.
        """
        if self._current is not None and self._current is not refused:
            return await self.token()
        return await self._exchanged()

    async def run(self) -> None:
        """Renew the token ahead of its expiry until cancelled; to be run as a task of the run's task group.

        A renewal that another try can complete is retried until the current token expires. Raises as `token` does.
        """
        while True:
            await self._renew_when_due(await self.token())

    async def _renew_when_due(self, token: AccessToken) -> None:
        due = token.expires_at - (1 - RENEW_AFTER) * token.lifetime
        await asyncio.sleep(max(due - time.monotonic(), SHORTEST_REST))
        try:
            await self.renew(token)
        except AnotherRunMayHelp as error:
            if time.monotonic() >= token.expires_at:
                raise
            text = "%s The current access token is still valid; trying again."
            logger.warning(text, error, extra=event("token.renewal_failed", error=str(error)))
            await asyncio.sleep(full_jitter(1))

    async def settle(self) -> None:
        """End a running exchange: cancel it if its request has not been sent, else wait until its answer is stored.

        A cancellation of the caller does not shorten the wait.
        """
        if self._exchange is not None:
            self._exchange.cancel()
            await outlast(self._exchange)

    async def _exchanged(self) -> AccessToken:
        """Join the running exchange, or begin one; the cancellation of one caller does not cancel the exchange."""
        if self._refusal is not None:
            raise self._refusal
        if self._exchange is None or self._exchange.done():
            self._exchange = asyncio.create_task(self._persistently(), name="token exchange")
            self._exchange.add_done_callback(_seen)
        exchange = self._exchange  # when this caller resumes, the next exchange may be running
        await asyncio.wait([exchange])
        return exchange.result()

    async def _persistently(self) -> AccessToken:
        began = time.monotonic()
        try:
            async for attempt in retrying(Patience(self._patience), "The access token"):
                with attempt:
                    self._current = await self._once(began + self._patience - time.monotonic())
        except PersonMustAct as error:
            self._refusal = error
            raise
        except ExtractError as error:
            raise UnreachableError(
                f"{error} No access token was obtained within {time.monotonic() - began:.0f} s; "
                "check auth_service and the network, or run again later."
            ) from None
        assert self._current is not None
        self._patience = self._patience_once_reached
        self._quiet_until = 0.0
        return self._current

    async def _once(self, seconds_left: float) -> AccessToken:
        try:
            return await self._grant.exchange(min(CONNECT_TIMEOUT, max(seconds_left, SHORTEST_CONNECT)))
        except TransientError as error:
            self._tell(error)
            raise

    def _tell(self, error: TransientError) -> None:
        """Log that there is no token yet: when an outage begins, and every SILENCE seconds while it lasts."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + SILENCE
            text = "No access token yet: %s Trying again; if it persists, check auth_service."
            logger.info(text, error, extra=event("token.waiting", error=str(error)))


def _seen(exchange: asyncio.Task[AccessToken]) -> None:
    """Retrieve the exception of an exchange whose callers are gone; otherwise asyncio would log it."""
    if not exchange.cancelled():
        exchange.exception()
