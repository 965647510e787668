"""Statuses of the storage and of the tenant: which cause a wait, which are retried, which are final."""

import pytest
from aiohttp import web

from bds_async import AuthorisationError, Status
from bds_async.brightspace.catalogue.catalogue import read_catalogue
from bds_async.brightspace.retry import TRANSIENT_STATUSES
from bds_async.brightspace.routes import VERSIONS
from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM

TRANSIENT = sorted(TRANSIENT_STATUSES)
#: Statuses of a storage for a signed link that it does not accept (any more).
LINK_REFUSED = [400, 401, 403, 404, 410]
FINAL = [304, 402, 405, 406, 409, 418, 451, 501, 505, 511]


def of_victim(status: int, kind: str, **keys: object) -> Fault:
    return Fault.of("status", status=status, on=kind, data_set=VICTIM, **keys)


@pytest.mark.parametrize("kind", ["storage", "download"])
async def test_a_transient_one_is_tried_again(player, kind):
    """Each on a different data set, twice."""
    player = await player(data_sets=len(TRANSIENT) + 1)
    names = [data_set.name for data_set in player.sandbox.catalogue()]
    faults = [
        Fault.of("status", status=status, on=kind, data_set=name, first=2)
        for status, name in zip(TRANSIENT, names, strict=False)
    ]
    played = await player.pull(*faults)
    played.check_right()
    assert played.report.counters.retries == 2 * len(TRANSIENT)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("kind", ["storage", "download"])
async def test_one_that_stays_fails_after_as_many_tries_as_allowed(play, kind, attempts):
    played = await play(of_victim(503, kind), attempts=attempts)
    played.check_honest(reason="answered 503")
    assert len(played.requests(kind)) == played.outcome().attempts == attempts


@pytest.mark.parametrize("status", sorted({*LINK_REFUSED, *FINAL} - {401}))
async def test_the_tenants_refusal_of_one_extract_fails_it_at_once(play, status):
    played = await play(of_victim(status, "download"))
    played.check_honest(reason=f"answered {status}")
    assert len(played.requests("download")) == played.outcome().attempts == 1


async def test_a_401_of_one_extract_to_a_token_that_is_good_for_others_fails_it_alone(play):
    played = await play(of_victim(401, "download"), attempts=3)
    played.check_honest(reason="401 to a fresh access token that works for other requests")
    assert played.outcome().attempts == 3
    assert played.report.counters.token_refreshes == 2


async def test_any_number_of_them_costs_one_token(play):
    played = await play(Fault.of("status", status=401, on="download"), attempts=3)
    assert (played.report.exit_code, played.report.count(Status.FAILED)) == (3, len(played.report.outcomes))
    assert played.report.counters.token_refreshes == 2


async def test_a_401_that_passes_is_got_past(play):
    (await play(of_victim(401, "download", first=3), attempts=3)).check_right()


async def test_a_401_of_the_catalogue_is_a_matter_for_a_person(play):
    with pytest.raises(AuthorisationError, match="bds-async login"):
        await play(Fault.of("status", status=401, on="catalogue"))


async def test_so_is_a_401_of_its_second_page(serve, connect):
    """The first page was served with the same token."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == VERSIONS:
            return web.json_response([])
        if "page" in request.query:
            return web.Response(status=401)
        return web.json_response({"Objects": [], "Next": "/d2l/api/lp/1.43/datasets/bds?page=2"})

    tenant = await connect(await serve(handler))
    with pytest.raises(AuthorisationError, match="/datasets/bds answered 401"):
        await read_catalogue(tenant, None)


@pytest.mark.parametrize("status", LINK_REFUSED)
async def test_a_link_that_the_storage_refuses_is_asked_for_anew(play, status):
    (await play(of_victim(status, "storage", first=2))).check_right()
    played = await play(of_victim(status, "storage"))
    played.check_honest(reason=f"answered {status}")
    assert len(played.requests("storage")) == len(played.requests("download")) == 3


@pytest.mark.parametrize("status", FINAL)
async def test_another_refusal_of_the_storage_is_its_last_word(play, status):
    played = await play(of_victim(status, "storage"))
    played.check_honest(reason=f"127.0.0.1 answered {status}")
    assert len(played.requests("storage")) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [(201, "answered 201 in place"), (204, "answered 204 in place"), (206, "never served one object")],
)
async def test_a_success_that_brings_no_zip_fails_after_as_many_tries_as_allowed(play, status, reason):
    (await play(of_victim(status, "storage", first=1))).check_right()
    played = await play(of_victim(status, "storage"), attempts=3)
    played.check_honest(reason=reason)
    assert len(played.requests("storage")) == played.outcome().attempts == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize(("status", "kind"), [(403, "download"), (403, "storage"), (429, "storage"), (503, "download")])
async def test_who_names_the_moment_is_waited_for_and_has_not_failed(play, status, kind, form):
    played = await play(of_victim(status, kind, first=2, retry_after=0.2, retry_after_form=form), attempts=1)
    played.check_right()


async def test_a_redirect_to_nowhere_may_be_a_slip(play):
    (await play(of_victim(302, "download", first=2))).check_right()
    (await play(of_victim(302, "download"))).check_honest(reason="a redirect without a target")
