"""From a whole, verified file to its final name, through the ledger: exactly once, even if a run is killed.

The order is: the staged file is on the disk; the ledger holds the intent; the file is placed; the ledger says done.
`recover` finishes what a kill left between any two of these.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..columns import SchemaChange, compare
from ..errors import DestinationError, ExtractError, UnusableArchive, VerificationError
from ..formats import Checked, Format, Staged, Watch
from ..ledger import Delivery, Ledger
from ..options import Verify
from ..planning import Step
from ..support import durable
from ..support.log import event
from ..transfer import clear_away, drop_unzipped
from ..workspace import STATE, Workspace, inside, writing_to
from .destination import ROOMS, Brought, Destination, Recorded, Size

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A delivery, and how its columns differ from those of the previous extract in queued order."""

    delivery: Delivery
    change: SchemaChange | None


class Publisher:
    """Publishes files to a destination. The caller ensures the order of a data set's extracts.

    Every call blocks, so make it in a thread. It may raise DestinationError or FolderBusy.
    """

    def __init__(self, workspace: Workspace, destination: Destination, ledger: Ledger) -> None:
        self._workspace = workspace
        self._destination = destination
        self._ledger = ledger

    def publish(self, files: Sequence[tuple[Step, Staged]]) -> list[Published | ExtractError]:
        """Place verified files, staged in the state folder, in the given order, and record them as delivered.

        Files in the ledger are replaced; another one in such a place is kept under another name. The extracts' other
        partial files are removed. Files of one call share the syncs of the folders and the commits of the ledger.
        Returns the result of each file, in order: an ExtractError if something else is in its place.
        """
        deliveries = [self._delivery(step, staged) for step, staged in files]
        refusals = [self._refusal(delivery) for delivery in deliveries]
        accepted = [delivery for delivery, refusal in zip(deliveries, refusals, strict=True) if not refusal]
        published = iter(self._publish(accepted) if accepted else ())
        return [refusal or next(published) for refusal in refusals]

    def _refusal(self, delivery: Delivery) -> ExtractError | None:
        try:
            self._make_room(delivery)
        except ExtractError as error:
            return error
        return None

    def _make_room(self, delivery: Delivery) -> None:
        """Set aside a file in the place of a delivery that the ledger does not know; raises ExtractError."""
        path = delivery.path or ""
        if not self._destination.check_place(path) or self._ledger.deliveries.at_path(path) is not None:
            return
        kept = self._destination.set_aside(path, _recorded(delivery))
        if kept is not None:
            text = "A file of another origin was in the place of %s: it is now %s. Remove it if nothing needs it."
            logger.warning(text, path, kept, extra=event("file.kept", path=path, kept_as=kept))

    def _delivery(self, step: Step, staged: Staged) -> Delivery:
        place = staged.path.relative_to(self._workspace.state).as_posix()
        return _delivery(step, staged.checked, staged=place)

    def _publish(self, deliveries: Sequence[Delivery]) -> list[Published]:
        staged = [self._staged(delivery) for delivery in deliveries]
        with writing_to(self._workspace.state):
            # Flush the names too: if neither file existed, an intent would look like a file that a loader took.
            durable.fsync_many(files=staged, folders={path.parent for path in staged})
        with self._ledger.deliveries.together():
            for delivery in deliveries:
                self._ledger.deliveries.intend(delivery)
        for delivery, path in zip(deliveries, staged, strict=True):
            self._destination.place(path, delivery.path or "", delivery.sha256)
        return self._finish(deliveries)

    def publish_brought(self, step: Step, checked: Checked, brought: Brought) -> Published:
        """Publish a file that a worker has brought, as `publish` does; also raises ExtractError."""
        delivery = _delivery(step, checked, staged=brought.name)
        self._destination.check_brought(brought, checked.bytes)
        self._make_room(delivery)
        with self._ledger.deliveries.together():
            self._ledger.deliveries.intend(delivery)
        try:
            self._destination.name_brought(brought, step.path, _recorded(delivery))
        except DestinationError:
            # In a folder, a recovery would take a missing file for a placed one; in a store it checks the object.
            if self._workspace.store is None:
                self._ledger.deliveries.forget(delivery.identity)
            raise
        return self._finish([delivery])[0]

    def adopt(self, step: Step, form: Format, verify: Verify, watch: Watch, size: Size) -> Delivery | None:
        """Verify a file at the path of a step that the ledger does not have, and record it as delivered.

        `size` looks up the file. Returns None if there is no such file, if it is not whole, or if its format cannot
        prove it whole.
        """
        if not form.is_proof or size(step.path) is None:
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

    def change_of(self, delivery: Delivery) -> SchemaChange | None:
        """How the columns of a delivery differ from those of the previous extract in queued order.

        None if they are equal, or if either is not known.
        """
        before = self._ledger.columns.before(delivery.folder, delivery.identity)
        return None if before is None or delivery.columns is None else compare(before, delivery.columns)

    def recover(self) -> list[Delivery]:
        """Finish each publication that a kill interrupted; returns the resulting deliveries.

        If the staged file is there, it is placed. If it is not there, it had been placed, even if a loader has taken it
        since. If it has another length, or its final place is blocked, the intent is dropped and the extract is fetched
        again. CSVs that were unzipped but have no intent are removed.
        """
        intents = list(self._ledger.deliveries.intents())
        if intents:
            self._destination.drop_unfinished()
        settled = [self._settle(intent) for intent in intents]
        with writing_to(self._workspace.state):
            drop_unzipped(self._workspace)
        self._destination.clean()
        finished = [delivery for delivery in settled if delivery is not None]
        for delivery in finished:
            fields = event("extract.recovered", path=delivery.path)
            logger.info("%s: published; an earlier run was ended before that.", delivery.path, extra=fields)
        return finished

    def _settle(self, intent: Delivery) -> Delivery | None:
        is_brought = (intent.staged or "").startswith(ROOMS)
        if not (self._is_named(intent) if is_brought else self._is_placed(intent)):
            self._ledger.deliveries.forget(intent.identity)
            return None
        return self._finish([intent])[0].delivery

    def _is_named(self, intent: Delivery) -> bool:
        """Whether a file that a worker brought has its final name; gives it the name if it can."""
        path, name = intent.path or "", intent.staged or ""
        return self._can_place(intent) and self._destination.finish_naming(name, path, _recorded(intent))

    def _is_placed(self, intent: Delivery) -> bool:
        """Whether a file of this machine is placed; places it if it can."""
        staged = self._staged(intent)
        length = self._length(staged)
        if length is None:
            self._destination.finish_placing(staged, intent.path or "")
            return True
        if not self._can_place(intent):
            return False
        if length != intent.bytes:
            return self._destination.size(intent.path or "") == intent.bytes
        if self._destination.recorded(intent.path or "") != _recorded(intent):
            self._destination.place(staged, intent.path or "", intent.sha256)
        return True

    def _can_place(self, intent: Delivery) -> bool:
        with contextlib.suppress(ExtractError):
            self._destination.check_place(intent.path or "")
            return True
        return False

    def _staged(self, intent: Delivery) -> Path:
        """The staged file of an intent; earlier versions recorded it relative to the destination."""
        return inside(self._workspace.state, (intent.staged or "").removeprefix(f"{STATE}/"))

    def _length(self, staged: Path) -> int | None:
        with writing_to(self._workspace.state), contextlib.suppress(FileNotFoundError):
            return staged.stat().st_size
        return None

    def _finish(self, deliveries: Sequence[Delivery]) -> list[Published]:
        """Record files as delivered; first remove their partial files, so that no kill leaves a stray file."""
        self._destination.sync([delivery.path or "" for delivery in deliveries])
        with writing_to(self._workspace.state):
            clear_away(*map(self._staged, deliveries))
        with self._ledger.deliveries.together():
            return [self._finished(delivery) for delivery in deliveries]

    def _finished(self, delivery: Delivery) -> Published:
        return Published(self._ledger.deliveries.finish(delivery), self.change_of(delivery))


def _recorded(delivery: Delivery) -> Recorded:
    return Recorded(delivery.bytes or 0, delivery.sha256)


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
