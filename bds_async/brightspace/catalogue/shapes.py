"""D2L's JSON of both families of routes as data sets and extracts; no other module knows its field names.

Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from ...models import BdsType, DataSet, Extract, Plugin, brief_text
from .fields import Flavour, Id, Moment, Text
from .parsing import INCOMPLETE, readable


class _Shape(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        alias_generator=to_pascal,
        # Validators are built while the first answer is awaited, so they do not delay a run's first request.
        defer_build=True,
    )


class PluginShape(_Shape):
    """`Full` or `Differential` of a data set on the new routes."""

    plugin_id: Id
    name: Text
    description: Text | None = None
    extracts_link: Text | None = None

    def plugin(self) -> Plugin:
        """The plugin as a model."""
        return Plugin(self.plugin_id, self.name, self.description or "")


class DataSetShape(_Shape):
    """One of `Objects` of `GET /d2l/api/lp/{lp}/datasets/bds`."""

    schema_id: Id
    full: PluginShape | None = None
    differential: PluginShape | None = None
    extracts_link: Text | None = None

    def data_set(self) -> DataSet:
        """The data set as a model, without its extracts."""
        return DataSet(
            schema_id=self.schema_id,
            full=self.full.plugin() if self.full else None,
            differential=self.differential.plugin() if self.differential else None,
            extracts_links=self._extracts_links(),
        )

    def _extracts_links(self) -> tuple[str, ...]:
        """The data set's own link, or those of its plugins if it has none."""
        of_plugins = [plugin.extracts_link for plugin in (self.full, self.differential) if plugin is not None]
        return tuple(link for link in ([self.extracts_link] if self.extracts_link else of_plugins) if link)


class DataSetsPage(_Shape):
    """A page of `GET /d2l/api/lp/{lp}/datasets/bds`."""

    objects: list[Any]
    next: Text | None = None


class _ExtractShape(_Shape):
    """The fields of an extract in both families of routes; they are null until it is generated."""

    plugin_id: Id
    created_date: Moment | None
    download_link: Text | None
    download_size: float | None = None
    queued_for_processing_date: Moment | None
    version: Text | None

    @property
    def fault(self) -> str:
        """What a generated extract lacks of its link and the dates of its identity; empty if nothing."""
        needed = {
            "CreatedDate": self.created_date,
            "DownloadLink": self.download_link,
            "QueuedForProcessingDate": self.queued_for_processing_date,
        }
        missing = [name for name, value in needed.items() if not value]
        if not missing or not (self.created_date or self.download_link):
            return ""
        moment = self.queued_for_processing_date or self.created_date
        which = f"the extract of {brief_text(moment)}" if moment else "an extract with a link"
        return f"{which} has no {' and no '.join(missing)}"


class ExtractShape(_ExtractShape):
    """One of `Objects` of `GET …/datasets/bds/{schemaId}/extracts`."""

    bds_type: Flavour

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.fault:
            raise PydanticCustomError(INCOMPLETE, "{fault}", {"fault": self.fault})
        return self

    def extract(self, data_set: DataSet) -> Extract | None:
        """The extract as a model; None if it is not generated yet."""
        if not self.download_link or self.queued_for_processing_date is None or self.created_date is None:
            return None
        return Extract(
            data_set=data_set.name,
            schema_id=data_set.schema_id,
            plugin_id=self.plugin_id,
            bds_type=self.bds_type,
            queued_for_processing_date=self.queued_for_processing_date,
            created_date=self.created_date,
            version=self.version or "",
            download_link=self.download_link,
            download_size=_size(self.download_size),
        )


class ExtractsPage(_Shape):
    """A page of `GET …/datasets/bds/{schemaId}/extracts`."""

    objects: list[Any]
    next: Text | None = None


class OldDataSetShape(_ExtractShape):
    """One of `BrightspaceDataSets` of `GET …/dataExport/bds`."""

    name: Text
    description: Text | None = None
    full_data_set: bool
    created_date: Moment | None = None
    download_link: Text | None = None
    version: Text | None = None
    previous_data_sets: list[Any] | None = None
    queued_for_processing_date: Moment | None = None

    def plugin(self) -> Plugin:
        """The plugin as a model."""
        return Plugin(self.plugin_id, self.name, self.description or "")

    def extracts(self, data_set: str) -> tuple[list[Extract], list[str]]:
        """Every generated extract of this plugin, `PreviousDataSets` included, and the faults of unreadable entries."""
        previous, unreadable = readable(OldDataSetShape, self.previous_data_sets or [])
        entries = [self, *previous]
        found = [old.extract(data_set, self.plugin_id, self.full_data_set) for old in entries if not old.fault]
        faults = [*unreadable.values(), *(old.fault for old in entries if old.fault)]
        return [extract for extract in found if extract is not None], faults

    def extract(self, data_set: str, plugin_id: str, full: bool) -> Extract | None:
        """The extract of this entry; None if none has been generated."""
        if not self.download_link or self.queued_for_processing_date is None or self.created_date is None:
            return None
        return Extract(
            data_set=data_set,
            schema_id=None,
            plugin_id=plugin_id,
            bds_type=BdsType.FULL if full else BdsType.DIFFERENTIAL,
            queued_for_processing_date=self.queued_for_processing_date,
            created_date=self.created_date,
            version=self.version or "",
            download_link=self.download_link,
            download_size=_size(self.download_size),
        )


class OldDataSetsPage(_Shape):
    """A page of `GET /d2l/api/lp/{lp}/dataExport/bds`."""

    brightspace_data_sets: list[Any]
    next_page_url: Text | None = None

    @property
    def objects(self) -> list[Any]:
        """The entries, under the name that the new routes use."""
        return self.brightspace_data_sets

    @property
    def next(self) -> str | None:
        """The next page's URL, under the name that the new routes use."""
        return self.next_page_url


class ProductVersions(_Shape):
    """One product of `GET /d2l/api/versions/`."""

    product_code: Text
    supported_versions: list[Text | None]


def _size(listed: float | None) -> int | None:
    return int(listed) if listed is not None and 0 <= listed < 2**62 else None
