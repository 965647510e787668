"""Details: kinds of requests, escaping on the consent page, credentials with odd letters, one origin alone."""

from __future__ import annotations

import base64
import json
from html import unescape
from typing import Any
from urllib.parse import quote_plus, urlencode

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bds_async.sandbox import Fault
from bds_async.sandbox.tenant import Tenant
from bds_async.sandbox.web.origins import Origin


async def test_every_kind_of_request_is_named_in_the_log(serve):
    caller = await serve()
    root, auth = caller.sandbox.tenant_url, caller.sandbox.auth_url
    entry = (await caller.objects())[0]
    link = (await caller.entry())["DownloadLink"]
    signed = await caller.signed()
    old = (await caller.get("/dataExport/bds")).json["BrightspaceDataSets"][0]["DownloadLink"]
    for url, kind in [
        (f"{root}/d2l/api/versions/", "versions"),
        (f"{caller.lp}/datasets/bds", "catalogue"),
        (f"{caller.lp}/dataexport/bds", "catalogue"),
        (entry["ExtractsLink"], "extracts"),
        (entry["Differential"]["ExtractsLink"], "extracts"),
        (link, "download"),
        (old, "download"),
        (signed, "storage"),
        (f"{auth}/oauth2/auth", "consent"),
        (f"{auth}/core/connect/token", "token"),
        (f"{root}/elsewhere", "unknown"),
    ]:
        await caller.get(url)
        assert caller.sandbox.requests[-1].kind == kind
        assert caller.sandbox.requests[-1].status is not None


async def test_the_log_names_the_data_set_as_far_as_the_path_tells(serve):
    caller = await serve()
    entry = (await caller.objects())[1]
    for link, bds_type in [
        (entry["ExtractsLink"], None),
        (entry["Full"]["ExtractsLink"], "Full"),
        (entry["Differential"]["ExtractsLink"], "Differential"),
    ]:
        await caller.get(link)
        seen = caller.sandbox.requests[-1]
        assert (seen.data_set, seen.bds_type, seen.authorised) == ("User Enrollments", bds_type, True)


@pytest.mark.parametrize("path", ["/datasets/bds", "/dataExport/bds", "/datasets/bds/x/extracts"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
async def test_lists_are_only_read(serve, path, method):
    caller = await serve()
    answer = await caller.call(method, caller.lp + path, headers=caller.bearer)
    assert answer.status == 405


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40))
def test_nothing_that_a_client_sends_becomes_markup(state):
    from html import escape

    from bds_async.sandbox.auth.consent import PAGE

    page = PAGE.format(client=escape(state), scopes="", fields=f'<input name="state" value="{escape(state)}">')
    assert unescape(page.split("<strong>", 1)[1].split("</strong>", 1)[0]) == state
    assert unescape(page.split('value="', 1)[1].split('">', 1)[0]) == state


@pytest.mark.parametrize("state", ["\"><script>alert('x')</script>", "a&b=c", "日本 語", "%2F+ "])
async def test_the_state_survives_page_and_redirect(serve, state):
    caller = await serve()
    form = {
        "response_type": "code",
        "client_id": caller.sandbox.client_id,
        "redirect_uri": "https://localhost:9/done?kept=1",
        "state": state,
    }
    url = f"{caller.sandbox.auth_url}/oauth2/auth"
    page = (await caller.bare(f"{url}?{urlencode(form)}")).body.decode()
    assert "<script>" not in page
    answer = await caller.call("POST", url, data={**form, "decision": "allow"})
    from yarl import URL

    location = URL(answer.headers["Location"])
    assert (location.query["state"], location.query["kept"], location.port) == (state, "1", 9)


async def test_credentials_are_form_encoded_within_basic(serve, monkeypatch):
    """RFC 6749 section 2.3.1: id and secret are encoded before they are joined."""
    caller = await serve()
    monkeypatch.setattr(Tenant, "client_secret", "s:e%c r+t")
    joined = f"{quote_plus(caller.sandbox.client_id)}:{quote_plus('s:e%c r+t')}"
    header = {"Authorization": "Basic " + base64.b64encode(joined.encode()).decode()}
    live = caller.sandbox.new_refresh_token()
    assert (await caller.token(header, grant_type="refresh_token", refresh_token=live)).status == 200


async def test_an_origin_keeps_its_port_and_can_be_started_anew():
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    application = web.Application()
    application.router.add_get("/", hello)
    origin = Origin(application, 0)
    await origin.refuse()
    await origin.listen()
    await origin.start()
    first = origin.url
    async with aiohttp.ClientSession() as http:
        async with http.get(first) as answer:
            assert await answer.text() == "hello"
        await origin.refuse()
        with pytest.raises(aiohttp.ClientError):
            await http.get(first)
        await origin.listen()
        await origin.listen()
        async with http.get(origin.url) as answer:
            assert (await answer.text(), origin.url) == ("hello", first)
    await origin.stop()
    await origin.stop()


async def test_nothing_secret_is_in_what_people_may_print(serve):
    caller = await serve()
    config = caller.sandbox.config()
    shown = repr([caller.sandbox, caller.sandbox.settings, caller.sandbox.catalogue(), list(caller.sandbox.requests)])
    for name in ("client_secret", "refresh_token"):
        assert str(config[name]) not in shown


@pytest.mark.parametrize("path", ["/datasets/bds", "/dataExport/bds"])
async def test_listing_faults_with_a_pattern_leave_other_data_sets_alone(serve, path):
    caller = await serve(data_sets=3)
    before = (await caller.get(path)).json
    faults: dict[str, dict[str, Any]] = {
        "foreign_links": {},
        "unknown_fields": {},
        "rename": {"name": "x"},
        "wrong_size": {"factor": 2},
        "set_field": {"field": "Odd", "value": 1},
        "remove_field": {"field": "ExtractsLink"},
    }
    for action, keys in faults.items():
        caller.sandbox.play(Fault.of(action, on="catalogue", data_set="Organizational*", **keys))
        after = (await caller.get(path)).json
        key = "Objects" if "Objects" in after else "BrightspaceDataSets"
        same = [old == new for old, new in zip(before[key], after[key], strict=True)]
        others = ["Organizational" not in json.dumps(entry) for entry in before[key]]
        assert all(equal for equal, other in zip(same, others, strict=True) if other)


async def test_a_rename_can_be_seen_while_ids_stay(serve):
    caller = await serve()
    before = (await caller.objects())[0]
    caller.sandbox.play(Fault.of("rename", on="catalogue", name="Utilisateurs", data_set="Users"))
    after = (await caller.objects())[0]
    assert after["Full"]["Name"] == "Utilisateurs"
    assert (after["SchemaId"], after["Full"]["PluginId"]) == (before["SchemaId"], before["Full"]["PluginId"])
