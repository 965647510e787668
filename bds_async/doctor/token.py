"""Checks of the access token: that one is granted, its scope, and the remaining rate limit."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..brightspace import Listing, connect
from ..brightspace.auth import AccessToken, TokenRefresher
from ..brightspace.auth.oauth_errors import LOGIN
from ..brightspace.catalogue import NEW_SCOPE, OLD_SCOPES
from ..brightspace.connection import log_hold, log_wait
from ..brightspace.gate import USUAL_COST, Gate
from ..config import Config
from ..errors import AuthorisationError
from ..options import RunOptions
from ..support.log import event
from .local import Credentials
from .steps import Case, CheckStatus, Finding

logger = logging.getLogger(__name__)

#: Seconds for which a server that stops answering during the examination is retried.
PATIENCE = 10.0
#: Seconds without a byte after which a connection is dropped.
STALL_TIMEOUT = 30.0


class WatchedGate(Gate):
    """A gate that keeps the rate limit headers of the last answer."""

    def __init__(self) -> None:
        super().__init__(log_hold, on_outage=log_wait, patience=PATIENCE, first_patience=PATIENCE)
        self.rate_limit: dict[str, float] = {}

    def answered(self, headers: Mapping[str, str]) -> None:
        """Do what every gate does, and keep the rate limit headers."""
        super().answered(headers)
        for key, header in _RATE_HEADERS.items():
            if (value := _number(headers.get(header))) is not None:
                self.rate_limit[key] = value


_RATE_HEADERS = {
    "remaining": "X-Rate-Limit-Remaining",
    "reset_seconds": "X-Rate-Limit-Reset",
    "request_cost": "X-Request-Cost",
}


async def check_token(case: Case) -> Finding:
    """Exchange the credentials for an access token; store the next refresh token, as every run does."""
    credentials, config = case[Credentials], case[Config]
    if credentials.home is not None:
        text = "The next check exchanges the refresh token, as every run does; its successor is stored in %s."
        logger.info(text, credentials.home, extra=event("token.exchanging", path=credentials.home))
    refresher = TokenRefresher(credentials.grant, first_patience=PATIENCE, patience=PATIENCE)
    # Use as many tries as a run: a list that is fetched at the third try is not a finding.
    gate, options = WatchedGate(), RunOptions(stall_timeout=STALL_TIMEOUT)
    connection = await case.stack.enter_async_context(connect(config, options, refresher=refresher, gate=gate))
    try:
        token = await refresher.token()
    except AuthorisationError as error:
        # If the application is refused, the token is not at fault.
        to_do = "Let no other program, and no copy of the config, use the same token." if LOGIN in str(error) else None
        return Finding(str(error), to_do=to_do, error=error)
    case.observations["access_token"] = {"lifetime_seconds": token.lifetime, "scope": token.scope}
    facts = (token, gate, connection.tenant)
    stored = f"; the next refresh token is stored in {credentials.home}" if credentials.home else ""
    return Finding(f"Accepted: an access token for {token.lifetime:.0f} s{stored}.", facts=facts)


async def check_scope(case: Case) -> Finding:
    """Check that the granted scope covers the new routes, or both scopes of the old ones."""
    granted = case[AccessToken].scope
    if granted is None:
        return Finding("The auth service does not name the granted scope; the next checks show what it permits.")
    missing_new, missing_old = (missing(granted, wanted) for wanted in (NEW_SCOPE, OLD_SCOPES))
    if missing_new and missing_old:
        raise AuthorisationError(
            f"The token's scope ({granted}) lacks {missing_new}, and for the old routes {missing_old}."
        )
    if missing_new:
        found = f"{granted}: enough for the old routes; the new ones need {missing_new}."
        return Finding(found, CheckStatus.WARNING, f"To use the new routes: `bds-async login --scope {missing_new}`.")
    old = f"; the old ones would also need {missing_old}" if missing_old else ", and for the old ones"
    return Finding(f"{granted}: enough for the new routes{old}.")


def missing(granted: str, wanted: str) -> str:
    """The scopes in `wanted` that `granted` does not cover; each of the three parts of a granted scope can be `*`."""
    return " ".join(scope for scope in wanted.split() if not any(_covers(one, scope) for one in granted.split()))


def _covers(granted: str, wanted: str) -> bool:
    have, want = granted.split(":"), wanted.split(":")
    return len(have) == len(want) and all(part in ("*", other) for part, other in zip(have, want, strict=True))


async def check_rate_limit(case: Case) -> Finding:
    """Check that the remaining credits suffice for a pull of every data set: a list and a download each."""
    seen = case[WatchedGate].rate_limit
    case.observations["rate_limit"] = seen
    if "remaining" not in seen:
        return Finding("The tenant's answers do not mention a rate limit.")
    lists = len(case[Listing].extracts) if case.knows(Listing) else 0
    wanted = 2 * lists * seen.get("request_cost", USUAL_COST)
    found = f"{seen['remaining']:.0f} credits left; a pull of all data sets takes about {wanted:.0f}."
    if seen["remaining"] < wanted:
        to_do = "Runs will have to wait; find the other job that uses the same application."
        return Finding(found, CheckStatus.WARNING, to_do)
    return Finding(found)


def _number(value: str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
