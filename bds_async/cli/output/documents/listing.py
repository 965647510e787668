"""`list --json` and `--dry-run --json`: what a tenant lists, and what a run would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ....models import DataSet, Extract
from ....planning import Step
from ....report import Arrival, ExtractEntry

Action: TypeAlias = Literal["fetch", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExtract(ExtractEntry):
    """An extract that the tenant lists; `download_size` is in bytes, as listed, null if unknown."""

    download_size: int | None

    @classmethod
    def about(cls, extract: Extract) -> ListedExtract:
        """Create the entry of an extract."""
        return cls.of(extract, extract.data_set, extract.schema_id, download_size=extract.download_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDataSet:
    """A line of `list --json`: a data set and its listed extracts, oldest first."""

    data_set: str
    schema_id: str | None
    full_plugin_id: str | None
    differential_plugin_id: str | None
    extracts: tuple[ListedExtract, ...]

    @classmethod
    def about(cls, data_set: DataSet, extracts: tuple[Extract, ...]) -> ListedDataSet:
        """Create the entry of a data set."""
        return cls(
            data_set=data_set.name,
            schema_id=data_set.schema_id,
            full_plugin_id=data_set.full.plugin_id if data_set.full else None,
            differential_plugin_id=data_set.differential.plugin_id if data_set.differential else None,
            extracts=tuple(map(ListedExtract.about, sorted(extracts, key=lambda extract: extract.age_key))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExtract(ExtractEntry):
    """A line of `pull --dry-run --json` or `sync --dry-run --json`: an extract and what the run would do.

    `path` is relative to the folder; `arrival` is null in a plan of `pull`.
    """

    download_size: int | None
    path: str
    action: Action
    arrival: Arrival | None

    @classmethod
    def about(cls, step: Step) -> PlannedExtract:
        """Create the entry of a step."""
        extract = step.extract
        return cls.of(
            extract,
            extract.data_set,
            extract.schema_id,
            download_size=extract.download_size,
            path=step.path,
            action=action_of(step),
            arrival=step.arrival,
        )


def action_of(step: Step) -> Action:
    """Return what a run would do with a step."""
    return "fetch" if step.delivered is None else "skip"
