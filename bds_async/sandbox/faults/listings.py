"""Faults in listings: wrong, looping, repeated or incomplete pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from ..data.tables import matches
from ..web.calls import Call
from .model import Fault

Entry = dict[str, Any]
Editor = Callable[[Entry, Fault], None]
LINKS = ("ExtractsLink", "DownloadLink")


def answer_listing(call: Call, page: dict[str, Any]) -> web.StreamResponse:
    """Answer with a page, after applying the faults of this request."""
    return web.json_response(altered(call, page))


def altered(call: Call, page: dict[str, Any]) -> dict[str, Any]:
    """Apply the faults of this request to a page, in place, and return it."""
    for fault in call.faults:
        if fault.action in PAGE_EDITORS:
            PAGE_EDITORS[fault.action](call, page, fault)
        elif fault.action in ENTRY_EDITORS:
            for entry in _chosen(call, page, fault):
                ENTRY_EDITORS[fault.action](entry, fault)
    return page


def _entries(page: dict[str, Any]) -> list[Entry]:
    return page["Objects"] if "Objects" in page else page["BrightspaceDataSets"]  # type: ignore[no-any-return]


def _chosen(call: Call, page: dict[str, Any], fault: Fault) -> list[Entry]:
    return [entry for entry in _entries(page) if _matches(call, entry, fault)]


def _matches(call: Call, entry: Entry, fault: Fault) -> bool:
    name = call.data_set.name if call.data_set else _name(entry)
    if "FullDataSet" in entry:
        bds_type = "Full" if entry["FullDataSet"] else "Differential"
    else:
        bds_type = entry.get("BdsType", "*")
    return matches(name, (fault.data_set,)) and ("*" in (bds_type, fault.bds_type) or bds_type == fault.bds_type)


def _name(entry: Entry) -> str:
    flavour = entry.get("Full") or entry.get("Differential") or entry
    return str(flavour.get("Name", "")).removesuffix(" Differential")


def _next_loops(call: Call, page: dict[str, Any], _: Fault) -> None:
    page[_next_key(page)] = str(call.request.url)


def _next_leaves(call: Call, page: dict[str, Any], _: Fault) -> None:
    page[_next_key(page)] = "https://elsewhere.example" + str(call.request.rel_url)


def _next_key(page: dict[str, Any]) -> str:
    return "Next" if "Objects" in page else "NextPageUrl"


def _duplicates(call: Call, page: dict[str, Any], fault: Fault) -> None:
    _entries(page).extend(json.loads(json.dumps(_chosen(call, page, fault))))


def _with_inner(entry: Entry) -> Iterator[Entry]:
    """Yield an entry and the objects within it: the plugins of a data set, the previous extracts of a plugin."""
    yield entry
    for inner in (entry.get("Full"), entry.get("Differential"), *(entry.get("PreviousDataSets") or [])):
        if inner:
            yield inner


def _foreign_links(entry: Entry, fault: Fault) -> None:
    for part in _with_inner(entry):
        for name in LINKS:
            if part.get(name):
                part[name] = fault["origin"] + "/" + part[name].split("/", 3)[3]


def _holder(entry: Entry, dotted: str) -> tuple[Entry, str]:
    *way, last = dotted.split(".")
    for name in way:
        entry = entry.get(name) or {}
    return entry, last


def _remove_field(entry: Entry, fault: Fault) -> None:
    holder, name = _holder(entry, fault["field"])
    holder.pop(name, None)


def _set_field(entry: Entry, fault: Fault) -> None:
    holder, name = _holder(entry, fault["field"])
    holder[name] = fault["value"]


def _unknown_fields(entry: Entry, _: Fault) -> None:
    for part in _with_inner(entry):
        part.update({"Region": "ca-central-1", "Tags": ["new"], "Owner": {"Id": 7}})


def _rename(entry: Entry, fault: Fault) -> None:
    for part in _with_inner(entry):
        if "Name" in part:
            part["Name"] = fault["name"] + (" Differential" if part["Name"].endswith(" Differential") else "")


def _wrong_size(entry: Entry, fault: Fault) -> None:
    for part in _with_inner(entry):
        if part.get("DownloadSize") is not None:
            part["DownloadSize"] = int(part["DownloadSize"] * fault["factor"])


PAGE_EDITORS: dict[str, Callable[[Call, dict[str, Any], Fault], None]] = {
    "next_loops": _next_loops,
    "next_leaves": _next_leaves,
    "duplicates": _duplicates,
}
ENTRY_EDITORS: dict[str, Editor] = {
    "foreign_links": _foreign_links,
    "remove_field": _remove_field,
    "set_field": _set_field,
    "unknown_fields": _unknown_fields,
    "rename": _rename,
    "wrong_size": _wrong_size,
}
