"""D2L's JSON of both families of routes as data sets and extracts; no other module knows its field names.

Unknown fields are ignored. A missing or malformed one is a CatalogueError that names the route and the field.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from ...errors import CatalogueError
from ...models import BdsType, DataSet, Extract, Plugin

#: Control characters and halves of surrogate pairs, which JSON can spell.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def _readable(text: str) -> str:
    """Text that every terminal, file and database accepts."""
    return _UNREADABLE.sub(" ", text).strip()


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment is out of the calendar's range") from None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _flavour(value: object) -> BdsType | None:
    """A type, ignoring case; None for one that is neither full nor differential."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return next((known for known in BdsType if known.value == value.strip().title()), None)


Text = Annotated[str, AfterValidator(_readable)]
Id = Annotated[Text, AfterValidator(_not_empty)]
Moment = Annotated[datetime, AfterValidator(_utc)]
Flavour = Annotated[BdsType | None, BeforeValidator(_flavour)]
Page = TypeVar("Page", bound="_Shape")


class _Shape(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        alias_generator=to_pascal,
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

    objects: list[DataSetShape]
    next: Text | None = None


class ExtractShape(_Shape):
    """One of `Objects` of `GET …/datasets/bds/{schemaId}/extracts`; the nulls of the old routes may appear as well."""

    plugin_id: Id
    bds_type: Flavour
    created_date: Moment | None
    download_link: Text | None
    download_size: float | None = None
    queued_for_processing_date: Moment | None
    version: Text | None

    def extract(self, data_set: DataSet) -> Extract | None:
        """The extract as a model; None if it is not generated yet, or neither full nor differential."""
        if self.bds_type is None or not self.download_link:
            return None
        if self.queued_for_processing_date is None or self.created_date is None:
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

    objects: list[ExtractShape]
    next: Text | None = None


class OldDataSetShape(_Shape):
    """One of `BrightspaceDataSets` of `GET …/dataExport/bds`; most fields are null until an extract is generated."""

    plugin_id: Id
    name: Text
    description: Text | None = None
    full_data_set: bool
    created_date: Moment | None = None
    download_link: Text | None = None
    download_size: float | None = None
    version: Text | None = None
    previous_data_sets: list[OldDataSetShape] | None = None
    queued_for_processing_date: Moment | None = None

    def plugin(self) -> Plugin:
        """The plugin as a model."""
        return Plugin(self.plugin_id, self.name, self.description or "")

    def extracts(self, data_set: str) -> list[Extract]:
        """Every generated extract of this plugin, `PreviousDataSets` included."""
        found = [old.extract(data_set, self.plugin_id, self.full_data_set) for old in [self, *self._previous()]]
        return [extract for extract in found if extract is not None]

    def _previous(self) -> list[OldDataSetShape]:
        return self.previous_data_sets or []

    def extract(self, data_set: str, plugin_id: str, full: bool) -> Extract | None:
        """The extract of this entry; None if none has been generated."""
        if self.download_link is None or self.queued_for_processing_date is None or self.created_date is None:
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

    brightspace_data_sets: list[OldDataSetShape]
    next_page_url: Text | None = None

    @property
    def next(self) -> str | None:
        """The next page's URL, under the name that the new routes use."""
        return self.next_page_url


class ProductVersions(_Shape):
    """One product of `GET /d2l/api/versions/`."""

    product_code: Text
    supported_versions: list[Text]


def parse(shape: type[Page], document: Any, route: str) -> Page:
    """Validate the JSON that `route` answered; raises CatalogueError naming the route and each bad field."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(f"{_place(fault['loc'])}: {fault['msg'].lower()}" for fault in error.errors()[:3])
        raise CatalogueError(f"{route} answered something that is not what D2L documents: {faults}.") from None


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "the document"


def _size(listed: float | None) -> int | None:
    return int(listed) if listed is not None and 0 <= listed < 2**62 else None
