"""From a whole, verified file to its final name, through the ledger: no kill publishes it twice, or never.

The order is: the staged file is on the disk; the ledger holds the intent; the file is placed; the ledger says done.
`recover` finishes what a kill left between any two of these.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..columns import SchemaChange, compare
from ..errors import UnusableArchive, VerificationError
from ..formats import Checked, Format, Watch
from ..ledger import Delivery, Ledger
from ..options import Verify
from ..planning import Step
from ..support import durable
from ..transfer import clear_away, drop_unzipped
from ..workspace import Workspace, inside, writing_to
from .destination import Destination


class Publisher:
    """Publishes files to a destination. The caller sees to the order of a data set's extracts.

    Every call blocks, so it is made in a thread, and may raise DestinationError or FolderBusy.
    """

    def __init__(self, workspace: Workspace, destination: Destination, ledger: Ledger) -> None:
        self._workspace = workspace
        self._destination = destination
        self._ledger = ledger

    def publish(self, step: Step, staged: Path, checked: Checked) -> Delivery:
        """Place a verified file, staged in the state folder, and record it as delivered; what is there is replaced.

        The extract's other partial files are removed. Raises ExtractError if a folder is in its place.
        """
        place = staged.relative_to(self._workspace.state).as_posix()
        delivery = _delivery(step, checked, staged=place)
        self._destination.check_place(step.path)
        with writing_to(self._workspace.state):
            durable.fsync_file(staged)
            # Its name too: an intent with neither file would be taken for a file that a loader took.
            durable.fsync_folder(staged.parent)
        self._ledger.deliveries.intend(delivery)
        self._destination.place(staged, step.path)
        return self._finish(delivery, staged)

    def adopt(self, step: Step, form: Format, verify: Verify, watch: Watch) -> Delivery | None:
        """Verify a file that lies in the place of a step without the ledger's knowledge, and record it as delivered.

        None if there is no such file, if it is not whole, or if its format has nothing to prove it whole.
        """
        if not form.is_proof or self._destination.size(step.path) is None:
            return None
        try:
            with self._destination.local(step.path) as file:
                delivery = _delivery(step, form.check(file, verify, watch))
                # The file may be read-only.
                with contextlib.suppress(OSError):
                    durable.fsync_file(file)
        except (VerificationError, UnusableArchive):
            return None
        self._ledger.deliveries.record(delivery)
        return self._ledger.deliveries.delivered(step.extract.identity)

    def schema_change(self, step: Step, checked: Checked) -> SchemaChange | None:
        """How the columns of a staged file differ from those of the extract next before it in queued order.

        None if they are equal, or where either is not known.
        """
        return self.change_of(_delivery(step, checked))

    def change_of(self, delivery: Delivery) -> SchemaChange | None:
        """The same for a delivery."""
        before = self._ledger.columns.before(delivery.folder, delivery.identity)
        return None if before is None or delivery.columns is None else compare(before, delivery.columns)

    def recover(self) -> list[Delivery]:
        """Finish each publication that a kill interrupted; the deliveries that this gives.

        The staged file is there: it is placed. It is not there: it had been placed, even if a loader took it since. It
        is there with another length: the intent is dropped, and the extract is fetched again. CSVs that were unzipped
        but not intended are removed.
        """
        settled = [self._settle(intent) for intent in self._ledger.deliveries.intents()]
        with writing_to(self._workspace.state):
            drop_unzipped(self._workspace)
        self._destination.clean()
        return [delivery for delivery in settled if delivery is not None]

    def _settle(self, intent: Delivery) -> Delivery | None:
        staged = self._staged(intent)
        length = self._length(staged)
        if length is None:
            self._destination.finish_placing(staged, intent.path or "")
        elif length == intent.bytes:
            self._destination.place(staged, intent.path or "")
        elif self._destination.size(intent.path or "") != intent.bytes:
            self._ledger.deliveries.forget(intent.identity)
            return None
        return self._finish(intent, staged)

    def _staged(self, intent: Delivery) -> Path:
        """The staged file of an intent; earlier versions named it relative to the destination."""
        return inside(self._workspace.state, (intent.staged or "").removeprefix(f"{self._workspace.state.name}/"))

    def _length(self, staged: Path) -> int | None:
        with writing_to(self._workspace.state), contextlib.suppress(FileNotFoundError):
            return staged.stat().st_size
        return None

    def _finish(self, delivery: Delivery, staged: Path) -> Delivery:
        """Remove the partial files while the intent still exists, so that no kill leaves a stray file."""
        with writing_to(self._workspace.state):
            clear_away(staged)
        return self._ledger.deliveries.finish(delivery.identity)


def _delivery(step: Step, checked: Checked, staged: str | None = None) -> Delivery:
    return Delivery.of(
        step.extract,
        step.folder,
        path=step.path,
        bytes=checked.bytes,
        sha256=checked.sha256,
        columns=checked.columns,
        staged=staged,
    )
