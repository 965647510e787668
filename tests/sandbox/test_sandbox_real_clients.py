"""Requests of public clients: published ids, wildcard scopes, `//` before a path, any case, the oldest routes."""

from __future__ import annotations

import io
import zipfile

import aiohttp
import pytest

from bds_async.registry import known_data_sets
from bds_async.sandbox import Fault

USERS = "1d6d722e-b572-456f-97c1-d526570daa6b"
USERS_DIFFERENTIAL = "e8339b7a-2d32-414e-9136-2adf3215a09c"
USERS_SCHEMA = "b21a6414-38f8-4da8-9a65-8b5586f9fe3b"


async def test_the_published_ids_are_served_at_every_seed(serve):
    for seed in (0, 7):
        caller = await serve(data_sets=139, scale=0.001, seed=seed)
        listed = await caller.objects()
        served = {entry["SchemaId"] for entry in listed}
        served |= {entry[kind]["PluginId"] for entry in listed for kind in ("Full", "Differential") if entry[kind]}
        assert served.issuperset(known.schema_id for known in known_data_sets() if known.schema_id)
        for known in known_data_sets():
            assert served.issuperset(filter(None, (known.full_plugin_id, known.differential_plugin_id)))


@pytest.mark.parametrize("scope", ["datahub:dataexports:*", "datahub:*:*", "core:*:*"])
async def test_a_wildcard_scope_reaches_the_old_routes(serve, scope):
    caller = await serve()
    live = caller.sandbox.new_refresh_token()
    answer = await caller.token(grant_type="refresh_token", refresh_token=live, scope=scope)
    assert answer.status == 200
    assert {"datahub:dataexports:read", "datahub:dataexports:download"} <= set(answer.json["scope"].split())
    caller.bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert (await caller.get("/dataExport/bds")).status == 200
    assert (await caller.get("/datasets/bds")).status == (200 if scope == "core:*:*" else 403)


async def test_a_wildcard_of_scopes_that_the_application_lacks_is_refused(serve):
    caller = await serve(scopes=frozenset({"datasets:bds:read"}))
    live = caller.sandbox.new_refresh_token()
    answer = await caller.token(grant_type="refresh_token", refresh_token=live, scope="datahub:dataexports:*")
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")
    assert caller.sandbox.is_live(live)


async def test_a_token_path_may_begin_with_two_slashes(serve):
    caller = await serve()
    form = {"grant_type": "refresh_token", "refresh_token": caller.sandbox.new_refresh_token()}
    basic = aiohttp.encode_basic_auth(caller.sandbox.client_id, caller.sandbox.client_secret)
    url = f"{caller.sandbox.auth_url}//core/connect/token"
    answer = await caller.call("POST", url, data=form, headers={"Authorization": basic})
    assert answer.status == 200
    assert caller.sandbox.requests[-1].kind == "token"


async def test_a_path_of_the_tenant_may_begin_with_two_slashes(serve):
    caller = await serve(page_size=1)
    answer = await caller.get(f"{caller.sandbox.tenant_url}//d2l/api/lp/1.18/dataExport/bds")
    assert answer.json["NextPageUrl"] == f"{caller.lp[:-4]}1.18/dataExport/bds?page=2"


async def test_the_clients_secret_may_come_in_the_form(serve):
    caller = await serve()
    form = {"grant_type": "refresh_token", "refresh_token": caller.sandbox.new_refresh_token()}
    wrong = await caller.token({}, **form, client_id=caller.sandbox.client_id, client_secret="wrong")
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    right = await caller.token(
        {}, **form, client_id=caller.sandbox.client_id, client_secret=caller.sandbox.client_secret
    )
    assert right.status == 200


@pytest.mark.parametrize("change", [str.lower, str.upper])
async def test_routes_and_ids_match_in_any_case(serve, change):
    caller = await serve()
    host, _, path = (await caller.entry())["DownloadLink"].partition("/d2l/")
    way, _, link = path.rpartition("/")
    for path in ("api/lp/1.43/datasets/bds", f"api/lp/1.43/datasets/bds/{USERS_SCHEMA}/extracts", "api/versions/"):
        assert (await caller.get(f"{host}{change('/d2l/' + path)}")).status == 200
    for path in ("api/lp/1.18/dataExport/bds", "api/lp/1.18/dataExport/bds/list"):
        assert (await caller.get(f"{host}{change('/d2l/' + path)}")).status == 200
    assert (await caller.get(f"{host}{change('/d2l/' + way)}/{link}")).status == 302
    assert (await caller.get(f"{host}{change(f'/d2l/api/lp/1.18/dataExport/bds/download/{USERS}')}")).status == 200


@pytest.mark.parametrize(("wanted", "types"), [("full", {"Full"}), ("Differential", {"Differential"})])
async def test_the_type_chooses_extracts(serve, wanted, types):
    caller = await serve()
    listed = await caller.objects(f"/datasets/bds/{USERS_SCHEMA}/extracts?type={wanted}")
    assert {entry["BdsType"] for entry in listed} == types
    plugin = USERS if wanted == "full" else USERS_DIFFERENTIAL
    same = await caller.objects(f"/datasets/bds/{USERS_SCHEMA}/plugins/{plugin}/extracts?type={wanted}")
    assert {entry["DownloadLink"] for entry in same} == {entry["DownloadLink"] for entry in listed}


async def test_the_oldest_list_has_no_pages_and_leads_to_the_newest_extracts(serve):
    caller = await serve(data_sets=30, never_generated=("Users Differential",))
    listed = (await caller.get("/dataExport/bds/list")).json
    assert len(listed) > caller.sandbox.settings.page_size
    by_id = {entry["PluginId"]: entry for entry in listed}
    assert by_id[USERS]["FullDataSet"] is True
    assert by_id[USERS]["DownloadLink"].endswith(f"/dataExport/bds/download/{USERS}")
    assert by_id[USERS_DIFFERENTIAL]["DownloadLink"] is None
    assert (await caller.get(by_id[USERS]["DownloadLink"])).status == 200


async def test_the_oldest_download_is_the_newest_extract_as_an_attachment(serve):
    caller = await serve()
    (users, *_) = caller.sandbox.catalogue()
    answer = await caller.get(f"/dataExport/bds/download/{USERS}")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Users.zip"'
    assert answer.body == users.newest_full.read()
    with zipfile.ZipFile(io.BytesIO((await caller.get(f"/dataExport/bds/download/{USERS_DIFFERENTIAL}")).body)) as file:
        assert file.namelist() == ["Users.csv"]


async def test_the_oldest_routes_need_the_old_scopes_and_a_known_plugin(serve):
    caller = await serve(never_generated=("Users",))
    assert (await caller.get(f"/dataExport/bds/download/{USERS}")).status == 404
    assert (await caller.get("/dataExport/bds/download/nothing")).status == 404
    await caller.sign_in("datasets:bds:read")
    assert (await caller.get("/dataExport/bds/list")).status == 403
    assert (await caller.get(f"/dataExport/bds/download/{USERS_DIFFERENTIAL}")).status == 403


async def test_faults_reach_the_oldest_routes(serve):
    caller = await serve()
    caller.sandbox.play(
        Fault.of("rename", on="catalogue", data_set="Users", name="Learners"),
        Fault.of("status", on="download", status=503),
    )
    names = {entry["Name"] for entry in (await caller.get("/dataExport/bds/list")).json}
    assert {"Learners", "Learners Differential"} <= names
    assert (await caller.get(f"/dataExport/bds/download/{USERS}")).status == 503
