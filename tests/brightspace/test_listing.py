"""Extract lists in parallel: what fails, fails alone, and loudly."""

import asyncio

import pytest
from aiohttp import web

from bds_async.brightspace.catalogue.catalogue import Catalogue, read_catalogue
from bds_async.brightspace.catalogue.listing import list_extracts
from bds_async.brightspace.gate import Gate
from bds_async.errors import AuthorisationError, CatalogueError, UnreachableError
from bds_async.models import BdsType
from bds_async.sandbox import Fault, Sandbox
from bds_async.support.running import beside
from tests.support.builders import a_data_set


@pytest.fixture
async def listed(connect):
    """A function that reads a sandbox's catalogue, plays faults and lists all extracts."""

    async def start(sandbox: Sandbox, *faults: Fault, workers: int = 8, **options):
        found = await read_catalogue(await connect(sandbox, **options), None)
        sandbox.play(*faults)
        return await list_extracts(found, found.data_sets, workers)

    return start


async def test_every_list_comes_in_the_order_of_the_catalogue(start_sandbox, listed):
    sandbox = await start_sandbox(data_sets=12)
    listing = await listed(sandbox)
    assert [data_set.name for data_set in listing.extracts] == [data_set.name for data_set in sandbox.catalogue()]
    assert [len(extracts) for extracts in listing.extracts.values()] == [
        len(data_set.extracts) for data_set in sandbox.catalogue()
    ]
    assert listing.failed == []


async def test_no_more_lists_are_fetched_at_a_time_than_there_are_workers(serve, connect):
    now, most = 0, 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return web.json_response({"Objects": [], "Next": None})

    catalogue = Catalogue(await connect(await serve(handler)), "1.43", ())
    listing = await list_extracts(catalogue, [a_data_set("Users", number) for number in range(20)], 4)
    assert len(listing.extracts) == 20
    assert most == 4


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.of("status", on="extracts", status=500, data_set="Users"), "answered 500"),
        (Fault.of("status", on="extracts", status=401, data_set="Users"), "answered 401"),
        (Fault.of("status", on="extracts", status=403, data_set="Users"), "answered 403"),
        (Fault.of("status", on="extracts", status=404, data_set="Users"), "answered 404"),
        (Fault.of("html", on="extracts", data_set="Users"), "an HTML page in place of JSON"),
        (Fault.of("reset", on="extracts", data_set="Users"), "broke off"),
        (Fault.of("next_leaves", on="extracts", data_set="Users"), "elsewhere.example"),
        (Fault.of("next_loops", on="extracts", data_set="Users"), "run in a circle"),
        (Fault.of("remove_field", on="extracts", field="Version", data_set="Users"), "entry 1: Version"),
    ],
    ids=lambda value: value.action if isinstance(value, Fault) else None,
)
async def test_a_list_that_fails_fails_its_data_set_alone_and_says_why(start_sandbox, listed, fault, words):
    listing = await listed(await start_sandbox(), fault)
    assert [failed.data_set for failed in listing.failed] == ["Users"]
    assert words in listing.failed[0].error
    assert listing.failed[0].schema_id
    assert len(listing.extracts) == 3
    assert "Users" not in {data_set.name for data_set in listing.extracts}


async def test_a_list_that_fails_for_now_is_tried_again(start_sandbox, listed, quick_retries):
    fault = Fault.of("status", on="extracts", status=503, first=2)
    listing = await listed(await start_sandbox(), fault, attempts=3)
    assert (len(listing.extracts), listing.failed) == (4, [])


async def test_if_every_list_fails_there_is_nothing_to_go_on_with(start_sandbox, listed):
    with pytest.raises(CatalogueError, match=r"Could not fetch any of 4 extract lists; the first: .*answered 500"):
        await listed(await start_sandbox(), Fault.of("status", on="extracts", status=500))


async def test_a_single_list_that_fails_is_told_as_one(start_sandbox, connect):
    sandbox = await start_sandbox()
    found = await read_catalogue(await connect(sandbox), None)
    sandbox.play(Fault.of("status", on="extracts", status=500))
    with pytest.raises(
        CatalogueError, match=r"^Could not fetch the one extract list that was asked for: .*answered 500"
    ):
        await list_extracts(found, found.data_sets[:1], 8)


async def test_an_empty_choice_is_no_failure(start_sandbox, connect):
    found = await read_catalogue(await connect(await start_sandbox()), None)
    assert (await list_extracts(found, [], 8)).extracts == {}


async def test_only_the_chosen_lists_are_fetched(start_sandbox, connect):
    sandbox = await start_sandbox()
    found = await read_catalogue(await connect(sandbox), None)
    listing = await list_extracts(found, found.data_sets[1:2], 8)
    assert list(listing.extracts) == [found.data_sets[1]]
    assert sum(seen.kind == "extracts" for seen in sandbox.requests) == 1


async def test_by_the_old_routes_the_lists_are_there_already(start_sandbox, listed):
    sandbox = await start_sandbox(scopes=frozenset({"datahub:dataexports:*"}))
    listing = await listed(sandbox)
    assert {one.bds_type for extracts in listing.extracts.values() for one in extracts} == set(BdsType)
    assert sum(seen.kind == "extracts" for seen in sandbox.requests) == 0


async def test_a_token_that_every_list_refuses_stops_everything(start_sandbox, listed):
    sandbox = await start_sandbox()
    with pytest.raises(AuthorisationError, match=r"Could not fetch any of 4 extract lists; the first: .*answered 401"):
        await beside(listed(sandbox, Fault.of("status", on="extracts", status=401)))


async def test_a_tenant_that_goes_away_for_good_stops_everything(start_sandbox, connect, monkeypatch):
    monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: 0.01)
    sandbox = await start_sandbox()
    gate = Gate(lambda why, seconds: None, patience=0.05)
    found = await read_catalogue(await connect(sandbox, gate=gate), None)
    await sandbox.go_away()
    with pytest.raises(UnreachableError):
        await beside(list_extracts(found, found.data_sets, 8))
