"""The origin of the tenant: authorisation, both families of routes, paging, the rate limit."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

OLD_ONLY = frozenset({"datahub:dataexports:*"})


async def test_versions_need_no_token(serve):
    caller = await serve(lp_versions=("1.9", "1.43", "1.10"))
    answer = await caller.bare(f"{caller.sandbox.tenant_url}/d2l/api/versions/")
    lp = next(product for product in answer.json if product["ProductCode"] == "lp")
    assert lp == {"ProductCode": "lp", "LatestVersion": "1.43", "SupportedVersions": ["1.9", "1.43", "1.10"]}
    assert len(answer.json) > 1


@pytest.mark.parametrize("bearer", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_good_bearer_it_is_401(serve, bearer):
    caller = await serve()
    answer = await caller.bare(f"{caller.lp}/datasets/bds", **bearer)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "X-Rate-Limit-Remaining" not in answer.headers


async def test_access_tokens_expire_and_can_be_revoked(serve):
    caller = await serve(access_token_life=0)
    assert (await caller.get("/datasets/bds")).status == 401
    caller = await serve()
    assert (await caller.get("/datasets/bds")).status == 200
    caller.sandbox.revoke_access_tokens()
    assert (await caller.get("/datasets/bds")).status == 401


async def test_each_family_of_routes_needs_its_scope(serve):
    caller = await serve(scopes=OLD_ONLY)
    assert (await caller.get("/datasets/bds")).status == 403
    assert (await caller.get("/dataExport/bds")).status == 200
    await caller.sign_in("datasets:bds:read")
    assert (await caller.get("/datasets/bds")).status == 200
    assert (await caller.get("/dataExport/bds")).status == 403


async def test_old_downloads_need_a_scope_of_their_own(serve):
    caller = await serve()
    await caller.sign_in("datahub:dataexports:read")
    entry = (await caller.get("/dataExport/bds")).json["BrightspaceDataSets"][0]
    assert (await caller.get(entry["DownloadLink"])).status == 403
    await caller.sign_in("datahub:dataexports:download")
    assert (await caller.get(entry["DownloadLink"])).status == 302


async def test_unknown_versions_routes_and_ids_are_404(serve):
    caller = await serve(route_families=frozenset({"old"}))
    assert (await caller.get("/datasets/bds")).status == 404
    caller = await serve()
    root = caller.sandbox.tenant_url
    assert (await caller.get(f"{root}/d2l/api/lp/9.99/datasets/bds")).status == 404
    assert (await caller.get("/nothing")).status == 404
    assert (await caller.get("/datasets/bds/nothing/extracts")).status == 404
    link = (await caller.entry())["DownloadLink"]
    assert (await caller.get(link + "x")).status == 404
    assert (await caller.get("/dataExport/bds/nothing/1")).status == 404


async def test_the_catalogue_is_paged_with_absolute_urls(serve):
    caller = await serve(data_sets=5, page_size=2)
    first = (await caller.get("/datasets/bds")).json
    assert len(first["Objects"]) == 2
    assert first["Next"].startswith(f"{caller.lp}/datasets/bds?")
    names = [entry["Full"]["Name"] for entry in await caller.objects()]
    assert names == [data_set.name for data_set in caller.sandbox.catalogue()]
    assert (await caller.get("/datasets/bds?page=x")).status == 400


async def test_catalogue_entries_have_the_documented_shape(serve):
    caller = await serve(without_differential=("User Enr*",), without_full=("Users",))
    users, enrollments = await caller.objects()
    assert users["Full"] is None
    assert users["Differential"]["Name"] == "Users Differential"
    assert enrollments["Differential"] is None
    assert set(enrollments) == {"SchemaId", "Full", "Differential", "ExtractsLink"}
    assert set(enrollments["Full"]) == {"PluginId", "Name", "Description", "ExtractsLink"}
    assert enrollments["ExtractsLink"] == f"{caller.lp}/datasets/bds/{enrollments['SchemaId']}/extracts"


async def test_extract_lists_hold_both_types_in_no_order_and_can_be_narrowed(serve):
    caller = await serve(extract_page_size=7)
    entry = (await caller.objects())[0]
    listed = await caller.objects(entry["ExtractsLink"])
    queued = [extract["QueuedForProcessingDate"] for extract in listed]
    assert queued != sorted(queued)
    assert queued != sorted(queued, reverse=True)
    assert listed == await caller.objects(entry["ExtractsLink"])
    kinds = [extract["BdsType"] for extract in listed]
    assert (kinds.count("Full"), kinds.count("Differential")) == (3, 14)
    fulls = await caller.objects(entry["ExtractsLink"] + "?type=full")
    assert {extract["BdsType"] for extract in fulls} == {"Full"}
    of_plugin = await caller.objects(entry["Differential"]["ExtractsLink"])
    assert {extract["PluginId"] for extract in of_plugin} == {entry["Differential"]["PluginId"]}
    assert (await caller.get(entry["ExtractsLink"] + "?type=odd")).status == 400


async def test_extract_entries_have_the_documented_shape(serve):
    caller = await serve()
    entry = await caller.entry()
    assert entry["Version"] == "9.4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["CreatedDate"])
    assert datetime.fromisoformat(entry["CreatedDate"]) > datetime.fromisoformat(entry["QueuedForProcessingDate"])
    assert isinstance(entry["DownloadSize"], int)
    assert entry["DownloadLink"].startswith(f"{caller.lp}/datasets/bds/{entry['SchemaId']}/plugins/")


async def test_the_old_catalogue_has_an_entry_for_each_flavour(serve):
    caller = await serve(never_generated=("Users Differential",), page_size=3)
    page = (await caller.get("/dataexport/BDS")).json
    full, empty, _ = page["BrightspaceDataSets"]
    assert (full["Name"], full["FullDataSet"]) == ("Users", True)
    assert len(full["PreviousDataSets"]) == 2
    assert all(extract["PreviousDataSets"] is None for extract in full["PreviousDataSets"])
    assert full["QueuedForProcessingDate"] > full["PreviousDataSets"][0]["QueuedForProcessingDate"]
    assert (empty["Name"], empty["FullDataSet"]) == ("Users Differential", False)
    nothing = ("CreatedDate", "DownloadLink", "DownloadSize", "Version", "QueuedForProcessingDate", "PreviousDataSets")
    assert [empty[field] for field in nothing] == [None] * 6
    assert page["PrevPageUrl"] is None
    last = (await caller.get(page["NextPageUrl"])).json
    assert (len(last["BrightspaceDataSets"]), last["NextPageUrl"]) == (1, None)
    assert last["PrevPageUrl"].endswith("page=1")


async def test_old_sizes_are_sometimes_floats(serve):
    caller = await serve(data_sets=30, page_size=100)
    sizes = [entry["DownloadSize"] for entry in (await caller.get("/dataExport/bds")).json["BrightspaceDataSets"]]
    assert {type(size) for size in sizes if size is not None} == {int, float}


async def test_both_families_serve_the_same_extract(serve):
    caller = await serve()
    new = await caller.entry()
    old = (await caller.get("/dataExport/bds")).json["BrightspaceDataSets"][0]
    assert old["PluginId"] == new["PluginId"]
    assert old["QueuedForProcessingDate"] == new["QueuedForProcessingDate"]
    bodies = [await caller.bare((await caller.get(e["DownloadLink"])).headers["Location"]) for e in (new, old)]
    assert bodies[0].body == bodies[1].body


async def test_each_call_costs_credits_until_there_are_none(serve):
    caller = await serve(rate_credits=25, rate_window=30)
    first = await caller.get("/datasets/bds")
    assert first.headers["X-Request-Cost"] == "10"
    assert first.headers["X-Rate-Limit-Remaining"] == "15"
    assert 0 < int(first.headers["X-Rate-Limit-Reset"]) <= 30
    assert (await caller.get("/datasets/bds")).status == 200
    refused = await caller.get("/datasets/bds")
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 30
    assert caller.sandbox.counters.throttled == 1


async def test_the_bucket_is_full_again_after_its_window(serve):
    caller = await serve(rate_credits=10, rate_window=0.01)
    for _ in range(3):
        answer = await caller.get("/datasets/bds")
        while answer.status == 429:
            answer = await caller.get("/datasets/bds")
        assert answer.headers["X-Rate-Limit-Remaining"] == "0"


async def test_retry_after_can_be_a_date(serve):
    caller = await serve(rate_credits=0, retry_after_form="date")
    refused = await caller.get("/datasets/bds")
    assert parsedate_to_datetime(refused.headers["Retry-After"]).tzinfo is not None
