"""What the tenant lists by the new routes and by the old ones, and what is no catalogue."""

import json
from collections import Counter
from urllib.parse import quote

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bds_async.brightspace.catalogue import NEW_SCOPE, OLD_SCOPES, Catalogue, read_catalogue
from bds_async.brightspace.catalogue import catalogue as module
from bds_async.brightspace.catalogue.old_routes import paired
from bds_async.brightspace.catalogue.shapes import OldDataSetShape
from bds_async.errors import (
    AuthorisationError,
    BdsError,
    CatalogueError,
    ConfigError,
    ExtractError,
    RefusedRequest,
    TransientError,
)
from bds_async.models import BdsType, DataSet
from bds_async.sandbox import Fault, Sandbox

OLD = frozenset({"datahub:dataexports:*"})
NEW = frozenset({"datasets:bds:read"})
BOTH = [pytest.param(NEW, id="new"), pytest.param(OLD, id="old")]
#: Pages so small that every listing of either family has several.
PAGES = {"data_sets": 6, "page_size": 3, "extract_page_size": 5}


async def whole(found: Catalogue) -> dict[str, list[tuple]]:
    """All listed extracts by data set, each as the values that identify it."""
    listed = {data_set.name: await found.extracts(data_set) for data_set in found.data_sets}
    return {name: sorted(told(extract) for extract in extracts) for name, extracts in listed.items()}


def told(extract) -> tuple:
    queued, created = extract.queued_for_processing_date, extract.created_date
    return (extract.plugin_id, extract.bds_type.value, queued, created, extract.version)


def truth(sandbox: Sandbox) -> dict[str, list[tuple]]:
    found = {}
    for data_set in sandbox.catalogue():
        ids = {"Full": data_set.full_id, "Differential": data_set.differential_id}
        found[data_set.name] = sorted(
            (ids[extract.bds_type], extract.bds_type, extract.queued, extract.created, extract.version)
            for extract in data_set.extracts
        )
    return found


def asked(sandbox: Sandbox, kind: str) -> list[str]:
    return [seen.path for seen in sandbox.requests if seen.kind == kind]


async def refusal(tenant, api_version: str | None = None) -> BdsError:
    with pytest.raises(BdsError) as caught:
        await read_catalogue(tenant, api_version)
    return caught.value


