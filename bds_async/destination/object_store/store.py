"""An object store as a destination: placing a file uploads it, and the object appears only when it is complete."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from ...errors import DestinationError
from ...options import RunOptions
from ...support.patience import Patience
from ...workspace import StoreAddress, Workspace, inside, writing_to
from ...workspace.file_names import published_files
from ..destination import ROOMS, Brought, Recorded, Size
from .calls import Calls, check_ends
from .copies import Copies
from .faults import Action, UnlistableError
from .in_parts import InParts
from .opening import S3Access, demand_extra
from .probe import Probe, probe
from .requests import Known, Requests
from .unfinished import Unfinished, tidy
from .upload import Placing, Upload


class ObjectStore:
    """The objects below an address; see Destination. Each object's metadata hold the SHA-256 of its content."""

    lanes = 2

    def __init__(self, workspace: Workspace, address: StoreAddress, options: RunOptions, patience: Patience) -> None:
        demand_extra(address)
        self.address = address
        self._state = workspace.state
        self._patience = patience
        self._requests = Requests(address, options.attempts)
        self._calls = Calls(address, patience, options.attempts, options.stall_timeout)
        self._copies = Copies(address, workspace.state, self._requests, self._calls)

    def prepare(self, *, is_used: bool = False) -> None:  # noqa: ARG002
        """Check that the store answers, accepts the credentials, and has the bucket; nothing is written."""
        self.demand()

    def demand(self) -> None:
        """Raise DestinationError if the store's objects cannot be listed or looked at."""
        key, until = self.address.key(".bds-async-check"), check_ends()
        for request, action in ((self._requests.listed, Action.LIST), (self._requests.head, Action.LOOK)):
            self._calls.run(partial(request, key), action, until=until)

    def probe(self) -> Probe:
        """Write to the store and clean up again, to find out whether a run could do so."""
        return probe(self.address, self._requests, self._calls)

    def check_place(self, path: str) -> bool:  # noqa: ARG002
        """Return False: an object never blocks the path of another."""
        return False

    def set_aside(self, path: str, wanted: Recorded) -> None:
        """Do nothing: the versions of the bucket, if turned on, keep what is replaced."""

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:
        """Upload the staged file, in parts if it is large, and remove it once the object is complete.

        If an upload got no answer, it may have succeeded: the object is checked before the next try.
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
        """Do nothing: a staged file is removed only after its object is complete."""

    def open_room(self, room: str) -> None:  # noqa: ARG002
        """Remove the files that workers brought for earlier runs."""
        if self._requests.opening.s3 is not None:
            self.drop_unfinished()
            return
        for name in list(self.paths(ROOMS)):
            self._calls.run(partial(self._requests.delete, self._key(name)), Action.CLEAN)

    def has_room(self, room: str) -> bool:  # noqa: ARG002
        """Return True: a file that is brought late does no harm."""
        return True

    def close_room(self, room: str) -> None:
        """Do nothing: the next run removes what is left."""

    def bring(self, staged: Path, path: str, sha256: str, room: str) -> Brought:
        """Send the file to S3 without completing the upload; to other stores, as an object in the room."""
        name = f"{ROOMS}/{room}/{staged.name}"
        if (access := self._requests.opening.s3) is None:
            self.place(staged, name, sha256)
            return Brought(name)
        with writing_to(self._state):
            wanted = Recorded(staged.stat().st_size, sha256)
            brought = self._in_parts(access, path).send(staged, name, wanted)
            staged.unlink()
        return brought

    def check_brought(self, brought: Brought, length: int) -> None:
        """Do nothing: the store has confirmed the whole file."""

    def name_brought(self, brought: Brought, path: str, wanted: Recorded) -> None:
        """Complete the upload to S3; in other stores, copy the object and remove the original."""
        key, source, access = self._key(path), self._key(brought.name), self._requests.opening.s3
        copy = partial(self._requests.copy, source, key)
        send = copy if access is None else partial(self._in_parts(access, path).complete, brought)
        self._calls.run(Placing(self._requests, key, wanted, send).attempt, Action.WRITE)
        if access is None:
            with contextlib.suppress(DestinationError):
                self._calls.run(partial(self._requests.delete, source), Action.CLEAN)

    def _in_parts(self, access: S3Access, path: str) -> InParts:
        key = self._key(path)
        return InParts(self.address, access, self._calls, key, partial(self._abort_parts, key))

    def _abort_parts(self, key: str, upload: str) -> None:
        self._tidy(lambda unfinished: unfinished.abort_one(key, upload))

    def finish_naming(self, name: str, path: str, wanted: Recorded) -> bool:  # noqa: ARG002
        """Whether the object is there; the file that was brought is not used again."""
        return self.recorded(path) == wanted

    def drop_unfinished(self) -> None:
        """On S3, abort unfinished uploads to names of published files; in other stores they expire."""
        above = f"{self.address.key('')}/".lstrip("/")
        self._tidy(lambda unfinished: unfinished.abort_all(above, lambda key: _is_ours(key.removeprefix(above))))

    def clean(self) -> None:
        """Remove old temporary copies, which killed commands left; younger ones may be in use."""
        self._copies.clean()

    def sync(self, paths: Sequence[str]) -> None:
        """Do nothing: an object that a store has confirmed is durable."""

    def size(self, path: str) -> int | None:
        """Length in bytes of an object; None if it is not there."""
        known = self._known(path)
        return known.size if known is not None else None

    def sizes(self) -> Size:
        """A function that lists all objects at its first call, instead of one request for each."""
        listed = cache(self._all_sizes)

        def size(path: str) -> int | None:
            """Bytes of an object, None if it is not there."""
            known = listed()
            return self.size(path) if known is None else known.get(path)

        return size

    def _all_sizes(self) -> dict[str, int] | None:
        """Length of every object by path; None if the store cannot be listed because a key is not a path."""
        with contextlib.suppress(UnlistableError):
            return dict(self._listed(""))
        return None

    def modified(self, path: str) -> float | None:
        """When an object was written, in seconds since 1970; None if it is not there."""
        known = self._known(path)
        return known.modified if known is not None else None

    def recorded(self, path: str) -> Recorded | None:
        """Length and recorded SHA-256 of an object; None if there is no object or no recorded SHA-256."""
        known = self._known(path)
        return Recorded(known.size, known.sha256) if known is not None and known.sha256 is not None else None

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """A temporary copy of the object, in the state folder."""
        known = self._known(path)
        if known is None:
            raise DestinationError(f"{self.address} has no object {path}.") from FileNotFoundError(path)
        copy = self._copies.of(path, known)
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def paths(self, below: str = "") -> Iterator[str]:
        """Every object below a folder."""
        return (path for path, _ in self._listed(below))

    def _listed(self, below: str) -> Iterator[tuple[str, int]]:
        """Path and length of every object below a folder."""
        above = self.address.key("")
        for key, size in self._calls.run(partial(self._requests.listed, self.address.key(below)), Action.LIST):
            yield key.removeprefix(f"{above}/") if above else key, size

    def _known(self, path: str) -> Known | None:
        return self._calls.run(partial(self._requests.head, self._key(path)), Action.LOOK)

    def _key(self, path: str) -> str:
        inside(self._state, path)
        return self.address.key(path)

    def _abort(self, path: str) -> None:
        """Abort the unfinished uploads of an object."""
        self._tidy(lambda unfinished: unfinished.abort(self._key(path)))

    def _tidy(self, abort: Callable[[Unfinished], object]) -> None:
        if (access := self._requests.opening.s3) is not None:
            tidy(Unfinished(self.address, access), abort, self._patience)


def _is_ours(path: str) -> bool:
    return any(published_files([path]))
