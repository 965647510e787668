"""The old routes: `/d2l/api/lp/{lp}/dataExport/bds`; a full and its differential are two entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..data.extracts import SandboxDataSet, SandboxExtract
from ..data.tables import stable_number
from ..faults.listings import answer_listing
from ..web.calls import Call, Route
from .downloads import download
from .gate import guarded, refusal
from .paging import Page, written

BASE = r"/d2l/api/lp/(?P<lp>[^/]+)/dataExport/bds"


@dataclass(frozen=True)
class Plugin:
    """One entry of the old catalogue."""

    data_set: SandboxDataSet
    plugin_id: str
    name: str
    full: bool


def plugins(call: Call) -> list[Plugin]:
    """Return all fulls and differentials; each is an entry of its own."""
    found = []
    for data_set in call.tenant.catalogue.data_sets:
        if data_set.full_id:
            found.append(Plugin(data_set, data_set.full_id, data_set.name, full=True))
        if data_set.differential_id:
            found.append(Plugin(data_set, data_set.differential_id, data_set.differential_name, full=False))
    return found


def plugin_entry(call: Call, plugin: Plugin) -> dict[str, Any]:
    """Return one entry: the newest extract, with the older ones in `PreviousDataSets`."""
    listed = call.tenant.catalogue.of_plugin(plugin.data_set, plugin.plugin_id)
    newest, *previous = [_entry(call, plugin, extract) for extract in listed] or [_entry(call, plugin, None)]
    return {**newest, "PreviousDataSets": previous or None}


def _entry(call: Call, plugin: Plugin, extract: SandboxExtract | None) -> dict[str, Any]:
    return {
        "PluginId": plugin.plugin_id,
        "Name": plugin.name,
        "Description": f"{plugin.name}, as of the moment that it was queued.",
        "FullDataSet": plugin.full,
        "CreatedDate": written(extract.created) if extract else None,
        "DownloadLink": _link(call, extract) if extract else None,
        "DownloadSize": _size(call, extract) if extract else None,
        "Version": extract.version if extract else None,
        "PreviousDataSets": None,
        "QueuedForProcessingDate": written(extract.queued) if extract else None,
    }


def _link(call: Call, extract: SandboxExtract) -> str:
    base = f"{call.tenant.urls['tenant']}/d2l/api/lp/{call.params['lp']}"
    return f"{base}/dataexport/bds/{extract.plugin_id}/{extract.link_id}"


def _size(call: Call, extract: SandboxExtract) -> int | float:
    """Return the size; every third data set has floats, as some tenants do."""
    size = call.tenant.size(extract)
    return float(size) if stable_number("float", extract.data_set.name) % 3 == 0 else size


async def catalogue(call: Call) -> web.StreamResponse:
    """Answer a page of the entries."""
    page = Page(call, plugins(call), call.tenant.settings.page_size)
    return answer_listing(
        call,
        {
            "BrightspaceDataSets": [plugin_entry(call, item) for item in page.items],
            "NextPageUrl": page.next_url,
            "PrevPageUrl": page.previous_url,
        },
    )


async def by_link(call: Call) -> web.StreamResponse:
    """Answer a download link."""
    extract = call.tenant.catalogue.find(call.params["plugin"], call.params["link"])
    if extract is None:
        raise refusal(404, "No such extract")
    return await download(call, extract)


ROUTES = (
    Route.of(f"{BASE}/?", "catalogue", GET=guarded("old", "datahub:dataexports:read", catalogue)),
    Route.of(
        rf"{BASE}/(?P<plugin>[^/]+)/(?P<link>[^/]+)",
        "download",
        GET=guarded("old", "datahub:dataexports:download", by_link),
    ),
)