class TestRoutes:
    @pytest.mark.parametrize("scopes", BOTH)
    async def test_either_family_lists_all_that_there_is(self, start_sandbox, connect, scopes):
        sandbox = await start_sandbox(scopes=scopes, **PAGES)
        assert await whole(await read_catalogue(await connect(sandbox), None)) == truth(sandbox)

    async def test_both_families_name_the_same_identities(self, start_sandbox, connect):
        sandbox = await start_sandbox(scopes=NEW | OLD)
        new = await read_catalogue(await connect(sandbox), None)
        sandbox.play(Fault.of("status", on="catalogue", status=404, first=1))
        old = await read_catalogue(await connect(sandbox), None)
        assert [data_set.schema_id is None for data_set in (*new.data_sets, *old.data_sets)] == [False] * 4 + [True] * 4
        identities = [
            {extract.identity for data_set in found.data_sets for extract in await found.extracts(data_set)}
            for found in (new, old)
        ]
        assert identities[0] == identities[1]

    async def test_where_both_can_be_read_the_new_one_is(self, start_sandbox, connect):
        sandbox = await start_sandbox(scopes=NEW | OLD)
        found = await read_catalogue(await connect(sandbox), None)
        assert all(path.endswith("/datasets/bds") for path in asked(sandbox, "catalogue"))
        assert asked(sandbox, "extracts") == []
        await whole(found)
        assert len(asked(sandbox, "extracts")) == len(found.data_sets)

    async def test_a_token_without_the_new_scope_leads_to_the_old_routes(self, start_sandbox, connect):
        sandbox = await start_sandbox(scopes=OLD)
        found = await read_catalogue(await connect(sandbox), None)
        assert [seen.status for seen in sandbox.requests if seen.kind == "catalogue"] == [403, 200]
        await whole(found)
        assert asked(sandbox, "extracts") == [], "the old listing brings the extracts along"

    async def test_a_tenant_that_does_not_know_the_new_routes_leads_there_too(self, start_sandbox, connect):
        sandbox = await start_sandbox(route_families=frozenset({"old"}))
        assert await whole(await read_catalogue(await connect(sandbox), None)) == truth(sandbox)
        assert [seen.status for seen in sandbox.requests if seen.kind == "catalogue"] == [404, 200]

    async def test_a_403_that_asks_to_wait_does_not_lead_there(self, start_sandbox, connect, quick_retries):
        sandbox = await start_sandbox(scopes=NEW | OLD)
        sandbox.play(Fault.of("status", on="catalogue", status=403, retry_after=0, first=1))
        found = await read_catalogue(await connect(sandbox, attempts=2), None)
        assert all(data_set.schema_id for data_set in found.data_sets)

    async def test_a_tenant_in_trouble_does_not_lead_there(self, start_sandbox, connect):
        """Another family of routes is no remedy for a 500, and might list less."""
        sandbox = await start_sandbox(scopes=NEW | OLD)
        sandbox.play(Fault.of("status", on="catalogue", status=500, first=1))
        error = await refusal(await connect(sandbox))
        assert isinstance(error, CatalogueError)
        assert "/d2l/api/lp/1.63/datasets/bds answered 500" in str(error)

    async def test_nor_does_a_request_that_is_refused_for_another_reason(self, start_sandbox, connect):
        sandbox = await start_sandbox(scopes=NEW | OLD)
        sandbox.play(Fault.of("status", on="catalogue", status=400, first=1))
        assert "/d2l/api/lp/1.63/datasets/bds answered 400" in str(await refusal(await connect(sandbox)))

    async def test_a_scope_for_neither_is_for_a_person_and_names_the_scopes(self, start_sandbox, connect):
        sandbox = await start_sandbox(scopes=frozenset({"users:userdata:read"}))
        error = await refusal(await connect(sandbox))
        assert isinstance(error, AuthorisationError)
        assert NEW_SCOPE in str(error)
        assert OLD_SCOPES in str(error)
        assert "Can access Brightspace Data Sets" in str(error)

    async def test_a_site_with_neither_is_perhaps_the_wrong_one(self, start_sandbox, connect):
        sandbox = await start_sandbox(route_families=frozenset())
        error = await refusal(await connect(sandbox))
        assert isinstance(error, CatalogueError)
        assert f"no list of data sets at {sandbox.tenant_url} (404 and 404); check bspace_url" in str(error)

    async def test_the_version_of_the_config_is_the_one_that_is_asked_for(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        found = await read_catalogue(await connect(sandbox), "1.43")
        await whole(found)
        assert found.lp == "1.43"
        assert all(
            path.startswith("/d2l/api/lp/1.43/") for path in asked(sandbox, "catalogue") + asked(sandbox, "extracts")
        )

    async def test_a_version_that_the_tenant_does_not_know_names_those_it_knows(self, start_sandbox, connect):
        sandbox = await start_sandbox(lp_versions=("1.30", "1.43"))
        error = await refusal(await connect(sandbox), "1.99")
        assert isinstance(error, ConfigError)
        assert "1.30, 1.43" in str(error)

    async def test_an_empty_tenant_has_an_empty_catalogue(self, start_sandbox, connect):
        assert (await read_catalogue(await connect(await start_sandbox(data_sets=0)), None)).data_sets == ()


class TestPages:
    @pytest.mark.parametrize("scopes", BOTH)
    @pytest.mark.parametrize(
        ("action", "words"), [("next_loops", "run in a circle"), ("next_leaves", "leads to elsewhere.example")]
    )
    async def test_a_catalogue_that_loops_or_leaves_the_tenant_is_none(
        self, start_sandbox, connect, scopes, action, words
    ):
        sandbox = await start_sandbox(scopes=scopes, **PAGES)
        tenant = await connect(sandbox)
        sandbox.play(Fault.of(action, on="catalogue"))
        error = await refusal(tenant)
        assert isinstance(error, CatalogueError)
        assert words in str(error)
        assert len(sandbox.requests) < 20

    @pytest.mark.parametrize(
        ("action", "words"), [("next_loops", "run in a circle"), ("next_leaves", "leads to elsewhere.example")]
    )
    async def test_nor_is_an_extract_list_that_does(self, start_sandbox, connect, action, words):
        sandbox = await start_sandbox(**PAGES)
        found = await read_catalogue(await connect(sandbox), None)
        sandbox.play(Fault.of(action, on="extracts"))
        with pytest.raises(CatalogueError, match=words):
            await found.extracts(found.data_sets[0])

    async def test_a_listing_without_end_is_left(self, serve, connect, monkeypatch):
        monkeypatch.setattr(module, "MAX_PAGES", 20)
        seen = []

        async def handler(request: web.Request) -> web.Response:
            seen.append(request)
            return web.json_response({"Objects": [], "Next": f"/d2l/next?page={len(seen)}"})

        with pytest.raises(CatalogueError, match="run in a circle"):
            await Catalogue(await connect(await serve(handler)), "1.43", ()).extracts(DataSet("S", None, None))
        assert len(seen) == 20

    @pytest.mark.parametrize("page", [1, 2, 3])
    async def test_a_list_of_which_a_page_is_missing_is_no_list(self, start_sandbox, connect, page):
        sandbox = await start_sandbox(**PAGES)
        found = await read_catalogue(await connect(sandbox), None)
        sandbox.play(Fault.of("status", on="extracts", status=500, at=[page]))
        with pytest.raises(TransientError):
            await found.extracts(found.data_sets[0])

    async def test_a_relative_next_stays_on_the_tenant(self, serve, connect):
        async def handler(request: web.Request) -> web.Response:
            more = None if "page" in request.query else f"{request.path}?page=2"
            return web.json_response({"Objects": [entry(len(request.query))], "Next": more})

        found = Catalogue(await connect(await serve(handler)), "1.43", ())
        assert len(await found.extracts(DataSet("S", None, None))) == 2


def entry(number: int, **changes: object) -> dict[str, object]:
    """One of `Objects` of an extract list."""
    usual = {
        "SchemaId": "S",
        "PluginId": "P",
        "BdsType": "Full",
        "CreatedDate": f"2026-11-2{number}T04:10:02.123Z",
        "DownloadLink": f"https://t/{number}",
        "DownloadSize": 1,
        "QueuedForProcessingDate": "2026-11-22T04:09:22.000Z",
        "Version": "9.4",
    }
    return usual | changes


class TestEntries:
    async def test_duplicates_are_merged(self, start_sandbox, connect):
        sandbox = await start_sandbox(**PAGES)
        sandbox.play(Fault.of("duplicates", on="catalogue"), Fault.of("duplicates", on="extracts"))
        assert await whole(await read_catalogue(await connect(sandbox), None)) == truth(sandbox)

    async def test_of_duplicates_the_last_link_is_kept_since_it_is_the_freshest(self, serve, connect):
        async def handler(request: web.Request) -> web.Response:
            twice = [entry(1, DownloadLink="https://t/old"), entry(1, DownloadLink="https://t/new")]
            return web.json_response({"Objects": twice, "Next": None})

        found = Catalogue(await connect(await serve(handler)), "1.43", ())
        assert [one.download_link for one in await found.extracts(DataSet("S", None, None))] == ["https://t/new"]

    @pytest.mark.parametrize("scopes", BOTH)
    async def test_unknown_fields_do_no_harm(self, start_sandbox, connect, scopes):
        sandbox = await start_sandbox(scopes=scopes)
        sandbox.play(Fault.of("unknown_fields", on="catalogue"), Fault.of("unknown_fields", on="extracts"))
        assert await whole(await read_catalogue(await connect(sandbox), None)) == truth(sandbox)

    @pytest.mark.parametrize(
        ("scopes", "field", "place"),
        [
            (NEW, "SchemaId", r"datasets/bds answered .*entry 1: SchemaId"),
            (NEW, "Full.PluginId", r"datasets/bds answered .*entry 1: Full\.PluginId"),
            (OLD, "PluginId", r"dataExport/bds answered .*entry 1: PluginId"),
        ],
    )
    async def test_a_missing_field_is_named_with_its_route(self, start_sandbox, connect, scopes, field, place):
        sandbox = await start_sandbox(scopes=scopes)
        sandbox.play(Fault.of("remove_field", on="catalogue", field=field))
        with pytest.raises(CatalogueError, match=place):
            await read_catalogue(await connect(sandbox), None)

    async def test_a_missing_field_of_an_extract_is_named_with_its_route(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        found = await read_catalogue(await connect(sandbox), None)
        sandbox.play(Fault.of("remove_field", on="extracts", field="DownloadLink"))
        schema = found.data_sets[0].schema_id
        with pytest.raises(CatalogueError, match=rf"datasets/bds/{schema}/extracts answered .*entry 1: DownloadLink"):
            await found.extracts(found.data_sets[0])

    async def test_a_foreign_extracts_link_is_an_error_of_that_data_set(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        sandbox.play(Fault.of("foreign_links", on="catalogue", data_set="Users"))
        found = await read_catalogue(await connect(sandbox), None)
        users, *others = found.data_sets
        with pytest.raises(CatalogueError, match=r"ExtractsLink of Users leads to .* bspace_url to https://elsewhere"):
            await found.extracts(users)
        for other in others:
            await found.extracts(other)

    async def test_the_plugins_links_are_asked_where_the_data_set_has_none(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        sandbox.play(Fault.of("set_field", on="catalogue", field="ExtractsLink", value=None))
        await whole(await read_catalogue(await connect(sandbox), None))
        assert all("/plugins/" in seen.path for seen in sandbox.requests if seen.kind == "extracts")

    async def test_without_an_extracts_link_the_documented_route_is_asked(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        sandbox.play(Fault.of("set_field", on="catalogue", field="ExtractsLink", value=None))
        assert await whole(await read_catalogue(await connect(sandbox), None)) == truth(sandbox)

    async def test_an_id_cannot_lead_to_another_route(self, serve, connect):
        """Ids come from the server too."""
        paths = []

        async def handler(request: web.Request) -> web.Response:
            paths.append(request.raw_path)
            return web.json_response({"Objects": [], "Next": None})

        found = Catalogue(await connect(await serve(handler)), "1.43", ())
        for schema_id in ("a?b", "a#b", "a b"):
            await found.extracts(DataSet(schema_id, None, None))
        assert paths == [f"/d2l/api/lp/1.43/datasets/bds/{quote(text)}/extracts" for text in ("a?b", "a#b", "a b")]

    @pytest.mark.parametrize("body", ["<html>Log in</html>", '{"message": "something else"}', "[]", "null"])
    async def test_what_is_no_listing_is_no_catalogue(self, start_sandbox, connect, body):
        sandbox = await start_sandbox()
        fault = ("html", body) if body.startswith("<") else ("json", json.loads(body))
        sandbox.play(Fault.of(fault[0], on="catalogue", body=fault[1]))
        assert isinstance(await refusal(await connect(sandbox)), CatalogueError)

    async def test_a_plugin_of_which_nothing_was_generated_is_listed_and_has_no_extracts(self, start_sandbox, connect):
        for scopes in (NEW, OLD):
            sandbox = await start_sandbox(scopes=scopes, never_generated=("Users",))
            found = await read_catalogue(await connect(sandbox), None)
            users = next(data_set for data_set in found.data_sets if data_set.name == "Users")
            assert users.full is not None
            assert {one.bds_type for one in await found.extracts(users)} == {BdsType.DIFFERENTIAL}


def old(plugin_id: str, name: str, full: bool, **more: object) -> OldDataSetShape:
    return OldDataSetShape.model_validate({"PluginId": plugin_id, "Name": name, "FullDataSet": full, **more})


def names(data_sets: tuple[DataSet, ...]) -> list[tuple]:
    return [
        (one.name, one.full and one.full.plugin_id, one.differential and one.differential.plugin_id)
        for one in data_sets
    ]


few_names = st.sampled_from(["Users", "User", "Users Differential", "Tools", " Users", "", "Differential"])
old_entries = st.lists(
    st.builds(
        lambda number, name, full, suffix: old(f"{'PpQq'[number % 4]}{number}", name + suffix * (not full), full),
        st.integers(0, 30),
        few_names,
        st.booleans(),
        st.sampled_from([" Differential", " Différentiel", " differential", ""]),
    ),
    unique_by=lambda entry: entry.plugin_id.lower(),
)


class TestPaired:
    def test_a_full_and_its_differential_are_one_data_set(self):
        entries = [old("f1", "Users", True), old("d1", "Users Differential", False), old("f2", "Tools", True)]
        assert names(paired(entries)) == [("Users", "f1", "d1"), ("Tools", "f2", None)]

    def test_the_order_of_the_entries_does_not_matter(self):
        entries = [old("d1", "Users Differential", False), old("f1", "Users", True)]
        assert names(paired(entries)) == [("Users", "f1", "d1")]

    def test_a_differential_without_a_full_is_a_data_set_of_its_own(self):
        assert names(paired([old("d1", "Users Differential", False)])) == [("Users", None, "d1")]

    @pytest.mark.parametrize("suffix", ["Différentiel", "差分", "DIFFERENTIAL"])
    def test_other_languages_have_another_suffix(self, suffix):
        entries = [old("f1", "Users", True), old("d1", f"Users {suffix}", False)]
        assert names(paired(entries)) == [("Users", "f1", "d1")]

    def test_a_name_that_is_the_beginning_of_another_is_another(self):
        entries = [old("f1", "User", True), old("d1", "User Enrollments Differential", False)]
        assert names(paired(entries)) == [("User", "f1", None), ("User Enrollments", None, "d1")]

    def test_of_two_fulls_of_one_name_only_one_has_the_differential(self):
        entries = [old("f1", "Users", True), old("f2", "Users", True), old("d1", "Users Differential", False)]
        assert names(paired(entries)) == [("Users", "f1", "d1"), ("Users", "f2", None)]

    def test_of_two_differentials_of_one_name_the_second_stands_alone(self):
        entries = [
            old("f1", "Users", True),
            old("d1", "Users Differential", False),
            old("d2", "Users Differential", False),
        ]
        assert names(paired(entries)) == [("Users", "f1", "d1"), ("Users", None, "d2")]

    def test_an_entry_that_is_listed_twice_is_one(self):
        """Pages that shift while they are read repeat entries."""
        entries = [old("f1", "Users", True), old("F1", "Users", True)]
        assert len(paired(entries)) == 1

    def test_every_extract_bears_the_data_sets_name_and_its_own_type(self):
        made = {
            "CreatedDate": "2026-11-22T04:10:02.123Z",
            "QueuedForProcessingDate": "2026-11-22T04:09:22.000Z",
            "DownloadLink": "https://t/1",
            "Version": "9.4",
        }
        entries = [old("f1", "Users", True, **made), old("d1", "Users Differential", False, **made)]
        extracts = paired(entries)[0].extracts
        assert [(one.data_set, one.plugin_id, one.bds_type) for one in extracts] == [
            ("Users", "f1", BdsType.FULL),
            ("Users", "d1", BdsType.DIFFERENTIAL),
        ]

    @given(old_entries)
    def test_no_plugin_is_lost_and_none_is_in_two_data_sets(self, entries):
        data_sets = paired(entries)
        found = Counter(plugin_id for data_set in data_sets for plugin_id in data_set.ids)
        assert set(found) == {entry.plugin_id.lower() for entry in entries}
        assert set(found.values()) <= {1}
        assert all(data_set.ids for data_set in data_sets)

    @given(old_entries)
    def test_every_plugin_keeps_its_flavour(self, entries):
        last = {entry.plugin_id.lower(): entry.full_data_set for entry in entries}
        for data_set in paired(entries):
            assert data_set.full is None or last[data_set.full.plugin_id.lower()]
            assert data_set.differential is None or not last[data_set.differential.plugin_id.lower()]


async def test_a_refusal_of_one_list_is_that_of_its_data_set_alone(start_sandbox, connect):
    sandbox = await start_sandbox()
    found = await read_catalogue(await connect(sandbox), None)
    sandbox.play(Fault.of("status", on="extracts", status=403, data_set="Users"))
    with pytest.raises(RefusedRequest) as caught:
        await found.extracts(found.data_sets[0])
    assert isinstance(caught.value, ExtractError)
    assert caught.value.status == 403
