"""Temporary copies of objects, in the state folder, for reading."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from ...errors import DestinationError
from ...workspace import StoreAddress, ensure_room, writing_to
from .calls import Calls
from .faults import Action
from .requests import Known, Requests

#: Bytes that are read at a time.
BLOCK = 8 * 1024 * 1024
#: Prefix of a copy, and the age in seconds at which it counts as left by a killed command.
_PREFIX, _OLD = "object-", 24 * 3600.0


class Copies:
    """The copies of objects below `address`, in the state folder `state`."""

    def __init__(self, address: StoreAddress, state: Path, requests: Requests, calls: Calls) -> None:
        self._address = address
        self._state = state
        self._requests = requests
        self._calls = calls

    def of(self, path: str, known: Known) -> Path:
        """Copy an object; the caller removes the copy. Raises DestinationError."""
        with writing_to(self._state):
            ensure_room(self._state, known.size, path)
            with tempfile.NamedTemporaryFile(dir=self._state, prefix=_PREFIX, delete=False) as copy:
                try:
                    for block in self._blocks(path, known):
                        copy.write(block)
                except BaseException:
                    Path(copy.name).unlink(missing_ok=True)
                    raise
            return Path(copy.name)

    def clean(self) -> None:
        """Remove old copies, which killed commands left; younger ones may be in use. Raises DestinationError."""
        with writing_to(self._state):
            for file in self._state.glob(f"{_PREFIX}*"):
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < time.time() - _OLD:
                        file.unlink()

    def _blocks(self, path: str, known: Known) -> Iterator[bytes]:
        for start in range(0, known.size, BLOCK):
            stop = min(start + BLOCK, known.size)
            yield self._calls.run(partial(self._block, path, start, stop, known.e_tag), Action.READ)

    async def _block(self, path: str, start: int, stop: int, e_tag: str | None, timeout: float) -> bytes:
        from obstore.exceptions import PreconditionError

        try:
            return await self._requests.block(self._address.key(path), start, stop, e_tag, timeout)
        except (PreconditionError, FileNotFoundError):
            text = "it was replaced or removed while it was read"
            raise DestinationError(f"{self._address}: {path}: {text}.") from OSError(errno.EIO, text)
