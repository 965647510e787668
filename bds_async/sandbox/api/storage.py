"""The object storage: signed links only, no bearer, errors in XML."""

from __future__ import annotations

from aiohttp import web

from ..web.calls import Call, Refused, Route
from ..web.sending import send_archive

MESSAGES = {
    "InvalidArgument": "Only one auth mechanism allowed; only the signature or the Authorization header",
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided.",
    "AccessDenied": "Request has expired",
    "NoSuchKey": "The specified key does not exist.",
}


def xml_refusal(status: int, code: str) -> Refused:
    """Return an error answer of the storage, in XML."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{MESSAGES[code]}</Message></Error>'
    )
    return Refused(status, body, "application/xml")


async def get_object(call: Call) -> web.StreamResponse:
    """Answer a request for a signed link."""
    if "Authorization" in call.request.headers:
        call.tenant.log.counters.refused_bearers += 1
        raise xml_refusal(400, "InvalidArgument")
    if code := call.tenant.signer.refusal(call.request.rel_url.raw_path, call.request.query):
        raise xml_refusal(403, code)
    extract = call.tenant.catalogue.find(call.params["plugin"], call.params["link"])
    if extract is None:
        raise xml_refusal(404, "NoSuchKey")
    return await send_archive(call, extract)


ROUTES = (Route.of("/bds/(?P<plugin>[^/]+)/(?P<link>[^/]+)/[^/]+", "storage", GET=get_object),)
