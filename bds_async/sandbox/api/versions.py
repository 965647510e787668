"""`GET /d2l/api/versions/`: the versions of each API; it needs no token."""

from __future__ import annotations

from aiohttp import web

from ..web.calls import Call, Route

OTHER_PRODUCTS = {"le": ("1.40", "1.74"), "ep": ("2.5",), "bas": ("1.0", "2.2")}


async def versions(call: Call) -> web.StreamResponse:
    """Answer with the versions of all products."""
    products = {**OTHER_PRODUCTS, "lp": call.tenant.settings.lp_versions}
    return web.json_response(
        [
            {"ProductCode": code, "LatestVersion": max(known, key=_number), "SupportedVersions": list(known)}
            for code, known in products.items()
        ]
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


ROUTES = (Route.of("/d2l/api/versions/?", "versions", GET=versions),)
