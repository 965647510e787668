"""Pulls from a misbehaving sandbox, and the results that each of them must have."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bds_async import Config, PullOptions, RunReport, Status, pull
from bds_async.events import Event
from bds_async.report import Outcome
from bds_async.sandbox import Fault, Sandbox
from bds_async.sandbox.seen import SeenRequest
from bds_async.sandbox.truth import TrueExtract
from bds_async.watching import failures

#: The data set with the faults; the others must be delivered no matter what happens to it.
VICTIM = "Users"
#: What no text for people may contain: signatures, tokens, whole links.
SECRETS = re.compile(r"Signature|Expires=|Bearer|token-|https?://\S+/\S+\?", re.IGNORECASE)


def config_of(sandbox: Sandbox, folder: Path) -> Config:
    """The config of a sandbox, with an unspent refresh token."""
    sandbox.write_config(folder / "config.json")
    return Config.load(folder / "config.json", {})


def published(folder: Path) -> dict[str, str]:
    """Every file outside `.bds-async` with its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".bds-async" not in path.parts
    }


def truth_of(sandbox: Sandbox) -> dict[tuple[str, str, str], TrueExtract]:
    """Every listed zip, by plugin, queued moment and version."""
    return {
        (true.plugin_id, true.queued.isoformat(), true.version): true
        for data_set in sandbox.catalogue()
        for true in data_set.extracts
    }


@dataclass(frozen=True)
class Played:
    """A finished pull: its report, its events, and its sandbox."""

    sandbox: Sandbox
    folder: Path
    report: RunReport
    events: list[Event]
    seen: list[SeenRequest]

    def outcome(self, data_set: str = VICTIM) -> Outcome:
        """The outcome of the (only) extract of a data set."""
        (found,) = [outcome for outcome in self.report.outcomes if outcome.extract.data_set == data_set]
        return found

    def requests(self, kind: str, data_set: str | None = VICTIM) -> list[SeenRequest]:
        """The sandbox's requests of one kind, for one data set or for all."""
        return [seen for seen in self.seen if seen.kind == kind and data_set in (None, seen.data_set)]

    def body_bytes(self, data_set: str = VICTIM) -> int:
        """Bytes of a data set's zips that the sandbox sent."""
        return sum(seen.body_bytes for seen in self.seen if seen.data_set == data_set)

    def check_right(self) -> None:
        """Check that every extract was delivered, byte by byte as the tenant has it."""
        self.check_honest(failing=())

    def check_honest(self, failing: tuple[str, ...] = (VICTIM,), reason: str = "") -> None:
        """Check that these data sets failed with a clear reason and left nothing, and that all others are right."""
        self._check_files()
        failed = [outcome for outcome in self.report.outcomes if outcome.status is Status.FAILED]
        assert {outcome.extract.data_set: outcome.error for outcome in failed}.keys() == set(failing)
        assert self.report.exit_code == (3 if failing else 0)
        for outcome in failed:
            assert re.search(reason, str(outcome.error)), outcome.error
            assert not SECRETS.search(str(outcome.error)), outcome.error
            assert str(outcome.error) in "\n".join(notice.text for notice in failures(self.report))

    def _check_files(self) -> None:
        truth = truth_of(self.sandbox)
        expected = {}
        for outcome in self.report.outcomes:
            assert outcome.status in (Status.DOWNLOADED, Status.SKIPPED, Status.FAILED)
            if outcome.status is not Status.FAILED:
                extract = outcome.extract
                key = (extract.plugin_id, extract.queued_for_processing_date.isoformat(), extract.version)
                expected[outcome.path] = truth[key].sha256
        assert published(self.folder) == expected


class Player:
    """Any number of pulls from one sandbox, into one folder or each into a new one."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.folder = home / "to"
        self._numbers = itertools.count(1)

    async def pull(self, *faults: Fault, **options: Any) -> Played:
        """Pull while these faults are played, counted from now on."""
        self.sandbox.play(*faults)
        self.sandbox.requests.clear()
        events: list[Event] = []
        observer = options.pop("observer", events.append)
        chosen = PullOptions(**{"workers": 4, "attempts": 3, "stall_timeout": 5.0, **options})
        report = await pull(config_of(self.sandbox, self.home), self.folder, chosen, observer=observer)
        return Played(self.sandbox, self.folder, report, events, list(self.sandbox.requests))

    async def pull_anew(self, *faults: Fault, **options: Any) -> Played:
        """The same, into a new folder."""
        self.folder = self.home / f"to-{next(self._numbers)}"
        return await self.pull(*faults, **options)
