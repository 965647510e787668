"""Extract lists in parallel: a failure affects only its own list, and is reported."""

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


class Listed:
    """A tenant of five data sets, each with two extracts; entries are changed before they are served."""

    def __init__(self) -> None:
        self.data_sets = [self.data_set(number) for number in range(5)]
        self.extracts = {f"schema-{number}": [self.extract(number, day) for day in (1, 2)] for number in range(5)}

    @staticmethod
    def data_set(number: int) -> dict:
        plugin = {"PluginId": f"full-{number}", "Name": f"Table {number}", "Description": None}
        return {"SchemaId": f"schema-{number}", "Full": plugin, "Differential": None}

    @staticmethod
    def extract(number: int, day: int) -> dict:
        moment = f"2026-11-{day:02}T04:09:22Z"
        return {
            "SchemaId": f"schema-{number}",
            "PluginId": f"full-{number}",
            "BdsType": "Full",
            "CreatedDate": moment,
            "QueuedForProcessingDate": moment,
            "DownloadLink": "https://t/download?sig=hush",
            "DownloadSize": 7,
            "Version": "9.4",
        }

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path == "/d2l/api/versions/":
            return web.json_response([])
        schema = request.path.rpartition("/extracts")[0].rpartition("/")[2]
        found = self.extracts[schema] if schema else self.data_sets
        return web.json_response({"Objects": found, "Next": None})


class TestMalformedEntries:
    """Each is named and fails independently; all readable entries are listed."""

    @pytest.fixture
    def tenant(self) -> Listed:
        return Listed()

    @pytest.fixture
    async def listing(self, tenant, serve, connect):
        async def start():
            found = await read_catalogue(await connect(await serve(tenant)), "1.43")
            return await list_extracts(found, found.data_sets, 4)

        return start

    async def test_a_data_set_without_a_name_is_named_by_its_schema(self, tenant, listing):
        tenant.data_sets[2]["Full"]["Name"] = None
        found = await listing()
        assert [data_set.name for data_set in found.extracts] == ["Table 0", "Table 1", "Table 3", "Table 4"]
        (failed,) = found.failed
        assert (failed.data_set, failed.schema_id) == ("schema-2", "schema-2")
        assert "Full.Name: input should be a valid string (it is null)" in failed.error

    @pytest.mark.parametrize("entry", [None, 7, "text", [], {}])
    async def test_an_entry_that_is_no_data_set_at_all_is_named_by_its_place(self, tenant, listing, entry):
        tenant.data_sets[1] = entry
        found = await listing()
        assert len(found.extracts) == 4
        assert [failed.data_set for failed in found.failed] == ["Entry 2 of the list of data sets"]

    async def test_an_extract_with_a_malformed_date_leaves_the_others_of_its_list(self, tenant, listing):
        tenant.extracts["schema-3"][0]["CreatedDate"] = "2026-11-31T04:09:22Z"
        found = await listing()
        assert [len(extracts) for extracts in found.extracts.values()] == [2, 2, 2, 1, 2]
        (failed,) = found.failed
        assert (failed.data_set, failed.schema_id) == ("Table 3", "schema-3")
        assert "CreatedDate" in failed.error
        assert '(it is "2026-11-31T04:09:22Z")' in failed.error
        assert "hush" not in failed.error

    async def test_a_leap_second_is_read(self, tenant, listing):
        tenant.extracts["schema-3"][0]["CreatedDate"] = "2016-12-31T23:59:60Z"
        found = await listing()
        assert (found.failed, [len(extracts) for extracts in found.extracts.values()]) == ([], [2] * 5)

    async def test_of_many_the_first_few_are_named_and_the_others_counted(self, tenant, listing):
        tenant.extracts["schema-3"] += [{"Version": number} for number in range(100)]
        found = await listing()
        assert len(found.failed) == 6
        assert found.failed[-1].error == "95 more entries of its extract list can't be read."

    async def test_a_list_of_which_nothing_can_be_read_fails_as_a_whole(self, tenant, listing):
        tenant.extracts["schema-3"] = [{}]
        found = await listing()
        assert len(found.extracts) == 4
        assert "is not what D2L documents: entry 1:" in found.failed[0].error

    @pytest.mark.parametrize("shared", ["SchemaId", "PluginId"])
    async def test_data_sets_with_one_id_are_both_named_and_neither_is_dropped_in_silence(
        self, tenant, listing, shared
    ):
        first, second = tenant.data_sets[1:3]
        if shared == "SchemaId":
            second["SchemaId"] = first["SchemaId"].upper()
        else:
            second["Full"]["PluginId"] = first["Full"]["PluginId"]
        found = await listing()
        assert [data_set.name for data_set in found.extracts] == ["Table 0", "Table 3", "Table 4"]
        assert [failed.data_set for failed in found.failed] == ["Table 1", "Table 2"]
        assert "to Table 2, too" in found.failed[0].error
        assert "to Table 1, too" in found.failed[1].error

    async def test_an_entry_that_is_listed_twice_is_one(self, tenant, listing):
        tenant.data_sets.append(tenant.data_sets[0])
        found = await listing()
        assert (len(found.extracts), found.failed) == (5, [])

    async def test_the_public_iterators_raise_after_nothing_was_given(self, tenant, serve, connect):
        """So that a partial list never passes for a whole one."""
        tenant.extracts["schema-3"][0]["CreatedDate"] = "yesterday"
        found = await connect(await serve(tenant))
        data_sets = [data_set async for data_set in found.data_sets()]
        assert len([extract async for extract in found.extracts(data_sets[0])]) == 2
        with pytest.raises(CatalogueError, match="CreatedDate"):
            await anext(found.extracts(data_sets[3]))
