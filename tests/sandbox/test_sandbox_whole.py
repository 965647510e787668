"""A whole tenant, read by both families of routes and compared with the truth."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile

import pytest


async def by_new_routes(caller):
    """Return the download links of all extracts, by identity."""
    found = {}
    for entry in await caller.objects():
        for extract in await caller.objects(entry["ExtractsLink"]):
            found[identity(extract, extract["BdsType"])] = extract["DownloadLink"]
    return found


async def by_old_routes(caller):
    """Return the download links of all extracts, by the same identity."""
    found, url = {}, "/dataExport/bds"
    while url:
        page = (await caller.get(url)).json
        for entry in page["BrightspaceDataSets"]:
            for extract in [entry, *(entry["PreviousDataSets"] or [])]:
                if extract["DownloadLink"]:
                    kind = "Full" if extract["FullDataSet"] else "Differential"
                    found[identity(extract, kind)] = extract["DownloadLink"]
        url = page["NextPageUrl"]
    return found


def identity(extract, bds_type):
    fields = ("PluginId", "QueuedForProcessingDate", "CreatedDate", "Version")
    return bds_type, *(extract[name] for name in fields)


def listed(caller):
    return [extract for data_set in caller.sandbox.catalogue() for extract in data_set.extracts]


async def test_both_families_list_the_same_extracts(serve):
    caller = await serve(data_sets=40, page_size=15)
    new, old = await by_new_routes(caller), await by_old_routes(caller)
    assert new.keys() == old.keys()
    assert len(new) == len(listed(caller))
    for link in (*new.values(), *old.values()):
        assert link.startswith(f"{caller.lp}/")


async def test_every_extract_arrives_as_the_truth_says(serve):
    caller = await serve(data_sets=6, scale=0.05)
    links = await by_new_routes(caller)
    gate = asyncio.Semaphore(8)

    async def fetch(link):
        async with gate:
            return (await caller.bare((await caller.get(link)).headers["Location"])).body

    bodies = await asyncio.gather(*(fetch(link) for link in links.values()))
    assert {hashlib.sha256(body).hexdigest() for body in bodies} == {extract.sha256 for extract in listed(caller)}
    assert sum(map(len, bodies)) == caller.sandbox.counters.body_bytes == sum(e.size for e in listed(caller))
    for body in bodies:
        assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None


async def test_headers_in_the_zips_are_the_columns_of_the_truth(serve):
    caller = await serve(data_sets=40, scale=0.01)
    for data_set in caller.sandbox.catalogue():
        extract = data_set.newest_full
        with zipfile.ZipFile(io.BytesIO(extract.read())) as archive:
            (name,) = archive.namelist()
            first = archive.read(name).decode("utf-8-sig").split("\r\n", 1)[0]
        assert name == data_set.name.replace(" ", "") + ".csv"
        assert tuple(first.split(",")) == extract.columns


async def test_listing_does_not_make_archives(serve):
    caller = await serve(data_sets=20)
    await by_new_routes(caller)
    await by_old_routes(caller)
    assert list(caller.sandbox._tenant._spool.folder.iterdir()) == []


async def test_the_size_in_the_list_is_exact_once_an_archive_was_made(serve):
    caller = await serve()
    size = caller.sandbox.catalogue()[0].newest_full.size
    assert (await caller.entry())["DownloadSize"] == size


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_sandboxes_of_one_seed_serve_the_same_bytes_under_the_same_validators(serve, seed):
    answers = []
    for _ in range(2):
        caller = await serve(seed=seed)
        answers.append(await caller.bare(await caller.signed()))
    assert answers[0].body == answers[1].body
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert answers[0].headers["Last-Modified"] == answers[1].headers["Last-Modified"]


async def test_truth_tells_fulls_from_differentials(serve):
    caller = await serve(without_full=("Users",), never_generated=("User Enrollments Differential",))
    users, enrollments = caller.sandbox.catalogue()
    assert (users.newest_full, users.full_id, len(users.differentials)) == (None, None, 14)
    assert enrollments.differentials == ()
    assert enrollments.newest_full.bds_type == "Full"
    queued = [extract.queued for extract in users.extracts]
    assert queued == sorted(queued)


async def test_data_sets_past_the_real_ones_are_served_like_any_other(serve):
    caller = await serve(data_sets=141, page_size=200)
    entries = await caller.objects()
    assert [entry["Full"]["Name"] for entry in entries[-2:]] == ["Sandbox Extra 140", "Sandbox Extra 141"]
    assert (await caller.bare(await caller.signed(140))).status == 200


async def test_old_pages_lead_forth_and_back(serve):
    caller = await serve(data_sets=5, page_size=3)
    first = (await caller.get("/dataExport/bds")).json
    second = (await caller.get(first["NextPageUrl"])).json
    assert (await caller.get(second["PrevPageUrl"])).json == first


@pytest.mark.parametrize("case", [str.upper, str.lower])
async def test_paths_match_in_any_case(serve, case):
    caller = await serve()
    root = caller.sandbox.tenant_url
    for path in ("/d2l/api/lp/1.43/dataExport/bds", "/d2l/api/lp/1.43/datasets/bds"):
        assert (await caller.get(root + case(path))).status == 200
    entry = (await caller.objects())[0]
    path = entry["Full"]["ExtractsLink"].removeprefix(root)
    assert len(await caller.objects(root + case(path))) == 3
