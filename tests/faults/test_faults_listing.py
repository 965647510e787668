"""Listings that break, lie, repeat or leave the tenant: an incomplete listing never passes for a whole one."""

import asyncio
import json
import re

import pytest
from aiohttp import web

from bds_async import CatalogueError, Status
from bds_async.errors import ConnectionLost
from bds_async.sandbox import Fault
from bds_async.watching import failures
from tests.faults.playing import VICTIM, published

EVERYTHING = frozenset({"datahub:dataexports:*"})


def in_list(action: str, **keys) -> Fault:
    return Fault.of(action, **{"on": "extracts", "data_set": VICTIM, **keys})


def in_catalogue(action: str, **keys) -> Fault:
    return Fault.of(action, on="catalogue", **keys)


async def check_alone(play, fault: Fault, reason: str) -> None:
    """Check that one data set fails visibly, and the others are delivered."""
    played = await play(fault)
    assert played.report.exit_code == 3
    assert [failed.data_set for failed in played.report.failed_lists] == [VICTIM]
    (error,) = (failed.error for failed in played.report.failed_lists)
    assert re.search(reason, error), error
    told = [notice.text for notice in failures(played.report)]
    assert f"{VICTIM}: {error}" in told
    assert json.loads(played.report.to_json())["failed_lists"][0]["error"] == error
    assert len(published(played.folder)) == played.report.count(Status.DOWNLOADED) == 1


class TestOneList:
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (in_list("status", status=500), "answered 500"),
            (in_list("status", status=404), "answered 404"),
            (in_list("status", status=403), "answered 403"),
            (in_list("html"), "answered an HTML page in place of JSON"),
            (in_list("json"), "is not what D2L documents: Objects"),
            (in_list("json", body=[]), "is not what D2L documents"),
            (in_list("reset"), "broke off"),
            (in_list("hang"), "sent nothing for too long"),
            (in_list("redirect"), "in a circle"),
            (in_list("next_loops"), r"/extracts run in a circle"),
            (in_list("next_leaves"), "leads to elsewhere.example, but the token is for .*bspace_url"),
            (in_list("set_field", field="QueuedForProcessingDate", value="yesterday"), "QueuedForProcessingDate"),
            (in_catalogue("foreign_links", data_set=VICTIM), "ExtractsLink of Users leads to elsewhere.example"),
        ],
        ids=lambda value: value.action if isinstance(value, Fault) else "",
    )
    async def test_that_keeps_failing_fails_its_data_set_alone(self, play, fault, reason):
        async def patient(*faults):
            return await play(*faults, attempts=2, stall_timeout=0.3)

        await check_alone(patient, fault, reason)

    @pytest.mark.parametrize(
        "field",
        ["PluginId", "BdsType", "CreatedDate", "DownloadLink", "QueuedForProcessingDate", "Version"],
    )
    async def test_a_missing_field_is_named_with_its_route(self, play, field):
        reason = rf"/d2l/api/lp/[\d.]+/datasets/bds/\S+ answered something .*entry 1: {field}"
        await check_alone(play, in_list("remove_field", field=field), reason)

    @pytest.mark.parametrize("fault", [in_list("status", status=503, first=2), in_list("html", first=2)])
    async def test_that_fails_for_now_is_asked_for_again(self, play, fault):
        (await play(fault)).check_right()

    async def test_of_which_a_page_is_missing_is_no_list(self, player):
        """Its first page arrived, and would look like a whole list."""
        player = await player(extract_page_size=5)

        async def play(fault):
            return await player.pull_anew(fault, attempts=1)

        await check_alone(play, in_list("status", status=500, at=[3]), "answered 500")

    async def test_what_is_listed_twice_is_fetched_once_and_what_is_new_is_ignored(self, play):
        odd = [Fault.of(what, on=on) for what in ("duplicates", "unknown_fields") for on in ("extracts", "catalogue")]
        played = await play(*odd)
        played.check_right()
        assert len(played.requests("extracts", None)) == len(played.requests("storage", None)) == 2


class TestAllLists:
    @pytest.mark.parametrize("status", [403, 500])
    async def test_if_every_list_fails_there_is_nothing_to_plan(self, play, status):
        with pytest.raises(CatalogueError, match=f"Could not fetch any of 2 extract lists.*answered {status}"):
            await play(Fault.of("status", status=status, on="extracts"), attempts=1)

    async def test_a_bspace_url_that_is_not_the_tenants_own_name_is_told(self, play):
        with pytest.raises(CatalogueError, match=r"set bspace_url to https://school\.example"):
            await play(in_catalogue("foreign_links", origin="https://school.example"))


class TestCatalogue:
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (in_catalogue("status", status=500), "answered 500"),
            (in_catalogue("html"), "HTML page"),
            (in_catalogue("json"), "is not what D2L documents: Objects"),
            (in_catalogue("reset"), "broke off"),
            (in_catalogue("redirect"), "in a circle"),
            (in_catalogue("next_loops"), "/datasets/bds run in a circle"),
            (in_catalogue("next_leaves"), "leads to elsewhere.example"),
            (in_catalogue("remove_field", field="SchemaId"), r"/datasets/bds answered .*entry 1: SchemaId"),
            (in_catalogue("remove_field", field="Full.PluginId"), r"entry 1: Full\.PluginId"),
            (in_catalogue("remove_field", field="Differential.Name"), r"entry 1: Differential\.Name"),
        ],
        ids=lambda value: value.action if isinstance(value, Fault) else "",
    )
    async def test_that_will_not_come_whole_ends_the_run_before_a_plan(self, play, fault, reason, tmp_path):
        with pytest.raises(CatalogueError, match=reason):
            await play(fault, attempts=2)
        assert not published(tmp_path / "to-1")

    async def test_of_which_a_page_is_missing_is_no_catalogue(self, player):
        player = await player(data_sets=12, page_size=5)
        with pytest.raises(CatalogueError, match="answered 502"):
            await player.pull(in_catalogue("status", status=502, at=[3]), attempts=1)
        assert not published(player.folder)

    async def test_that_fails_for_now_is_asked_for_again(self, play):
        (await play(in_catalogue("status", status=502, first=2))).check_right()

    @pytest.mark.parametrize(
        "fault",
        [
            in_catalogue("next_loops"),
            in_catalogue("next_leaves"),
            in_catalogue("remove_field", field="FullDataSet"),
            in_catalogue("remove_field", field="PluginId"),
        ],
        ids=lambda fault: fault.action,
    )
    async def test_by_the_old_routes_it_is_held_to_the_same(self, player, fault):
        player = await player(scopes=EVERYTHING)
        with pytest.raises(CatalogueError, match=r"dataExport/bds|elsewhere\.example"):
            await player.pull(fault, attempts=1)

    async def test_by_the_old_routes_duplicates_are_merged_and_new_fields_ignored(self, player):
        player = await player(scopes=EVERYTHING)
        played = await player.pull(in_catalogue("duplicates"), in_catalogue("unknown_fields"))
        played.check_right()
        assert len(played.requests("storage", None)) == 2


class TestDrops:
    async def test_an_answer_that_never_ends_is_given_up_though_bytes_arrive(self, serve, connect, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.http.reading.ANSWER_TIMEOUT", 0.3)

        async def drips(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.01)

        url = await serve(drips)
        tenant = await connect(url, attempts=2)
        with pytest.raises(ConnectionLost, match=r"127\.0\.0\.1 did not complete its answer"):
            await tenant.json(url / "d2l")
