"""The access token of a run: one refresher keeps it fresh, and everybody shares it."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from types import TracebackType
from typing import Self

from tenacity import RetryCallState

from ...errors import AnotherRunMayHelp, ExtractError, PersonMustAct, TransientError, UnreachableError
from ...support.uninterrupted import outlast
from ..retry import Tries, full_jitter, retrying
from .grants import Grant, grant_for
from .token_endpoint import AccessToken

__all__ = ["AccessToken", "Patience", "TokenRefresher", "grant_for"]

logger = logging.getLogger(__name__)

#: Share of its life after which an access token is renewed, so that nobody ever waits for it.
RENEW_AFTER = 0.75
#: Seconds between two renewals ahead of expiry, at least; tokens that live shorter are renewed when they are needed.
SHORTEST_REST = 0.5
#: Seconds between two lines about an auth service that is still away.
SILENCE = 60.0
#: Seconds for which an auth service that does not answer is tried again, and the same before it ever answered.
PATIENCE, FIRST_PATIENCE = 300.0, 30.0


class Patience(Tries):
    """Tries for so many seconds, however many that are."""

    def __init__(self, seconds: float) -> None:
        super().__init__(limit=sys.maxsize)
        self._seconds = seconds

    def __str__(self) -> str:
        return f"try {self.used}"

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Count the failure; True when the time is up."""
        super().__call__(retry_state)
        return (retry_state.seconds_since_start or 0.0) >= self._seconds


class TokenRefresher:
    """Hands out the current access token, and makes sure of one exchange at a time in this process.

    Use it as an async context manager: leaving it waits for an exchange that is under way, so that its answer is
    stored. `refreshes` counts the exchanges that succeeded; `patience` and `first_patience` are in seconds.
    """

    def __init__(self, grant: Grant, *, first_patience: float = FIRST_PATIENCE, patience: float = PATIENCE) -> None:
        self.refreshes = 0
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

    async def token(self) -> AccessToken:
        """The current access token; exchanged now if there is none that lives.

        Raises AuthorisationError, ConfigError, UnreachableError, CredentialsBusy.
        """
        if self._current is not None and time.monotonic() < self._current.expires_at:
            return self._current
        return await self._exchanged()

    async def renew(self, refused: AccessToken) -> AccessToken:
        """A token other than the one that was refused: whoever comes late gets what the first has brought.

        Raises as `token` does.
        """
        if self._current is not None and self._current is not refused:
            return await self.token()
        return await self._exchanged()

    async def run(self) -> None:
        """Renew the token ahead of its expiry until cancelled; a task of the run's task group.

        A renewal that fails for now is tried again for as long as the current token lives. Raises as `token` does.
        """
        while True:
            token = await self.token()
            due = token.expires_at - (1 - RENEW_AFTER) * token.lifetime
            await asyncio.sleep(max(due - time.monotonic(), SHORTEST_REST))
            try:
                await self.renew(token)
            except AnotherRunMayHelp as error:
                if time.monotonic() >= token.expires_at:
                    raise
                logger.warning("%s The current access token lives on; trying again.", error)
                await asyncio.sleep(full_jitter(1))

    async def settle(self) -> None:
        """End what is under way: a request that has not been sent is called off, any other is waited for.

        However often the caller is cancelled meanwhile, the answer is stored before this returns.
        """
        if self._exchange is not None:
            self._exchange.cancel()
            await outlast(self._exchange)

    async def _exchanged(self) -> AccessToken:
        """Join the exchange that is under way, or begin one; a caller that is cancelled leaves it to the others."""
        if self._refusal is not None:
            raise self._refusal
        if self._exchange is None or self._exchange.done():
            self._exchange = asyncio.create_task(self._persistently(), name="token exchange")
            self._exchange.add_done_callback(_seen)
        exchange = self._exchange  # by the time that this caller goes on, the next one may be under way
        await asyncio.wait([exchange])
        return exchange.result()

    async def _persistently(self) -> AccessToken:
        try:
            async for attempt in retrying(Patience(self._patience), "The access token"):
                with attempt:
                    self._current = await self._once()
        except PersonMustAct as error:
            self._refusal = error
            raise
        except ExtractError as error:
            raise UnreachableError(
                f"{error} No access token could be had within {self._patience:.0f} s; "
                "check auth_service and the network, or run again later."
            ) from None
        assert self._current is not None
        self.refreshes += 1
        self._patience = self._patience_once_reached
        self._quiet_until = 0.0
        return self._current

    async def _once(self) -> AccessToken:
        try:
            return await self._grant.exchange()
        except TransientError as error:
            self._tell(error)
            raise

    def _tell(self, error: TransientError) -> None:
        """Say that there is no token yet: when that begins, and now and then while it lasts."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + SILENCE
            logger.info("No access token yet: %s Trying again; if it stays so, check auth_service.", error)


def _seen(exchange: asyncio.Task[AccessToken]) -> None:
    """Take note of a failure that nobody waits for any more, which asyncio would complain about."""
    if not exchange.cancelled():
        exchange.exception()
