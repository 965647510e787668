"""Tokens of the auth service (RFC 6749): a refresh token is valid for one use, an access token for a limited time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from .scopes import resolved


class GrantRefused(Exception):
    """The token endpoint refuses a grant; `code` is the `error` of RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code, self.description, self.status = code, description, status


@dataclass(frozen=True)
class Access:
    """The scope of an access token, and its expiry in seconds of the clock."""

    scope: str
    expires: float


def scope_for(granted: str, wanted: str | None) -> str:
    """Return the scope of a new access token: what was granted, or the part of it that is wanted (GrantRefused)."""
    scope = granted if wanted is None else resolved(granted, wanted)
    if scope is None:
        raise GrantRefused("invalid_scope", "The scope goes beyond what was granted.")
    return scope


class TokenStore:
    """All tokens of one sandbox."""

    def __init__(self, clock: Clock, access_token_life: float) -> None:
        self._clock, self._life = clock, access_token_life
        self._refresh: dict[str, str] = {}
        self._access: dict[str, Access] = {}

    def new_refresh_token(self, scope: str) -> str:
        """Issue a refresh token for a scope that a person has consented to."""
        token = secrets.token_urlsafe(32)
        self._refresh[token] = scope
        return token

    def exchange(self, refresh_token: str, wanted: str | None) -> dict[str, Any]:
        """Spend a refresh token and return the answer of the token endpoint (GrantRefused)."""
        granted = self._refresh.get(refresh_token)
        if granted is None:
            raise GrantRefused("invalid_grant", "The refresh token is unknown, or has been used.")
        scope = scope_for(granted, wanted)
        del self._refresh[refresh_token]
        return {**self.grant_access(scope), "refresh_token": self.new_refresh_token(granted)}

    def grant_access(self, scope: str) -> dict[str, Any]:
        """Issue an access token, and return the answer of the token endpoint."""
        now, token = self._clock.seconds(), secrets.token_urlsafe(48)
        self._access = {key: access for key, access in self._access.items() if access.expires > now}
        self._access[token] = Access(scope, now + self._life)
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self._life), "scope": scope}

    def access(self, token: str) -> Access | None:
        """Return the scope and expiry of a token, or None if it is unknown or expired."""
        access = self._access.get(token)
        return access if access and access.expires > self._clock.seconds() else None

    def is_live(self, refresh_token: str) -> bool:
        """Return whether a refresh token could still be spent."""
        return refresh_token in self._refresh

    def revoke_access(self) -> None:
        """Revoke all access tokens."""
        self._access.clear()

    def revoke_refresh(self) -> None:
        """Revoke all refresh tokens, as when a person withdraws the consent."""
        self._refresh.clear()
