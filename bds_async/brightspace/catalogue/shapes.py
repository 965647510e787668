"""D2L's JSON of both families of routes as data sets and extracts; no other module knows its field names.

Unknown fields are ignored. Entries are validated one by one: a malformed one is named by field and value and harms no
other. A document that is no page is a CatalogueError that names the route and the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
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


def _leap_second(value: object, parse: ValidatorFunctionWrapHandler) -> datetime:
    """A moment; the leap second `23:59:60` (RFC 3339 section 5.7) is the second after `23:59:59`."""
    found = re.fullmatch(r"(.+:\d\d):60(\D.*)?", value) if isinstance(value, str) else None
    if found is None:
        return cast(datetime, parse(value))
    try:
        return cast(datetime, parse(f"{found[1]}:59{found[2] or ''}")) + timedelta(seconds=1)
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
Moment = Annotated[datetime, WrapValidator(_leap_second), AfterValidator(_utc)]
Flavour = Annotated[BdsType | None, BeforeValidator(_flavour)]
Shape = TypeVar("Shape", bound="_Shape")
#: Characters of a malformed value that are shown.
_SHOWN = 80


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

    objects: list[Any]
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

    objects: list[Any]
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
    previous_data_sets: list[Any] | None = None
    queued_for_processing_date: Moment | None = None

    def plugin(self) -> Plugin:
        """The plugin as a model."""
        return Plugin(self.plugin_id, self.name, self.description or "")

    def extracts(self, data_set: str) -> tuple[list[Extract], list[str]]:
        """Every generated extract of this plugin, `PreviousDataSets` included, and the faults of unreadable entries."""
        previous, unreadable = readable(OldDataSetShape, self.previous_data_sets or [])
        found = [old.extract(data_set, self.plugin_id, self.full_data_set) for old in (self, *previous)]
        return [extract for extract in found if extract is not None], list(unreadable.values())

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
    supported_versions: list[Text]


def parse(shape: type[Shape], document: Any, route: str) -> Shape:
    """Validate the JSON that `route` answered; raises CatalogueError naming the route and each bad field."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        raise undocumented(route, _faults(error)) from None


def readable(shape: type[Shape], entries: Sequence[Any]) -> tuple[list[Shape], dict[int, str]]:
    """The entries that can be read, and the fault of each other one by its place, counted from 0."""
    found, unreadable = [], {}
    for place, entry in enumerate(entries):
        try:
            found.append(shape.model_validate(entry))
        except ValidationError as error:
            unreadable[place] = _faults(error)
    return found, unreadable


def undocumented(route: str, faults: str) -> CatalogueError:
    """The error for an answer of which nothing can be read."""
    return CatalogueError(f"{route} answered something that is not what D2L documents: {faults}.")


def _faults(error: ValidationError) -> str:
    return "; ".join(map(_fault, error.errors(include_url=False)[:3]))


def _fault(error: Any) -> str:
    """Field, message and value; a link is not shown, since it may be signed."""
    place = _place(error["loc"])
    if error["type"] == "missing" or place.endswith(("Link", "Url")):
        return f"{place}: {error['msg'].lower()}"
    try:
        value = json.dumps(error["input"], default=str)
    except (ValueError, RecursionError):
        value = type(error["input"]).__name__
    return f"{place}: {error['msg'].lower()} (it is {value[:_SHOWN]})"


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "the document"


def _size(listed: float | None) -> int | None:
    return int(listed) if listed is not None and 0 <= listed < 2**62 else None
