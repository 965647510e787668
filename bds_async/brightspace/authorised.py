"""GET requests to one tenant: bearer, gate, renewal of a refused token."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from yarl import URL

from ..errors import ConnectionFailed, Unauthorised, UnreachableError
from .auth import AccessToken, TokenRefresher
from .gate import Gate
from .http import Transport
from .statuses import asked_wait

#: Fresh access tokens that one request tries before the tenant's 401 counts as final.
FRESH_TOKENS = 3


class AuthorisedRequests:
    """Requests to one tenant's own origin.

    `witness` is a URL for which the tenant has accepted an access token before: it shows whether the token or the
    request causes a 401.
    """

    def __init__(self, transport: Transport, tokens: TokenRefresher, gate: Gate) -> None:
        self.witness: URL | None = None
        self._transport = transport
        self._tokens = tokens
        self._gate = gate
        self._renewed: AccessToken | None = None

    @asynccontextmanager
    async def get(
        self, url: URL, headers: Mapping[str, str], *, bearer: bool = True
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the tenant's response; wait out outages, and renew a refused access token.

        Without `bearer`, no token is sent, or waited for. Raises Unauthorised if a fresh token is refused for this URL
        alone, UnreachableError, and as `TokenRefresher.token` does.
        """
        refused = 0
        while True:
            async with AsyncExitStack() as stack:
                if (sent := await self._send(stack, url, headers, bearer=bearer)) is None:
                    continue
                token, response = sent
                if token is not None and response.status == 401 and await self._renews(token, url, refused):
                    refused += 1
                    continue
                yield response
                return

    async def _send(
        self,
        stack: AsyncExitStack,
        url: URL,
        headers: Mapping[str, str],
        token: AccessToken | None = None,
        *,
        bearer: bool = True,
    ) -> tuple[AccessToken | None, aiohttp.ClientResponse] | None:
        """Send one request when the gate lets it pass; None if not connected.

        It has `token`, by default the current one; without `bearer`, none.
        """
        async with self._gate.passage():
            if bearer:
                token = token or await self._token()
                headers = {**headers, "Authorization": f"Bearer {token.value.get_secret_value()}"}
            began, limit = time.monotonic(), self._gate.connect_timeout
            try:
                request = self._transport.open("GET", url, headers=headers, connect_timeout=limit)
                response = await stack.enter_async_context(request)
            except ConnectionFailed as error:
                self._gate.unreachable(error, began)
                return None
            self._inform_gate(response)
            return token, response

    async def _renews(self, token: AccessToken, url: URL, refused: int) -> bool:
        """Get another token to try, False if there is none; raises Unauthorised if the token is not the cause."""
        if token is self._renewed and await self._is_accepted(token):
            raise Unauthorised(
                f"{url.path} answered 401 to a fresh access token that works for other requests; "
                "check the scope and the user's permissions."
            )
        if refused >= FRESH_TOKENS:
            return False
        self._renewed = await self._another(token)
        return True

    async def _is_accepted(self, token: AccessToken) -> bool:
        """Whether the tenant accepts a token where it accepted one before; outages are waited out."""
        while self.witness is not None:
            async with AsyncExitStack() as stack:
                if (sent := await self._send(stack, self.witness, {}, token)) is not None:
                    return sent[1].status != 401
        return False

    async def _token(self) -> AccessToken:
        try:
            return await self._tokens.token()
        except UnreachableError as error:
            self._gate.close(error)
            raise

    async def _another(self, refused: AccessToken) -> AccessToken:
        try:
            return await self._tokens.renew(refused)
        except UnreachableError as error:
            self._gate.close(error)
            raise

    def _inform_gate(self, response: aiohttp.ClientResponse) -> None:
        self._gate.answered(response.headers)
        seconds = asked_wait(response)
        if seconds is not None:
            self._gate.hold(f"{response.url.host} asked to wait ({response.status})", seconds)
