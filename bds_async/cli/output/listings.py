"""Output on stdout: plans and listings, as tables or as lines of JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias

import click

from ...brightspace import Listing
from ...events import Planned
from ...models import BdsType, DataSet, Extract, newest
from ...planning import RunPlan, Step
from ...report import FailedList, Gap, json_line
from ...runs.exit_code import listing_code
from ...support.log import event
from ...support.text import counted, printable, size_text
from ...watching import gaps_open, list_failed, plan_text
from ..options.settings import settings
from .documents import ListedDataSet, PlannedExtract, action_of
from .table import Cell, print_rows

logger = logging.getLogger(__name__)

#: A data set and its listed extracts.
Listed: TypeAlias = tuple[DataSet, Sequence[Extract]]


def print_plan(plan: RunPlan, as_json: bool) -> None:
    """Print each extract of a plan with its size and the action, and the total."""
    if plan.warning:
        logger.warning("%s", plan.warning, extra=event("plan.warning"))
    if as_json:
        for step in plan.steps:
            click.echo(json_line(PlannedExtract.about(step)))
        return
    if plan.steps:
        _print_steps(plan.steps)
    fetch = tuple(step.extract for step in plan.steps if step.delivered is None)
    there = len(plan.steps) - len(fetch)
    if not fetch:
        click.echo(settings().in_use.complete(plan_text(Planned(fetch, there, plan.nothing))))
    else:
        click.echo(f"{len(fetch)} to fetch, {_total(fetch)}; {there} already there.")


def _print_steps(steps: Sequence[Step]) -> None:
    headings = ("data set", "type", "queued", "version", "size", "action")
    print_rows(headings, ((*_cells(step.extract), _action_cell(step)) for step in steps))


class SortBy(StrEnum):
    """The orders of a listing: by name, the largest newest full first, or the newest full first."""

    NAME = "name"
    SIZE = "size"
    AGE = "age"


def print_listing(listing: Listing, as_json: bool, sort_by: SortBy | None = None) -> None:
    """Print a tenant's listing, one line for each data set, by default in the tenant's order."""
    listed = _sorted(listing.extracts.items(), sort_by)
    if as_json:
        for data_set, extracts in listed:
            click.echo(json_line(ListedDataSet.about(data_set, tuple(extracts))))
        return
    headings = ("data set", "newest full", "version", "size", "differentials", "newest differential")
    print_rows(headings, (_data_set_cells(data_set, extracts) for data_set, extracts in listed))
    click.echo(f"{counted(len(listing.extracts), 'data set')}.")


def _sorted(listed: Iterable[Listed], sort_by: SortBy | None) -> list[Listed]:
    match sort_by:
        case SortBy.NAME:
            return sorted(listed, key=lambda each: each[0].name.casefold())
        case SortBy.SIZE:
            return sorted(listed, key=lambda each: -(_size_of(_newest_full(each[1])) or 0))
        case SortBy.AGE:
            return sorted(listed, key=lambda each: _age_of(_newest_full(each[1])))
    return list(listed)


def _newest_full(extracts: Iterable[Extract]) -> Extract | None:
    return newest(extract for extract in extracts if extract.bds_type is BdsType.FULL)


def _size_of(extract: Extract | None) -> int | None:
    return extract.download_size if extract is not None else None


def _age_of(extract: Extract | None) -> float:
    return -extract.queued_for_processing_date.timestamp() if extract is not None else 0.0


def log_failed_lists(failed: Sequence[FailedList]) -> int:
    """Log each extract list that could not be fetched, and return the exit code."""
    for each in failed:
        list_failed(each).log(logger)
    return listing_code(failed)


def log_gaps(gaps: Sequence[Gap]) -> None:
    """Log each gap that a sync would leave open."""
    for notice in gaps_open(gaps):
        notice.log(logger)


def _action_cell(step: Step) -> str:
    return f"{action_of(step)} ({step.arrival})" if step.arrival is not None else action_of(step)


def _data_set_cells(data_set: DataSet, extracts: Sequence[Extract]) -> tuple[Cell, ...]:
    full = _newest_full(extracts)
    differentials = [extract for extract in extracts if extract.bds_type is BdsType.DIFFERENTIAL]
    last = newest(differentials)
    return (
        printable(data_set.name),
        full.queued_for_processing_date if full else "none yet",
        printable(full.version) if full else "",
        _size(full),
        str(len(differentials)),
        last.queued_for_processing_date if last else None,
    )


def _cells(extract: Extract) -> tuple[Cell, ...]:
    queued = extract.queued_for_processing_date
    return (printable(extract.data_set), extract.bds_type.folder, queued, printable(extract.version), _size(extract))


def _size(extract: Extract | None) -> str:
    size = _size_of(extract)
    return size_text(size) if size is not None else ""


def _total(extracts: Iterable[Extract]) -> str:
    return size_text(sum(extract.download_size or 0 for extract in extracts))
