"""Faults in listings, by the new routes and the old ones."""

from __future__ import annotations

import pytest

from bds_async.sandbox import Fault

BOTH = [("/datasets/bds", "Objects", "Next"), ("/dataExport/bds", "BrightspaceDataSets", "NextPageUrl")]


async def page_of(serve, path, action, **keys):
    """Return the caller and the first catalogue page of a sandbox that plays one fault on its catalogue."""
    caller = await serve(page_size=4, data_sets=6)
    caller.sandbox.play(Fault.of(action, on="catalogue", **keys))
    return caller, (await caller.get(path)).json


@pytest.mark.parametrize(("path", "key", "following"), BOTH)
async def test_a_next_that_loops_or_leaves(serve, path, key, following):
    caller, page = await page_of(serve, path, "next_loops")
    assert page[following] == f"{caller.lp}{path}"
    _, page = await page_of(serve, path, "next_leaves")
    assert page[following].startswith("https://elsewhere.example/d2l/api/lp/1.43/")


@pytest.mark.parametrize(("path", "key", "following"), BOTH)
async def test_entries_that_come_twice(serve, path, key, following):
    _, page = await page_of(serve, path, "duplicates", data_set="Users")
    flavours = [entry for entry in page[key] if "Users" in str(entry.get("Name") or entry["Full"]["Name"])]
    assert len(flavours) == len(page[key]) - 4 + len(flavours) // 2
    assert flavours[0] in flavours[1:]


async def test_links_that_leave_the_origin(serve):
    _, page = await page_of(serve, "/datasets/bds", "foreign_links", data_set="Users")
    users, enrollments = page["Objects"][:2]
    assert users["ExtractsLink"].startswith("https://elsewhere.example/d2l/")
    assert users["Full"]["ExtractsLink"].startswith("https://elsewhere.example/d2l/")
    assert enrollments["ExtractsLink"].startswith("http://127.0.0.1")
    _, page = await page_of(serve, "/dataExport/bds", "foreign_links", origin="https://x.example", bds_type="Full")
    full, differential = page["BrightspaceDataSets"][:2]
    assert full["DownloadLink"].startswith("https://x.example/d2l/")
    assert full["PreviousDataSets"][0]["DownloadLink"].startswith("https://x.example/d2l/")
    assert differential["DownloadLink"].startswith("http://127.0.0.1")


async def test_fields_that_are_missing_new_or_odd(serve):
    _, page = await page_of(serve, "/datasets/bds", "remove_field", field="Full.PluginId", data_set="Users")
    assert ["PluginId" in entry["Full"] for entry in page["Objects"][:2]] == [False, True]
    _, page = await page_of(serve, "/datasets/bds", "set_field", field="SchemaId", value=7)
    assert page["Objects"][0]["SchemaId"] == 7
    _, page = await page_of(serve, "/datasets/bds", "unknown_fields")
    assert "Region" in page["Objects"][0]
    assert "Region" in page["Objects"][0]["Full"]


@pytest.mark.parametrize("name", ["../..", "CON", "a/b\\c", "", "x" * 300, "Users\u202e", "e\u0301"])
async def test_hostile_names(serve, name):
    _, page = await page_of(serve, "/datasets/bds", "rename", name=name, data_set="Users")
    users, enrollments = page["Objects"][:2]
    assert users["Full"]["Name"] == name
    assert users["Differential"]["Name"] == f"{name} Differential"
    assert enrollments["Full"]["Name"] == "User Enrollments"


async def test_sizes_that_are_wrong_in_an_extract_list(serve):
    caller = await serve()
    true = await caller.entry()
    caller.sandbox.play(Fault.of("wrong_size", on="extracts", factor=3, bds_type="Full", data_set="Users"))
    false = await caller.entry()
    assert false["DownloadSize"] == true["DownloadSize"] * 3
    listed = await caller.objects((await caller.objects())[0]["ExtractsLink"] + "?type=differential")
    assert all(entry["DownloadSize"] < 10_000 for entry in listed)


async def test_one_data_sets_list_that_fails(serve):
    caller = await serve()
    caller.sandbox.play(Fault.of("status", on="extracts", status=500, data_set="Users"))
    users, enrollments = await caller.objects()
    assert (await caller.get(users["ExtractsLink"])).status == 500
    assert (await caller.get(enrollments["ExtractsLink"])).status == 200
