"""The API application at its token endpoint: HTTP Basic, in the convention that the auth service expects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote_plus

from pydantic import SecretStr

from ...config import Config
from ...errors import ConfigError
from ..http import Answer
from ..token_store import Custody
from .token_endpoint import Exchange, TokenEndpoint


class Convention(StrEnum):
    """How client id and secret become the pair of HTTP Basic.

    RFC 6749 section 2.3.1 form-encodes them first; many servers compare them unencoded.
    """

    ENCODED = "form-encoded"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Client:
    """An API application: its token endpoint, id and secret."""

    endpoint: TokenEndpoint
    client_id: str
    client_secret: SecretStr = field(repr=False)

    async def ask(self, form: Mapping[str, str], custody: Custody, exchange: Exchange) -> Answer:
        """Send one request; raises as TokenEndpoint.ask does.

        `invalid_client` spends nothing. So after that, if the two conventions differ, the other one is tried, and
        `custody` remembers the one that works.
        """
        ways = self._ways(custody.convention)
        answer = await self.endpoint.ask(form, ways[0][1], exchange)
        for convention, headers in ways[1:]:
            if not is_invalid_client(self.endpoint, answer):
                break
            answer = await self.endpoint.ask(form, headers, exchange)
            if not is_invalid_client(self.endpoint, answer):
                custody.convention = convention
        return answer

    def _ways(self, known: str | None) -> list[tuple[Convention, dict[str, str]]]:
        """Each convention with its header, the known one first; only one if the headers are equal."""
        order = [Convention.PLAIN, Convention.ENCODED] if known == Convention.PLAIN else list(Convention)
        ways = [(convention, basic(self.client_id, self.client_secret, convention)) for convention in order]
        return ways if ways[0][1] != ways[1][1] else ways[:1]


def client_of(config: Config) -> Client:
    """The application that a config describes; raises ConfigError without a client_secret."""
    if config.client_secret is None:
        raise ConfigError("client_secret is missing: signing in needs client_id and client_secret.")
    return Client(TokenEndpoint(config.auth_service), config.client_id, config.client_secret)


def is_invalid_client(endpoint: TokenEndpoint, answer: Answer) -> bool:
    """Whether an answer rejects id and secret."""
    return answer.status in (400, 401) and endpoint.error_code(answer) == "invalid_client"


def basic(client_id: str, client_secret: SecretStr, convention: Convention) -> dict[str, str]:
    """The header that authenticates the application."""
    pair = (client_id, client_secret.get_secret_value())
    joined = ":".join(map(quote_plus, pair) if convention is Convention.ENCODED else pair)
    return {"Authorization": f"Basic {base64.b64encode(joined.encode()).decode()}"}
