"""Placing one object over several tries: if the last one got no answer, the object is checked first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from ...errors import TransientError
from ..destination import Recorded
from .faults import Action, fault_of
from .requests import PART, Requests


class Placing:
    """Places the object `key`, which must become `wanted`, by the request or requests that `send` makes."""

    def __init__(
        self, requests: Requests, key: str, wanted: Recorded, send: Callable[[float], Awaitable[object]]
    ) -> None:
        self._requests = requests
        self._key = key
        self._wanted = wanted
        self._send = send
        self._has_begun = False

    async def attempt(self, timeout: float) -> None:
        """Try once; each request may take `timeout` seconds."""
        if self._has_begun and await self._has_succeeded(timeout):
            return
        self._has_begun = True
        await self._send(timeout)
        if not await self._is_there(timeout):
            raise TransientError(f"The object {self._key} is not the one that was uploaded.")

    async def _has_succeeded(self, timeout: float) -> bool:
        return self._wanted.sha256 is not None and await self._is_there(timeout)

    async def _is_there(self, timeout: float) -> bool:
        from obstore.exceptions import BaseError

        try:
            known = await self._requests.head(self._key, timeout)
        except BaseError as error:
            # The permission that is missing is another one than that to write.
            raise fault_of(error, self._requests.address, Action.LOOK) from None
        return known is not None and Recorded(known.size, known.sha256) == self._wanted


class Upload(Placing):
    """Uploads the local file `staged`; the object must then be `wanted`.

    `abort` aborts the unfinished uploads of the same object, and blocks.
    """

    def __init__(
        self, requests: Requests, staged: Path, key: str, wanted: Recorded, abort: Callable[[], object]
    ) -> None:
        super().__init__(requests, key, wanted, self._put)
        self._staged = staged
        self._abort = abort
        self._taken = 0

    @property
    def is_in_parts(self) -> bool:
        """Whether a failed try may have left parts in the store."""
        return self._has_begun and self._wanted.bytes > PART

    def taken(self) -> int:
        """A number that grows as the store takes parts."""
        return self._taken

    def _take(self) -> None:
        self._taken += 1

    async def _put(self, timeout: float) -> None:
        await self._requests.put(self._staged, self._key, self._wanted, timeout, self._take)

    async def _has_succeeded(self, timeout: float) -> bool:
        if self.is_in_parts:
            await asyncio.to_thread(self._abort)
        return await super()._has_succeeded(timeout)
