"""Calls to a store from any thread: run on their own event loop, retried if that may help, ended by a stop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from functools import cache
from typing import TypeVar

from ...brightspace import retrying
from ...errors import BdsError, ConnectionFailed, ConnectionLost, DestinationError, Stopped, TransientError
from ...support.log import event
from ...support.patience import Patience
from ...workspace import StoreAddress
from .faults import Action, fault_of
from .tries import StoreTries

Result = TypeVar("Result")
logger = logging.getLogger(__name__)

#: Seconds for which requests to a store that does not answer are retried.
OUTAGE = 300.0
#: Seconds for the check of a store, with all its requests and retries.
CHECK = 20.0
#: Seconds between two checks for a stop of the run.
TICK = 0.1
#: The longest time for one request, in seconds.
LONGEST = 1800.0


class Calls:
    """Makes the requests of one destination.

    An error answer of the store counts as one of `attempts`, and so does a failed try in which it took a part of an
    upload. Otherwise, without an answer, a request is retried for OUTAGE seconds. A request has `timeout` seconds,
    doubled after each one that takes longer: the link may be slow.
    """

    def __init__(self, address: StoreAddress, patience: Patience, attempts: int, timeout: float) -> None:
        self._address = address
        self._patience = patience
        self._attempts = attempts
        self._timeout = timeout
        self._is_out = False

    def run(
        self,
        work: Callable[[float], Awaitable[Result]],
        action: Action,
        *,
        until: float | None = None,
        taken: Callable[[], int] = lambda: 0,
    ) -> Result:
        """Do `work` and return its result; it gets the seconds for one request.

        `until` ends the tries of a check, by time.monotonic(). The result of `taken` grows as the store takes parts.
        Blocks. Raises DestinationError. If the run is stopped, cancels the request and raises Stopped.
        """
        left = OUTAGE if until is None else max(0.0, until - time.monotonic())
        tries = StoreTries(self._attempts, left, taken)
        future = asyncio.run_coroutine_threadsafe(self._until(self._tried(work, action, tries), until), _loop())
        try:
            return self._awaited(future)
        except BaseException:
            future.cancel()
            raise

    def _awaited(self, future: Future[Result]) -> Result:
        while not wait([future], TICK).done:
            if self._patience.is_cut:
                raise Stopped("The run was stopped during a request to the object store; run again to continue.", 3)
        return future.result()

    async def _until(self, trying: Awaitable[Result], until: float | None) -> Result:
        try:
            # The clock of the loop is time.monotonic().
            async with asyncio.timeout_at(until):
                return await trying
        except TimeoutError:
            text = f"{self._address} did not answer within {CHECK:g} seconds"
            raise DestinationError(f"{text}: check the endpoint, and proxy and firewall of this machine.") from None

    async def _tried(self, work: Callable[[float], Awaitable[Result]], action: Action, tries: StoreTries) -> Result:
        try:
            async for attempt in retrying(tries, f"A request to {self._address}"):
                with attempt:
                    return await self._once(work, action)
        except TransientError as error:
            text = f"{error} Tried {tries.failures} times in vain: {action}; run again later."
            raise DestinationError(text) from None
        raise AssertionError("unreachable: the last try returns or raises")

    async def _once(self, work: Callable[[float], Awaitable[Result]], action: Action) -> Result:
        from obstore.exceptions import BaseError

        timeout = self._timeout
        try:
            result = await work(timeout)
        except (BaseError, OSError, BdsError) as error:
            fault = error if isinstance(error, BdsError) else fault_of(error, self._address, action)
            if isinstance(fault, ConnectionLost):
                self._timeout = max(self._timeout, min(LONGEST, 2 * timeout))
            if isinstance(fault, ConnectionFailed | ConnectionLost):
                self._note_outage(fault)
            raise fault from None
        self._note_answer()
        return result

    def _note_outage(self, fault: BdsError) -> None:
        if not self._is_out:
            self._is_out = True
            text = "%s It is tried again for %.0f minutes."
            logger.warning(text, fault, OUTAGE / 60, extra=event("store.outage_began", store=str(self._address)))

    def _note_answer(self) -> None:
        if self._is_out:
            self._is_out = False
            logger.info("%s answers again.", self._address, extra=event("store.outage_ended", store=str(self._address)))


def check_ends() -> float:
    """When a check that begins now must end, by time.monotonic()."""
    return time.monotonic() + CHECK


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop for all stores, in a daemon thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="object-store", daemon=True).start()
    return loop
