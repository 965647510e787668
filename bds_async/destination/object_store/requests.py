"""The requests to a store, as coroutines that make one try each."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ...support.threads import left_behind
from ...workspace import StoreAddress
from ..destination import Recorded
from .faults import is_absence
from .listing import listed_by_botocore
from .opening import Limits, Opening

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Bytes of a part of an upload, the number of parts of one file under way at a time, and the most parts of a file.
PART, PARTS_AT_ONCE, PARTS = 5 * 1024 * 1024, 1, 9_000
#: Bytes of a part that are read at a time: obstore asks for its first block once the store has the part before.
BLOCK = 1024 * 1024
#: The key of an object's metadata that holds the SHA-256 of its content.
SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Known:
    """A store's facts of an object: bytes, seconds since 1970, entity tag, and the SHA-256 in its metadata."""

    size: int
    modified: float
    e_tag: str | None
    sha256: str | None


class Requests:
    """Makes requests to the store at an address; each may take `timeout` seconds. Raises obstore's errors.

    The first request opens the store, and may raise DestinationError.
    """

    def __init__(self, address: StoreAddress, attempts: int) -> None:
        self.address = address
        self._attempts = attempts
        self._lock = threading.Lock()
        self._opening: Opening | None = None
        self._stores: dict[Limits, ObjectStore] = {}

    @property
    def opening(self) -> Opening:
        """The credentials and the endpoint; the first use blocks until a program or service has provided them."""
        with self._lock:
            self._opening = self._opening or Opening(self.address)
            return self._opening

    async def head(self, key: str, timeout: float) -> Known | None:
        """The store's facts of an object; None if it is not there."""
        import obstore

        try:
            found = await obstore.get_async(await self._store(timeout), key, options={"head": True})
        except FileNotFoundError as error:
            if is_absence(error):
                return None
            raise
        meta, sha256 = found.meta, found.attributes.get(SHA256)
        return Known(meta["size"], meta["last_modified"].timestamp(), meta["e_tag"], sha256)

    async def block(self, key: str, start: int, stop: int, e_tag: str | None, timeout: float) -> bytes:
        """Read the bytes of an object from `start` up to `stop` (exclusive), if its entity tag is still `e_tag`."""
        import obstore

        options: _Options = {"range": (start, stop)} if e_tag is None else {"range": (start, stop), "if_match": e_tag}
        found = await obstore.get_async(await self._store(timeout), key, options=options)  # type: ignore[arg-type]
        return bytes(await found.bytes_async())

    async def listed(self, key: str, timeout: float) -> Sequence[tuple[str, int]]:
        """List key and length of every object below a key. On S3, keys that are not paths are left out.

        In other stores such a key raises InvalidPathError.
        """
        import obstore
        from obstore.exceptions import InvalidPathError

        found = obstore.list(await self._store(timeout), key or None, chunk_size=1000)
        try:
            return [(each["path"], each["size"]) async for page in found for each in page]
        except InvalidPathError:
            if (access := self.opening.s3) is None:
                raise
        return await left_behind(partial(listed_by_botocore, access, self.address, key, timeout))

    async def put(
        self, file: Path, key: str, wanted: Recorded, timeout: float, taken: Callable[[], object] = lambda: None
    ) -> None:
        """Upload a file, in one request if it is small, else in parts; obstore resends lost parts.

        `taken` is called, from any thread, as the store takes parts.
        """
        import obstore

        is_small = wanted.bytes <= PART
        size = max(PART, math.ceil(wanted.bytes / PARTS))
        await obstore.put_async(
            await self._store(timeout, 0 if is_small else self._attempts - 1),
            key,
            file if is_small else _blocks(file, size, taken),
            attributes={} if wanted.sha256 is None else {SHA256: wanted.sha256},
            use_multipart=not is_small,
            chunk_size=size,
            max_concurrency=PARTS_AT_ONCE,
        )

    async def put_empty(self, key: str, timeout: float) -> None:
        """Write an empty object."""
        import obstore

        await obstore.put_async(await self._store(timeout), key, b"")

    async def copy(self, source: str, key: str, timeout: float) -> None:
        """Copy an object with its metadata, within the store."""
        import obstore

        await obstore.copy_async(await self._store(timeout), source, key)

    async def delete(self, key: str, timeout: float) -> None:
        """Remove an object."""
        import obstore

        await obstore.delete_async(await self._store(timeout), key)

    async def _store(self, timeout: float, retries: int = 0) -> ObjectStore:
        limits = Limits(timeout, retries)
        if limits not in self._stores:
            self._stores[limits] = await left_behind(lambda: self.opening.open(limits))
        return self._stores[limits]


def _blocks(file: Path, part: int, taken: Callable[[], object]) -> Iterator[bytes]:
    """Read a file in blocks. No part is held in memory while the one before is under way."""
    with file.open("rb", buffering=0) as content:
        for number, block in enumerate(iter(partial(content.read, BLOCK), b"")):
            # The first block after a part is read before the store has the part; the second one is not.
            if number * BLOCK > part:
                taken()
            yield block


class _Options(TypedDict, total=False):
    range: tuple[int, int]
    if_match: str
