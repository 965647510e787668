"""Check of the published files against the ledger and their own CRCs: missing, changed, corrupt or unknown files.

Nothing is changed and no lock is taken. A file that a run publishes or replaces meanwhile is not a discrepancy.
"""

from __future__ import annotations

import asyncio
import os
import stat
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from ..destination import Destination, Recorded, demand_destination, destination_of
from ..errors import ConfigError, DestinationError, UnusableArchive, VerificationError
from ..events import Examined, Observer, Read, Reviewed, Surveyed, unobserved
from ..formats import Checked, format_of
from ..ledger import Delivery, Ledger, opened
from ..options import PublishAs, Verify
from ..support.patience import Patience
from ..support.running import beside
from ..support.threads import ZipThreads
from ..support.to_its_end import in_thread
from ..workspace import Workspace, writing_to
from .discrepancies import Discrepancy, Fault, Verification

#: Threads that read; more would only make the disk seek.
THREADS = min(8, (os.cpu_count() or 1) + 1)


async def verify_workspace(
    workspace: Workspace,
    how: Verify,
    observer: Observer = unobserved,
    patience: Patience | None = None,
    *,
    full: bool = False,
) -> Verification:
    """Check every published file of a workspace's destination; raises DestinationError, ConfigError.

    `patience` is how long to wait for other programs that hold the ledger. With `full`, the content is read even if the
    destination has a record of it.
    """
    demand_ledger(workspace)
    destination = destination_of(workspace, patience=patience)
    await in_thread(destination.demand)
    reading = partial(Ledger.read, workspace.ledger, None, place=workspace.to)
    with await opened(reading, patience) as ledger:
        return await beside(examine(destination, ledger, how, observer, full=full))


def demand_ledger(workspace: Workspace) -> None:
    """Raise DestinationError if the destination is not there, ConfigError if it has no ledger."""
    demand_destination(workspace)
    # If something else is in the ledger's place, the code that opens it reports that.
    if not workspace.has_ledger:
        where = workspace.state if workspace.is_apart else "it"
        raise ConfigError(
            f"{workspace.to} is no folder of bds-async, since there is no ledger in {where}: name the right one "
            "with `to`, or rebuild its ledger with `bds-async ledger rebuild`."
        )


async def examine(
    destination: Destination, ledger: Ledger, how: Verify, observer: Observer, *, full: bool = False
) -> Verification:
    """Do what `verify_workspace` does, with an open ledger; raises an exception group."""
    files, size = await in_thread(ledger.deliveries.totals)
    observer(Surveyed(files, size))
    try:
        with ZipThreads(THREADS) as threads:
            examination = _Examination(destination, ledger, how, full=full, threads=threads, observer=observer)
            return await examination.run(files)
    finally:
        observer(Reviewed())


class _Examination:
    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        how: Verify,
        *,
        full: bool,
        threads: ZipThreads,
        observer: Observer,
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._how = how
        self._full = full
        self._threads = threads
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._found: list[Discrepancy] = []

    async def run(self, files: int) -> Verification:
        """Examine every delivered file; `files` is how many there are."""
        deliveries = self._ledger.deliveries.all()
        page = asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            for _ in range(THREADS):
                group.create_task(self._serve(deliveries, page))
        self._found += await self._threads.run(lambda: list(self._unknown()))
        await self._threads.run(self._destination.demand)
        return Verification(files, tuple(sorted(self._found, key=lambda each: each.path)))

    async def _serve(self, deliveries: Iterator[Delivery], page: asyncio.Lock) -> None:
        """Check one delivery after another; the tasks share the iterator, which reads the ledger page by page."""
        while True:
            async with page:
                delivery = await self._threads.run(partial(next, deliveries, None))
            if delivery is None:
                return
            if delivery.path is not None:
                discrepancy = await self._threads.run(partial(self._look, delivery))
                self._found += [discrepancy] if discrepancy is not None else []
                self._observer(Examined(delivery.path))

    def _look(self, delivery: Delivery) -> Discrepancy | None:
        """Find what is wrong with a file; None if nothing is, or if a run has replaced it and the new file is right."""
        found = self._compared(delivery)
        if found is None:
            return None
        now = self._ledger.deliveries.delivered(delivery.identity)
        if now == delivery:
            return found
        return self._compared(now) if now is not None else None

    def _compared(self, delivery: Delivery) -> Discrepancy | None:
        path = delivery.path or ""
        try:
            detail = _difference(delivery, self._facts(path))
            return Discrepancy(path, Fault.CHANGED, detail, delivery) if detail else None
        except (VerificationError, UnusableArchive) as error:
            return Discrepancy(path, Fault.CORRUPT, str(error), delivery)
        except DestinationError as error:
            return _unreadable(path, delivery, error)

    def _facts(self, path: str) -> Recorded | Checked:
        """The facts that the destination has recorded of a file, else those from reading it."""
        recorded = None if self._full else self._destination.recorded(path)
        if recorded is not None:
            return recorded
        with self._destination.local(path) as file:
            return self._read(file, PublishAs.of(path))

    def _read(self, file: Path, kind: PublishAs) -> Checked:
        _demand_plain(file)
        return format_of(kind).check(file, self._how, self._watch)

    def _watch(self, count: int) -> None:
        self._threads.watch(count)
        self._loop.call_soon_threadsafe(self._observer, Read(count))

    def _unknown(self) -> Iterator[Discrepancy]:
        for path in self._destination.paths():
            self._threads.watch(0)
            if self._ledger.deliveries.at_path(_stored(path)) is None:
                yield Discrepancy(path, Fault.UNKNOWN, self._why_unknown(PurePosixPath(path)))

    def _why_unknown(self, path: PurePosixPath) -> str:
        """Describe an unknown file; a pull with `--force` in another format leaves the former file behind."""
        for form in PublishAs:
            other = path.with_suffix(form.suffix)
            if other != path and self._ledger.deliveries.at_path(_stored(str(other))) is not None:
                return f"the ledger has this extract as {other.name}; remove this file if nothing reads it"
        return "the ledger does not know it"


def _demand_plain(file: Path) -> None:
    """Raise UnusableArchive for anything but a regular file; opening a pipe would block until it has a writer."""
    with writing_to(file.parent):
        if not stat.S_ISREG(file.stat().st_mode):
            raise UnusableArchive("it cannot be read (it is no plain file)")


def _stored(path: str) -> str:
    """A path as the ledger holds it; macOS returns names in its own normal form, Linux names that may not be UTF-8."""
    return unicodedata.normalize("NFC", path).encode(errors="replace").decode()


def _difference(delivery: Delivery, found: Recorded | Checked) -> str:
    """Describe how a readable file differs from the delivered one; empty if it does not."""
    if delivery.bytes not in (None, found.bytes):
        return f"it has {found.bytes} bytes, {delivery.bytes} were delivered"
    return "its SHA-256 is not that of the file delivered" if delivery.sha256 not in (None, found.sha256) else ""


def _unreadable(path: str, delivery: Delivery, error: DestinationError) -> Discrepancy:
    cause = error.__cause__
    if isinstance(cause, (FileNotFoundError, NotADirectoryError)):
        return Discrepancy(path, Fault.MISSING, "it is not there", delivery)
    if not isinstance(cause, OSError):
        raise error
    advice = ": let this user read it" if isinstance(cause, PermissionError) else ""
    return Discrepancy(path, Fault.CORRUPT, f"it is unreadable ({cause.strerror}){advice}", delivery)
