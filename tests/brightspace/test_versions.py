"""Which version of the LP API is requested."""

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bds_async.brightspace.catalogue.versions import (
    DOCUMENTED,
    NEWEST_KNOWN,
    OLDEST_KNOWN,
    negotiate,
    newest_common,
)
from bds_async.brightspace.routes import VERSIONS
from bds_async.errors import CatalogueError, ConfigError, ExtractError, TransientError
from bds_async.models import version_key
from bds_async.sandbox import Fault

LOW, HIGH = version_key(OLDEST_KNOWN), version_key(NEWEST_KNOWN)
versions = st.builds("{}.{}".format, st.integers(0, 3), st.integers(0, 99))


class TestNewestCommon:
    @pytest.mark.parametrize(
        ("supported", "chosen"),
        [
            (["1.30", "1.49", "1.9"], "1.49"),
            (["1.43", "1.100"], "1.43"),
            (["1.64", "1.70"], "1.64"),
            (["1.2", "1.9"], "1.9"),
            (["1.2", "2.0"], "2.0"),
            (["1.63"], "1.63"),
            (["1.15"], "1.15"),
        ],
    )
    def test_is_the_newest_that_both_know_else_the_one_that_is_nearest(self, supported, chosen):
        assert newest_common(supported) == chosen

    @given(st.lists(versions, min_size=1))
    def test_is_always_one_of_those_that_the_tenant_supports(self, supported):
        chosen = newest_common(supported)
        assert chosen in supported
        known = [version_key(version) for version in supported if LOW <= version_key(version) <= HIGH]
        assert not known or version_key(chosen) == max(known)


def products(*supported: str, code: str = "lp") -> list[dict[str, object]]:
    other: dict[str, object] = {"ProductCode": "le", "LatestVersion": "1.99", "SupportedVersions": ["1.50"]}
    return [other, {"ProductCode": code, "LatestVersion": "1.99", "SupportedVersions": list(supported)}]


NULL = [{"ProductCode": "lp", "SupportedVersions": [None]}]


@pytest.fixture
async def tenant_that_says(serve, connect):
    """A function that connects to a tenant whose versions route gives this answer."""

    async def start(document: object = None, status: int = 200):
        async def handler(request: web.Request) -> web.Response:
            return web.json_response(document, status=status)

        return await connect(await serve(handler))

    return start


class TestNegotiate:
    async def test_the_sandbox_and_the_program_have_a_newest_version_in_common(self, start_sandbox, connect):
        sandbox = await start_sandbox(lp_versions=("1.20", "1.47", "1.99"))
        assert await negotiate(await connect(sandbox), None) == "1.47"
        assert [seen.path for seen in sandbox.requests if seen.kind == "versions"] == [VERSIONS]

    async def test_the_versions_do_not_wait_for_the_token_exchange(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        await negotiate(await connect(sandbox), None)
        assert [seen.kind for seen in sandbox.requests] == ["versions"]

    @pytest.mark.parametrize(
        ("status", "body"),
        [(302, ""), (401, ""), (403, ""), (404, ""), (410, ""), (200, "<html>log in"), (200, '{"error": "log in"}')],
    )
    async def test_a_tenant_that_demands_a_token_for_them_gets_it(self, serve, connect, status, body):
        async def handler(request: web.Request) -> web.Response:
            if "Authorization" in request.headers:
                return web.json_response(products("1.44"))
            return web.Response(status=status, text=body, headers={"Location": "/d2l/login"})

        assert await negotiate(await connect(await serve(handler)), None) == "1.44"

    async def test_a_tenant_in_trouble_is_asked_once_for_each_try(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        sandbox.play(Fault.of("status", on="versions", status=503))
        with pytest.raises(TransientError):
            await negotiate(await connect(sandbox), None)
        assert [seen.kind for seen in sandbox.requests] == ["versions"]

    @pytest.mark.parametrize("code", ["lp", "LP"])
    async def test_only_versions_of_lp_count(self, tenant_that_says, code):
        assert await negotiate(await tenant_that_says(products("1.44", code=code)), None) == "1.44"

    async def test_a_version_that_was_asked_for_is_used_if_the_tenant_knows_it(self, tenant_that_says):
        assert await negotiate(await tenant_that_says(products("1.30", "1.49")), "1.30") == "1.30"

    async def test_one_that_it_does_not_know_is_for_a_person_to_correct(self, tenant_that_says):
        with pytest.raises(ConfigError, match=r"does not know api_version 1\.12; it knows 1\.30, 1\.49\.") as caught:
            await negotiate(await tenant_that_says(products("1.30", "1.49")), "1.12")
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize("status", [403, 404])
    async def test_a_tenant_that_will_not_say_is_asked_as_d2l_documents_it(self, tenant_that_says, status):
        tenant = await tenant_that_says(status=status)
        assert await negotiate(tenant, None) == DOCUMENTED
        assert await negotiate(tenant, "1.12") == "1.12"

    @pytest.mark.parametrize("document", [[], products(), products("latest"), NULL])
    async def test_a_tenant_that_names_no_version_of_lp_is_one_that_will_not_say(self, tenant_that_says, document):
        assert await negotiate(await tenant_that_says(document), None) == DOCUMENTED

    async def test_what_is_no_list_of_products_is_an_error(self, tenant_that_says):
        with pytest.raises(ExtractError, match="not a list of products"):
            await negotiate(await tenant_that_says({"Errors": []}), None)

    async def test_a_product_without_its_versions_names_route_and_field(self, tenant_that_says):
        with pytest.raises(CatalogueError, match=f"{VERSIONS} answered .*SupportedVersions: field required"):
            await negotiate(await tenant_that_says([{"ProductCode": "lp"}]), None)

    async def test_a_tenant_in_trouble_is_not_one_that_will_not_say(self, tenant_that_says):
        with pytest.raises(TransientError):
            await negotiate(await tenant_that_says(status=500), None)
