"""An object store as a destination: placing a file uploads it, and the object appears only when it is complete."""

from __future__ import annotations

import contextlib
import errno
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from ...errors import DestinationError
from ...options import RunOptions
from ...support.patience import Patience
from ...workspace import StoreAddress, StoreKind, Workspace, ensure_room, inside, writing_to
from ..destination import Recorded, Size
from .calls import TICK, Calls, check_ends
from .faults import Action, UnlistableError
from .opening import demand_extra
from .probe import Probe, probe_s3
from .requests import Known, Requests
from .unfinished import Unfinished
from .upload import Upload

#: Bytes that are read at a time.
BLOCK = 8 * 1024 * 1024
#: Seconds for each request that aborts an upload, and for all of them once a run is being stopped.
ABORT, HURRIED = 10.0, 1.5
#: How a temporary copy of an object begins, and the seconds after which one was left by a killed command.
_COPY, _OLD = "object-", 24 * 3600.0


class ObjectStore:
    """The objects below an address; see Destination. Their metadata hold the SHA-256 of their content."""

    lanes = 2

    def __init__(self, workspace: Workspace, address: StoreAddress, options: RunOptions, patience: Patience) -> None:
        demand_extra(address)
        self.address = address
        self._state = workspace.state
        self._patience = patience
        self._requests = Requests(address, options.attempts)
        self._calls = Calls(address, patience, options.attempts, options.stall_timeout)

    def prepare(self, *, is_used: bool = False) -> None:  # noqa: ARG002
        """Check that the store answers, accepts the credentials, and has the bucket; nothing is written."""
        self.demand()

    def demand(self) -> None:
        """Raise DestinationError where the store cannot be listed or objects cannot be looked at."""
        key, until = self.address.key(".bds-async-check"), check_ends()
        for request, action in ((self._requests.listed, Action.LIST), (self._requests.head, Action.LOOK)):
            self._calls.run(partial(request, key), action, until=until)

    def probe(self) -> Probe:
        """Write to the store and clean up again, for a person who wants to know whether a run could."""
        if self.address.kind is StoreKind.S3:
            return probe_s3(self.address, self._requests)
        key, until = self.address.key(f".bds-async-doctor-{secrets.token_hex(4)}"), check_ends()
        self._calls.run(partial(self._requests.put_empty, key), Action.WRITE, until=until)
        try:
            self._calls.run(partial(self._requests.delete, key), Action.CLEAN, until=until)
        except DestinationError as error:
            return Probe(str(error))
        return Probe(None)

    def check_place(self, path: str) -> None:
        """Nothing to check: an object is in no other object's way."""

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:
        """Upload the staged file, in parts if it is large, and remove it once the object is complete.

        A file whose upload may have succeeded without an answer is looked at before it is uploaded again.
        """
        key = self._key(path)
        with writing_to(self._state):
            wanted = Recorded(staged.stat().st_size, sha256)
        upload = Upload(self._requests, staged, key, wanted, partial(self._abort, path))
        try:
            self._calls.run(upload.attempt, Action.WRITE, taken=upload.taken)
        except BaseException:
            if upload.is_in_parts:
                self._abort(path)
            raise
        with writing_to(self._state):
            staged.unlink(missing_ok=True)

    def finish_placing(self, staged: Path, path: str) -> None:
        """Nothing: a staged file is removed after its object is complete."""

    def bring(self, staged: Path) -> bool:  # noqa: ARG002
        """Nothing: the worker that has the file uploads it, once the ledger holds the intent."""
        return False

    def brought(self, staged: Path) -> int | None:  # noqa: ARG002
        """Nothing: a worker places the object itself."""
        return None

    def name_copy(self, staged: Path, path: str) -> None:
        """Nothing: a worker has placed the object."""

    def drop_unfinished(self, paths: Sequence[str]) -> None:
        """Abort the unfinished uploads of these objects on S3; in other stores they expire."""
        for path in paths:
            self._abort(path)

    def clean(self) -> None:
        """Remove the temporary copies that killed commands left; a younger one may be in use."""
        with writing_to(self._state):
            for file in self._state.glob(f"{_COPY}*"):
                with contextlib.suppress(FileNotFoundError):
                    if file.stat().st_mtime < time.time() - _OLD:
                        file.unlink()

    def sync(self, paths: Sequence[str]) -> None:
        """Nothing: what a store has confirmed is durable."""

    def size(self, path: str) -> int | None:
        """Length in bytes of an object; None if it is not there."""
        known = self._known(path)
        return known.size if known is not None else None

    def sizes(self) -> Size:
        """A function that lists all objects when it is first asked, in place of a request for each."""
        listed = cache(self._all_sizes)

        def size(path: str) -> int | None:
            known = listed()
            return self.size(path) if known is None else known.get(path)

        return size

    def _all_sizes(self) -> dict[str, int] | None:
        """Length of every object by its path; None where a key that is no path keeps the store from being listed."""
        with contextlib.suppress(UnlistableError):
            return dict(self._listed(""))
        return None

    def modified(self, path: str) -> float | None:
        """When an object was written, in seconds since 1970; None if it is not there."""
        known = self._known(path)
        return known.modified if known is not None else None

    def recorded(self, path: str) -> Recorded | None:
        """Length and SHA-256 in the object's metadata; None without either."""
        known = self._known(path)
        return Recorded(known.size, known.sha256) if known is not None and known.sha256 is not None else None

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """A temporary copy of the object, in the state folder."""
        known = self._known(path)
        if known is None:
            raise DestinationError(f"{self.address} has no object {path}.") from FileNotFoundError(path)
        copy = self._copied(path, known)
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def _copied(self, path: str, known: Known) -> Path:
        with writing_to(self._state):
            ensure_room(self._state, known.size, path)
            with tempfile.NamedTemporaryFile(dir=self._state, prefix=_COPY, delete=False) as copy:
                try:
                    for block in self._blocks(path, known):
                        copy.write(block)
                except BaseException:
                    Path(copy.name).unlink(missing_ok=True)
                    raise
            return Path(copy.name)

    def paths(self, below: str = "") -> Iterator[str]:
        """Every object below a folder."""
        for path, _ in self._listed(below):
            yield path

    def _listed(self, below: str) -> Iterator[tuple[str, int]]:
        """Path and length of every object below a folder."""
        above = self.address.key("")
        for key, size in self._calls.run(partial(self._requests.listed, self.address.key(below)), Action.LIST):
            yield key.removeprefix(f"{above}/") if above else key, size

    def _blocks(self, path: str, known: Known) -> Iterator[bytes]:
        for start in range(0, known.size, BLOCK):
            stop = min(start + BLOCK, known.size)
            yield self._calls.run(partial(self._block, path, start, stop, known.e_tag), Action.READ)

    async def _block(self, path: str, start: int, stop: int, e_tag: str | None, timeout: float) -> bytes:
        from obstore.exceptions import PreconditionError

        try:
            return await self._requests.block(self._key(path), start, stop, e_tag, timeout)
        except (PreconditionError, FileNotFoundError):
            text = "it was replaced or removed while it was read"
            raise DestinationError(f"{self.address}: {path}: {text}.") from OSError(errno.EIO, text)

    def _known(self, path: str) -> Known | None:
        return self._calls.run(partial(self._requests.head, self._key(path)), Action.LOOK)

    def _key(self, path: str) -> str:
        inside(self._state, path)
        return self.address.key(path)

    def _abort(self, path: str) -> None:
        """Abort the unfinished uploads of an object; a run that is being stopped leaves a slow one to the next run."""
        access = self._requests.opening.s3
        if access is None:
            return
        unfinished = Unfinished(self.address, access, ABORT)
        thread = threading.Thread(target=unfinished.try_to_abort, args=(self._key(path),), name="abort", daemon=True)
        thread.start()
        while thread.is_alive() and not self._patience.is_cut:
            thread.join(TICK)
        thread.join(HURRIED)
