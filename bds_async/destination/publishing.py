"""From a whole, verified file to its final name, through the ledger: no kill makes it arrive twice, or never.

The order is: the staged file is on the disk; the ledger holds the intent; the file gets its name; the name is on the
disk; the ledger says done. `settle` finishes what a kill left between any two of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from ..columns import SchemaChange, compare
from ..errors import ExtractError, UnusableArchive, VerificationError
from ..formats.archive import Checked, Verify, check
from ..ledger import Delivery, Ledger
from ..models import Extract
from ..support import durable
from ..support.to_its_end import to_its_end
from ..transfer.partial import clear_away, drop_unzipped
from ..workspace.folder import make_folders, writing_to
from ..workspace.paths import inside


class Reconciler:
    """Finishes what a kill left of a publication to the destination `folder`, in the thread that asks for it.

    Every call may raise DestinationError or FolderBusy.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder = folder
        self._ledger = ledger

    def settle(self) -> list[Delivery]:
        """Settle what a killed run was about to publish, before anything is planned; what became of it.

        The staged file is there: it gets its name. It is not: it had got its name, whether the file still is there or
        a loader took it. It is there with another length: the intent is dropped, and the extract is fetched again. CSVs
        that were not as far as that go: they are unzipped anew.
        """
        settled = [self._settle(intent) for intent in self._ledger.deliveries.intents()]
        with writing_to(self._folder):
            drop_unzipped(self._folder)
        return [delivery for delivery in settled if delivery is not None]

    def _settle(self, intent: Delivery) -> Delivery | None:
        staged = inside(self._folder, intent.staged or "")
        length = self._length(staged)
        if length is not None and length == intent.bytes:
            self._rename(intent, staged)
        elif length is not None and self._length(inside(self._folder, intent.path or "")) != intent.bytes:
            self._ledger.deliveries.forget(intent.identity)
            return None
        return self._finish(intent, staged)

    def _length(self, path: Path) -> int | None:
        with writing_to(self._folder), contextlib.suppress(FileNotFoundError):
            return path.stat().st_size
        return None

    def _rename(self, delivery: Delivery, staged: Path) -> None:
        final = inside(self._folder, delivery.path or "")
        with writing_to(self._folder):
            make_folders(final.parent)
            durable.replace(staged, final)

    def _finish(self, delivery: Delivery, staged: Path) -> Delivery:
        """Tidy up while the intent still tells of it, so that no kill leaves a stray file."""
        with writing_to(self._folder):
            clear_away(staged)
        return self._ledger.deliveries.finish(delivery.identity)


class Publisher(Reconciler):
    """Gives files their final names below the destination `folder`; `executor` takes the blocking work.

    Whoever calls sees to the order of a data set's extracts. Every call may raise DestinationError or FolderBusy.
    """

    def __init__(self, folder: Path, ledger: Ledger, executor: Executor) -> None:
        super().__init__(folder, ledger)
        self._executor = executor

    async def publish(self, extract: Extract, staged: Path, path: str, checked: Checked) -> Delivery:
        """Give a verified file, staged within `.bds-async`, its final name and note it as delivered.

        `path` is relative to the folder, as the ledger's `path_for` gave it; what is there is replaced. The file keeps
        the permissions that it was created with; what else is left of the extract's partial files goes. A cancellation
        waits until it is done. Raises ExtractError if a folder is in its place.
        """
        place = staged.relative_to(self._folder).as_posix()
        delivery = _delivery(extract, path, checked, staged=place)
        work = partial(self._publish, delivery, staged)
        return await to_its_end(asyncio.get_running_loop().run_in_executor(self._executor, work))

    async def schema_change(self, extract: Extract, path: str, checked: Checked) -> SchemaChange | None:
        """How the columns of what is to be published differ from those of the extract next before it in queued order.

        None if they are equal, or where either is not known.
        """
        return await self.change_of(_delivery(extract, path, checked))

    async def change_of(self, delivery: Delivery) -> SchemaChange | None:
        """The same of a delivery."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._schema_change, delivery)

    def _schema_change(self, delivery: Delivery) -> SchemaChange | None:
        before = self._ledger.columns.before(delivery.folder, delivery.identity)
        return None if before is None or delivery.columns is None else compare(before, delivery.columns)

    def _publish(self, delivery: Delivery, staged: Path) -> Delivery:
        if inside(self._folder, delivery.path or "").is_dir():
            raise ExtractError(f"A folder is in the place of {delivery.path}; move it away, then run again.")
        with writing_to(self._folder):
            durable.fsync_file(staged)
            # Its name too: an intent with neither file would be taken for a file that a loader took.
            durable.fsync_folder(staged.parent)
        self._ledger.deliveries.intend(delivery)
        self._rename(delivery, staged)
        return self._finish(delivery, staged)

    async def reconcile(self) -> list[Delivery]:
        """`settle`, in the executor; a cancellation waits until it is done."""
        return await to_its_end(asyncio.get_running_loop().run_in_executor(self._executor, self.settle))

    async def adopt(self, extract: Extract, path: str, verify: Verify) -> Delivery | None:
        """Verify a file that lies at `path` without the ledger's knowledge, and note it as delivered.

        None if there is no such file, if it is not whole, or if it is a CSV, which has nothing to verify it by.
        """
        work = partial(self._adopt, extract, path, verify)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _adopt(self, extract: Extract, path: str, verify: Verify) -> Delivery | None:
        file = inside(self._folder, path)
        if file.suffix != ".zip" or not file.is_file():
            return None
        try:
            delivery = _delivery(extract, path, check(file, verify))
        except (VerificationError, UnusableArchive):
            return None
        # Whoever put it there may have made it read-only.
        with contextlib.suppress(OSError):
            durable.fsync_file(file)
        self._ledger.deliveries.record(delivery)
        return self._ledger.deliveries.delivered(extract.identity)


def _delivery(extract: Extract, path: str, checked: Checked, staged: str | None = None) -> Delivery:
    return Delivery.of(
        extract,
        path.partition("/")[0],
        path=path,
        bytes=checked.bytes,
        sha256=checked.sha256,
        columns=checked.columns,
        staged=staged,
    )
