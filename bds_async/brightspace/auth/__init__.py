"""Access tokens: the grants of OAuth 2.0, the token endpoint, and the refresher that all requests share."""

from .access_token import AccessToken
from .grants import Client, Grant, RefreshTokenGrant, client_of, grant_for
from .oauth_errors import Request, advice
from .refresher import TokenRefresher
from .token_endpoint import TokenEndpoint, refresh_token_in

__all__ = [
    "AccessToken",
    "Client",
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
