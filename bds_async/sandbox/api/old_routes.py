"""The old routes: `/d2l/api/lp/{lp}/dataExport/bds`; a full and its differential are two entries.

The oldest routes are `/list` and `/download/{pluginId}` below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..data.extracts import SandboxDataSet, SandboxExtract
from ..data.tables import stable_number
from ..faults.listings import altered, answer_listing
from ..web.calls import Call, Route
from ..web.sending import send_archive
from .downloads import download
from .gate import guarded, refusal
from .paging import Page, written

BASE = r"/d2l/api/lp/(?P<lp>[^/]+)/dataExport/bds"

#: Fields of the oldest list.
SHORT_FIELDS = ("PluginId", "Name", "Description", "FullDataSet", "CreatedDate", "DownloadLink", "DownloadSize")


@dataclass(frozen=True)
class Plugin:
    """One entry of the old catalogue."""

    data_set: SandboxDataSet
    plugin_id: str
    name: str
    full: bool


def plugins(call: Call) -> list[Plugin]:
    """Return all fulls and differentials, each as a separate entry."""
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
    """Return the size; it is a float for about every third data set, as at some tenants."""
    size = call.tenant.size(extract)
    return float(size) if stable_number("float", extract.data_set.name) % 3 == 0 else size


async def catalogue(call: Call) -> web.StreamResponse:
    """Answer with a page of the entries."""
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
    """Answer a request for a download link."""
    extract = call.tenant.catalogue.find(call.params["plugin"], call.params["link"])
    if extract is None:
        raise refusal(404, "No such extract")
    return await download(call, extract)


async def short_list(call: Call) -> web.StreamResponse:
    """Answer with the oldest list: all entries without paging; each link leads to the newest extract."""
    base = f"{call.tenant.urls['tenant']}/d2l/api/lp/{call.params['lp']}/dataExport/bds/download"
    entries = []
    for plugin in plugins(call):
        entry = plugin_entry(call, plugin)
        link = f"{base}/{plugin.plugin_id}" if entry["DownloadLink"] else None
        entries.append({**{name: entry[name] for name in SHORT_FIELDS}, "DownloadLink": link})
    return web.json_response(altered(call, {"BrightspaceDataSets": entries})["BrightspaceDataSets"])


async def newest(call: Call) -> web.StreamResponse:
    """Answer with the bytes of a plugin's newest extract, as an attachment."""
    plugin_id = call.params["plugin"].lower()
    listed = call.tenant.catalogue.of_plugin(call.data_set, plugin_id) if call.data_set else []
    if not listed:
        raise refusal(404, "No such data set, or nothing generated yet")
    stem = listed[0].data_set.table.csv_name.removesuffix(".csv")
    call.headers["Content-Disposition"] = f'attachment; filename="{stem}.zip"'
    return await send_archive(call, listed[0])


ROUTES = (
    # The oldest routes come first: the last pattern below matches them as well.
    Route.of(f"{BASE}/list/?", "catalogue", GET=guarded("old", "datahub:dataexports:read", short_list)),
    Route.of(
        f"{BASE}/download/(?P<plugin>[^/]+)/?",
        "download",
        GET=guarded("old", "datahub:dataexports:download", newest),
    ),
    Route.of(f"{BASE}/?", "catalogue", GET=guarded("old", "datahub:dataexports:read", catalogue)),
    Route.of(
        rf"{BASE}/(?P<plugin>[^/]+)/(?P<link>[^/]+)",
        "download",
        GET=guarded("old", "datahub:dataexports:download", by_link),
    ),
)
