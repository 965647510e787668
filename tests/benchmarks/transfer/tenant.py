"""A tenant that lists each zip as an extract and redirects its DownloadLink to nginx.

Arguments: LISTING URL PORT DELAY. It is a separate process, so that its CPU time counts for no client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

ROUTE = "/d2l/api/lp/1.43/datasets/bds"
#: Most data sets; further zips are their differentials, one per hour after the full.
DATA_SETS = 200
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Tenant:
    """`sizes`: the bytes of each zip by name; `storage`: the URL of nginx; each answer waits for `delay` seconds."""

    def __init__(self, sizes: dict[str, int], storage: str, url: str, delay: float) -> None:
        self._names = list(sizes)
        self._schemas = {str(uuid.uuid5(uuid.NAMESPACE_URL, name)): name for name in self._names[:DATA_SETS]}
        self._sizes = sizes
        self._storage = storage
        self._url = url
        self._delay = delay
        self._first: float | None = None

    def application(self) -> web.Application:
        """The routes, and one that returns the time (`time.monotonic()`) of the first request since its last call."""
        app = web.Application(middlewares=[self._delayed])
        app.router.add_post("/core/connect/token", self._token)
        app.router.add_get("/d2l/api/versions/", self._versions)
        app.router.add_get(ROUTE, self._data_sets)
        app.router.add_get(ROUTE + "/{schema}/extracts", self._extracts)
        app.router.add_get(ROUTE + "/{schema}/plugins/{plugin}/extracts/{extract}", self._download)
        app.router.add_get("/delay", self._nothing)
        app.router.add_get("/first-request", self._first_request)
        return app

    @web.middleware
    async def _delayed(self, request: web.Request, handler: object) -> web.StreamResponse:
        if request.path == "/first-request":
            return await self._first_request(request)
        self._first = self._first or time.monotonic()
        await asyncio.sleep(self._delay)
        return await handler(request)  # type: ignore[operator]

    async def _token(self, request: web.Request) -> web.Response:
        token = {"access_token": uuid.uuid4().hex, "refresh_token": uuid.uuid4().hex, "token_type": "Bearer"}
        return web.json_response({**token, "expires_in": 3600, "scope": "datasets:bds:read"})

    async def _versions(self, request: web.Request) -> web.Response:
        return web.json_response([{"ProductCode": "lp", "LatestVersion": "1.43", "SupportedVersions": ["1.43"]}])

    async def _data_sets(self, request: web.Request) -> web.Response:
        return web.json_response({"Objects": [self._data_set(schema) for schema in self._schemas], "Next": None})

    def _data_set(self, schema: str) -> dict[str, object]:
        link = f"{self._url}{ROUTE}/{schema}/extracts"
        name = self._schemas[schema].removesuffix(".zip")
        full = {"PluginId": _plugin(schema, "Full"), "Name": name, "Description": "", "ExtractsLink": link}
        differential = {**full, "PluginId": _plugin(schema, "Differential"), "Name": f"{name} Differential"}
        return {"SchemaId": schema, "Full": full, "Differential": differential, "ExtractsLink": link}

    async def _extracts(self, request: web.Request) -> web.Response:
        schema = request.match_info["schema"]
        first = self._names.index(self._schemas[schema])
        numbers = range(first, len(self._names), DATA_SETS)
        return web.json_response({"Objects": [self._extract(schema, number) for number in numbers], "Next": None})

    def _extract(self, schema: str, number: int) -> dict[str, object]:
        hours = number // DATA_SETS
        bds_type = "Differential" if hours else "Full"
        plugin, moment = _plugin(schema, bds_type), (FIRST + timedelta(hours=hours)).isoformat()
        return {
            "SchemaId": schema,
            "PluginId": plugin,
            "BdsType": bds_type,
            "CreatedDate": moment,
            "DownloadLink": f"{self._url}{ROUTE}/{schema}/plugins/{plugin}/extracts/{number}",
            "DownloadSize": self._sizes[self._names[number]],
            "QueuedForProcessingDate": moment,
            "Version": "1.0",
        }

    async def _download(self, request: web.Request) -> web.Response:
        name = self._names[int(request.match_info["extract"])]
        raise web.HTTPFound(f"{self._storage}/{name}?signature={uuid.uuid4().hex}")

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _first_request(self, request: web.Request) -> web.Response:
        first, self._first = self._first, None
        return web.json_response(first)


def _plugin(schema: str, bds_type: str) -> str:
    return str(uuid.uuid5(uuid.UUID(schema), bds_type))


def main(listing: str, storage: str, port: str, delay: str) -> None:
    """Serve until terminated."""
    tenant = Tenant(json.loads(Path(listing).read_text()), storage, f"http://127.0.0.1:{port}", float(delay))
    web.run_app(tenant.application(), host="127.0.0.1", port=int(port), print=None, access_log=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
