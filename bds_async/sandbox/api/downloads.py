"""Download links: usually a redirect to a signed link of the storage, sometimes the bytes themselves."""

from __future__ import annotations

from aiohttp import web

from ..data.extracts import SandboxExtract
from ..links import object_path
from ..web.calls import Call
from ..web.sending import send_archive


async def download(call: Call, extract: SandboxExtract) -> web.StreamResponse:
    """Answer the download link of a listed extract."""
    if call.tenant.settings.direct:
        return await send_archive(call, extract)
    return web.Response(status=302, headers={"Location": signed_link(call, extract)})


def signed_link(call: Call, extract: SandboxExtract) -> str:
    """Return a signed link to the storage, which expires as the settings or a fault say."""
    path, life, signer = object_path(extract), call.tenant.settings.signed_link_life, call.tenant.signer
    if call.fault("expired_link"):
        query = signer.sign(path, -1)
    elif fault := call.fault("link_uses"):
        query = signer.sign_for_uses(path, life, fault["uses"])
    else:
        query = signer.sign(path, life)
    return f"{call.tenant.urls['storage']}{path}?{query}"
