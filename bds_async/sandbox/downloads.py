"""A download link: usually a redirect to a signed link of the storage, sometimes the bytes themselves."""

from __future__ import annotations

from aiohttp import web

from bds_async.sandbox.bodies import send_archive
from bds_async.sandbox.calls import Call
from bds_async.sandbox.catalogue import SandboxExtract
from bds_async.sandbox.links import object_path


async def download(call: Call, extract: SandboxExtract) -> web.StreamResponse:
    """Answer a download link that is known."""
    if call.tenant.settings.direct:
        return await send_archive(call, extract)
    return web.Response(status=302, headers={"Location": signed_link(call, extract)})


def signed_link(call: Call, extract: SandboxExtract) -> str:
    """Give a link to the storage that lives as long as the settings say."""
    path = object_path(extract)
    query = call.tenant.signer.sign(path, call.tenant.settings.signed_link_life)
    return f"{call.tenant.urls['storage']}{path}?{query}"
