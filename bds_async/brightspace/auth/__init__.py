"""Access tokens: the grants of OAuth 2.0, the token endpoint, and the refresher that all requests share."""

from .access_token import AccessToken
from .client import Client, client_of
from .grants import Grant, RefreshTokenGrant, grant_for
from .oauth_errors import Request, advice
from .refresher import TokenRefresher
from .token_endpoint import CONNECT_TIMEOUT, Exchange, TokenEndpoint, refresh_token_in

__all__ = [
    "CONNECT_TIMEOUT",
    "AccessToken",
    "Client",
    "Exchange",
    "Grant",
    "RefreshTokenGrant",
    "Request",
    "TokenEndpoint",
    "TokenRefresher",
    "advice",
    "client_of",
    "grant_for",
    "refresh_token_in",
]
