"""The new routes: `/d2l/api/lp/{lp}/datasets/bds` and the routes below it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..data.extracts import SandboxDataSet, SandboxExtract
from ..faults.listings import answer_listing
from ..links import packed, unpacked
from ..web.calls import Call, Route
from .downloads import download
from .gate import guarded, refusal
from .paging import Page, written

SCOPE = "datasets:bds:read"
BASE = r"/d2l/api/lp/(?P<lp>[^/]+)/datasets/bds"


def _root(call: Call, data_set: SandboxDataSet) -> str:
    return f"{call.tenant.urls['tenant']}/d2l/api/lp/{call.params['lp']}/datasets/bds/{data_set.schema_id}"


def _plugin(call: Call, data_set: SandboxDataSet, plugin_id: str | None, name: str) -> dict[str, Any] | None:
    if plugin_id is None:
        return None
    return {
        "PluginId": plugin_id,
        "Name": name,
        "Description": f"{name}, as of the moment that it was queued.",
        "ExtractsLink": f"{_root(call, data_set)}/plugins/{plugin_id}/extracts",
    }


def data_set_entry(call: Call, data_set: SandboxDataSet) -> dict[str, Any]:
    """Return one entry of the catalogue."""
    return {
        "SchemaId": data_set.schema_id,
        "Full": _plugin(call, data_set, data_set.full_id, data_set.name),
        "Differential": _plugin(call, data_set, data_set.differential_id, data_set.differential_name),
        "ExtractsLink": f"{_root(call, data_set)}/extracts",
    }


def extract_entry(call: Call, extract: SandboxExtract) -> dict[str, Any]:
    """Return one entry of an extract list."""
    root = _root(call, extract.data_set)
    return {
        "SchemaId": extract.data_set.schema_id,
        "PluginId": extract.plugin_id,
        "BdsType": extract.bds_type,
        "CreatedDate": written(extract.created),
        "DownloadLink": f"{root}/plugins/{extract.plugin_id}/extracts/{packed(extract.link_id)}",
        "DownloadSize": call.tenant.size(extract),
        "QueuedForProcessingDate": written(extract.queued),
        "Version": extract.version,
    }


async def catalogue(call: Call) -> web.StreamResponse:
    """Answer with a page of the data sets."""
    page = Page(call, call.tenant.catalogue.data_sets, call.tenant.settings.page_size)
    return answer_listing(call, {"Objects": [data_set_entry(call, item) for item in page.items], "Next": page.next_url})


async def extracts(call: Call) -> web.StreamResponse:
    """Answer with a page of the extracts of a data set or of one plugin; `?type=full|differential` selects one type."""
    data_set, plugin, wanted = call.data_set, call.params.get("plugin"), call.request.query.get("type", "").lower()
    if data_set is None or data_set.schema_id != call.params["schema"].lower():
        raise refusal(404, "No such data set")
    if wanted not in ("", "full", "differential"):
        raise refusal(400, "Invalid type")
    listed = call.tenant.catalogue.extracts(data_set)
    found = [
        extract
        for extract in listed
        if wanted in ("", extract.bds_type.lower()) and (plugin is None or extract.plugin_id == plugin.lower())
    ]
    page = Page(call, found, call.tenant.settings.extract_page_size)
    return answer_listing(call, {"Objects": [extract_entry(call, item) for item in page.items], "Next": page.next_url})


async def by_link(call: Call) -> web.StreamResponse:
    """Answer a request for a download link."""
    extract = call.tenant.catalogue.find(call.params["plugin"], unpacked(call.params["link"]))
    if extract is None or extract.data_set.schema_id != call.params["schema"].lower():
        raise refusal(404, "No such extract")
    return await download(call, extract)


ROUTES = (
    Route.of(f"{BASE}/?", "catalogue", GET=guarded("new", SCOPE, catalogue)),
    Route.of(rf"{BASE}/(?P<schema>[^/]+)/extracts/?", "extracts", GET=guarded("new", SCOPE, extracts)),
    Route.of(
        rf"{BASE}/(?P<schema>[^/]+)/plugins/(?P<plugin>[^/]+)/extracts/?",
        "extracts",
        GET=guarded("new", SCOPE, extracts),
    ),
    Route.of(
        rf"{BASE}/(?P<schema>[^/]+)/plugins/(?P<plugin>[^/]+)/extracts/(?P<link>[^/]+)",
        "download",
        GET=guarded("new", SCOPE, by_link),
    ),
)
