"""What was made, seen, delivered and reported; and the verdict. It is independent of how the job plans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bds_async.sandbox import Sandbox
from bds_async.sandbox.truth import TrueExtract
from bds_async.workspace.file_names import ParsedName, parse_file_name

from .loader import Taken
from .rows import same_content

FULL = "Full"
#: An extract that is made longer after its moment is late or reissued.
PROMPT = timedelta(hours=1)
#: Nanoseconds within which the file system may give two moments the same value.
TICK = 20_000_000


class Making(NamedTuple):
    """One generation of one extract."""

    folder: str
    bds_type: str
    queued: datetime
    created: datetime
    version: str


@dataclass
class Span:
    """A gap in the reports."""

    after: datetime | None
    before: datetime | None
    closed_by: str | None = None

    def holds(self, moment: datetime) -> bool:
        return (self.after is None or moment > self.after) and (self.before is None or moment < self.before)


@dataclass
class Books:
    """Books of the whole simulation, by data set's folder; fulls besides baselines are expected only `with_fulls`."""

    with_fulls: bool = False
    made: dict[Making, TrueExtract] = field(default_factory=dict)
    listed: set[Making] = field(default_factory=set)
    named: dict[tuple[str, str, str, datetime], list[Making]] = field(default_factory=lambda: defaultdict(list))
    unsettled: set[Making] = field(default_factory=set)
    fulls: dict[str, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    delivered: Counter[Making] = field(default_factory=Counter)
    moments: set[tuple[str, str, datetime]] = field(default_factory=set)
    unknown: list[Taken] = field(default_factory=list)
    gaps: dict[str, dict[tuple[datetime | None, datetime | None], Span]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    looks: list[datetime] = field(default_factory=list)
    begun: dict[str, datetime] = field(default_factory=dict)
    first_listed: dict[str, set[Making]] = field(default_factory=dict)
    arrivals: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    wrongly_complete: list[str] = field(default_factory=list)
    wrongly_ordered: list[str] = field(default_factory=list)
    overlooked: list[str] = field(default_factory=list)
    wrongly_left: list[str] = field(default_factory=list)

    def look(self, sandbox: Sandbox) -> dict[Making, TrueExtract]:
        """Record what is listed now."""
        listed = {_making(extract): extract for data_set in sandbox.catalogue() for extract in data_set.extracts}
        for making in listed.keys() - self.made.keys():
            self.unsettled.add(making)
            self.named[_named(making)].append(making)
        self.made.update(listed)
        self.listed = set(listed)
        return listed

    def take(self, taken: list[Taken]) -> None:
        """Record what a loader got during a run: listed now or, if a killed run left it, at some earlier time."""
        for one in taken:
            making = self._found(one)
            if making is None:
                self.unknown.append(one)
            else:
                self._deliver(making)

    def _found(self, taken: Taken) -> Making | None:
        """Find the extract of a file by its name and its content.

        A reissued extract may have the same rows; then the file's name, or what is listed and not delivered, decides.
        """
        name = _name(taken)
        if name is None:
            return None
        meant = self.named[name.folder, name.bds_type.value, name.version, name.queued]
        found = [making for making in meant if same_content(taken, self.made[making])]
        return min(found, key=lambda making: self._distance(making, name), default=None)

    def _distance(self, making: Making, name: ParsedName) -> tuple[Any, ...]:
        is_other = name.created is not None and making.created.replace(microsecond=0) != name.created
        return is_other, self.delivered[making] > 0, making not in self.listed, making.created

    def _deliver(self, making: Making) -> None:
        self.delivered[making] += 1
        self.moments.add(making[:3])
        if making.bds_type == FULL:
            self.fulls[making.folder].add(making.queued)

    def check_order(self, taken: list[Taken]) -> None:
        """Check that within a run the files of a data set got their names in queued order."""
        last: dict[str, tuple[datetime, int]] = {}
        for one in sorted(taken, key=lambda one: one.nanoseconds):
            name = _name(one)
            if name is not None:
                queued, named = last.get(name.folder, (name.queued, 0))
                if name.queued < queued and named + TICK < one.nanoseconds:
                    self.wrongly_ordered.append(f"{one.path} {one.nanoseconds - named} ns after one of {queued}")
                last[name.folder] = max((queued, named), (name.queued, one.nanoseconds))

    def report(self, report: dict[str, Any], moment: datetime, listed: Iterable[Making]) -> None:
        """Record a run's report, and what was listed then."""
        self.codes[report["exit_code"]] += 1
        self.looks.append(moment)
        for entry in report["extracts"]:
            self._entry(entry)
        for gap in report["gaps"]:
            span = Span(_moment(gap["after"]), _moment(gap["before"]), gap["closed_by"])
            self.gaps[_folder(gap["data_set"])][span.after, span.before] = span
        for each in report["data_sets"]:
            folder = _folder(each["data_set"])
            if self.begun.setdefault(folder, moment) == moment:
                self.first_listed[folder] = {making for making in listed if making.folder == folder}
            self._check_complete(folder, _moment(each["complete_through"]), moment)
        self._check_all_there(report, moment, listed)
        self._check_exit_code(report, moment)

    def _entry(self, entry: dict[str, Any]) -> None:
        if entry["status"] != "downloaded":
            return
        self.arrivals[entry["arrival"] or "of a killed run"] += 1
        if entry["schema_change"] is not None:
            self.changes[entry["schema_change"]["kind"]] += 1

    def _check_all_there(self, report: dict[str, Any], moment: datetime, listed: Iterable[Making]) -> None:
        """Check that every generation that a finished run could see is delivered, or that the run reported why not."""
        told = {_folder(each["data_set"]) for each in report["failed_lists"]}
        told |= {_folder(each["data_set"]) for each in report["extracts"] if each["status"] in ("failed", "pending")}
        for making in listed:
            is_open = making.folder not in told and self.is_meant(making) and not self.is_missed(making)
            if is_open and not self.delivered[making]:
                self.overlooked.append(f"{making} at {moment}")

    def _check_exit_code(self, report: dict[str, Any], moment: datetime) -> None:
        """Check the exit code: 3 if there is a failure or an open gap to report, else 0."""
        is_lacking = any(each["status"] in ("failed", "pending") for each in report["extracts"])
        is_open = any(gap["closed_by"] is None for gap in report["gaps"])
        tables = (report["mirror"] or {"tables": []})["tables"]
        is_partial = any(table["rejected"] or table["problems"] for table in tables)
        expected = 3 if is_lacking or is_open or is_partial or report["failed_lists"] else 0
        if report["exit_code"] in (0, 3) and report["exit_code"] != expected:
            self.wrongly_left.append(f"{report['exit_code']} at {moment}")

    def _check_complete(self, folder: str, through: datetime | None, moment: datetime) -> None:
        """Check that everything queued up to `through` and made by `moment` is delivered, or known to be missed."""
        if through is None:
            return
        self._settle()
        for making in self.unsettled:
            is_past = making.folder == folder and making.created <= moment and making.queued <= through
            if is_past and self.is_meant(making) and not self.was_never_seen(making):
                self.wrongly_complete.append(f"{making} at {through}")

    def _settle(self) -> None:
        """Forget generations that are delivered, or known to be missed: they stay so."""
        self.unsettled = {each for each in self.unsettled if not (self.was_delivered(each) or self.is_missed(each))}

    def is_meant(self, making: Making) -> bool:
        """Whether the job must deliver it: made after the first run, or listed then and after its baseline."""
        begun = self.begun.get(making.folder)
        if begun is None or (making.bds_type == FULL and not self.with_fulls):
            return False
        first = min(self.fulls[making.folder], default=None)
        is_listed = making in self.first_listed[making.folder] and (first is None or making.queued > first)
        return making.created > begun or is_listed

    def is_missed(self, making: Making) -> bool:
        """Whether it lies in a gap, or at the end of one, if a full starts the data set again there."""
        gaps = self.gaps[making.folder].values()
        return any(gap.holds(making.queued) for gap in gaps) or (
            making.queued in self.fulls[making.folder] and any(gap.before == making.queued for gap in gaps)
        )

    def was_delivered(self, making: Making) -> bool:
        """Whether it, or another making of its moment, was delivered."""
        return making[:3] in self.moments

    def was_never_seen(self, making: Making) -> bool:
        """Whether no run could see it: a late extract may appear and expire between two runs, and be in no list."""
        is_late = making.created - making.queued > PROMPT
        return is_late and not any(making.created <= look < making.queued + timedelta(days=14) for look in self.looks)


@dataclass(frozen=True)
class Verdict:
    """The result of the simulation; all except the figures must be empty."""

    made: int
    delivered: int
    missed: int
    gaps: int
    open_gaps: int
    duplicates: list[Making]
    losses: list[Making]
    invented: list[tuple[str, Span]]
    unseen: list[Making]
    books: Books

    @property
    def faults(self) -> dict[str, list[Any]]:
        """Everything that must not have happened."""
        found: dict[str, list[Any]] = {
            "duplicates": self.duplicates,
            "losses": self.losses,
            "invented gaps": self.invented,
            "unknown files": self.books.unknown,
            "wrongly called complete": self.books.wrongly_complete,
            "out of order": self.books.wrongly_ordered,
            "listed, not delivered, not told": self.books.overlooked,
            "wrong exit code": self.books.wrongly_left,
        }
        return {name: what for name, what in found.items() if what}


def verdict(books: Books) -> Verdict:
    """Compare what was delivered with what was made."""
    meant = [making for making in books.made if books.is_meant(making)]
    absent = [making for making in meant if not books.was_delivered(making)]
    unseen = [making for making in absent if books.was_never_seen(making)]
    missed = [making for making in absent if books.is_missed(making)]
    spans = [(folder, span) for folder, gaps in books.gaps.items() for span in gaps.values()]
    return Verdict(
        made=len(meant),
        delivered=sum(books.delivered.values()),
        missed=len(missed),
        gaps=len(spans),
        open_gaps=sum(span.closed_by is None for _, span in spans),
        duplicates=[making for making, count in books.delivered.items() if count > 1],
        losses=[making for making in absent if making not in set(missed) | set(unseen)],
        invented=[
            (folder, span)
            for folder, span in spans
            if not any(_is_missing(making, folder, span, books) for making in books.made)
        ],
        unseen=unseen,
        books=books,
    )


def _is_missing(making: Making, folder: str, span: Span, books: Books) -> bool:
    is_inside = making.folder == folder and making.bds_type != FULL and span.holds(making.queued)
    return is_inside and not books.was_delivered(making)


def _making(extract: TrueExtract) -> Making:
    return Making(_folder(extract.data_set), extract.bds_type, extract.queued, extract.created, extract.version)


def _folder(data_set: str) -> str:
    return data_set.replace(" ", "")


def _name(taken: Taken) -> ParsedName | None:
    return parse_file_name(taken.path.rpartition("/")[2])


def _named(making: Making) -> tuple[str, str, str, datetime]:
    """The part of a generation's identity that a file's name shows."""
    return making.folder, making.bds_type, making.version, making.queued.replace(microsecond=0)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
