"""Checks without a token: that the servers answer, their clocks, and their API versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from yarl import URL

from ..brightspace.auth import TokenEndpoint
from ..brightspace.catalogue import DOCUMENTED, lp_versions, newest_common
from ..brightspace.http import Answer, Transport
from ..brightspace.links import bspace_url_for, to_url
from ..brightspace.retry import TRANSIENT_STATUSES, Tries, retrying
from ..brightspace.routes import VERSIONS
from ..brightspace.statuses import REDIRECTS
from ..config import Config
from ..errors import CatalogueError, ConfigError, ExtractError, UnreachableError
from ..models import version_key
from .steps import Case, CheckStatus, Finding

#: Seconds by which the clock may be wrong without a warning.
CLOCK_TOLERANCE = 60.0
#: Number of tries before a server counts as unreachable.
ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class TenantAnswers:
    """The tenant answers; `versions` are those of its LP API, none if it does not name them."""

    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthAnswers:
    """The auth service answers."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """The LP API version that a run would use."""

    lp: str


async def check_tenant(case: Case) -> Finding:
    """Check that the tenant answers `GET /d2l/api/versions/`, which needs no token."""
    origin = URL(case[Config].bspace_url)
    answer = await _asked(case, origin.with_path(VERSIONS))
    if answer.status in REDIRECTS:
        _refuse_another_origin(origin, answer)
    if answer.status in TRANSIENT_STATUSES:
        raise UnreachableError(f"{origin.host} answers {answer.status} at {VERSIONS}.")
    facts = (TenantAnswers(_versions(answer)),)
    return Finding(f"{origin} answers.", facts=facts)


async def check_auth_service(case: Case) -> Finding:
    """Check that the auth service answers a GET of its token endpoint, with any status: it expects a POST."""
    endpoint = TokenEndpoint(case[Config].auth_service)
    answer = await _asked(case, endpoint.url)
    if answer.status >= 500:
        found = f"{endpoint.url.origin()} answers {answer.status}."
        return Finding(found, CheckStatus.WARNING, "Try again later; see D2L's status page.", (AuthAnswers(),))
    return Finding(f"{endpoint.url.origin()} answers.", facts=(AuthAnswers(),))


async def check_clock(case: Case) -> Finding:
    """Check that this machine's clock agrees with the `Date` of every answer (RFC 9110 section 6.6.1)."""
    if not case.skews:
        is_answered = case.knows(TenantAnswers) or case.knows(AuthAnswers)
        found = "No answer had a Date header." if is_answered else "No server has answered."
        return Finding(found, CheckStatus.SKIPPED)
    server, skew = max(case.skews.items(), key=lambda entry: abs(entry[1]))
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {server}"
    if abs(skew) > CLOCK_TOLERANCE:
        return Finding(
            f"The clock is {said}.", CheckStatus.WARNING, "Set the clock of this machine, preferably by NTP."
        )
    return Finding(f"The clock is right ({said}).")


async def check_api_version(case: Case) -> Finding:
    """Check that the tenant knows the config's `api_version`, or that both sides know a common version."""
    wanted, versions = case[Config].api_version, case[TenantAnswers].versions
    if wanted and versions and wanted not in versions:
        raise ConfigError(f"The tenant does not know api_version {wanted}; it knows {', '.join(versions)}.")
    lp = wanted or (newest_common(list(versions)) if versions else DOCUMENTED)
    oldest, newest = (choose(versions, key=version_key, default=None) for choose in (min, max))
    case.observations["api_version"] = {"used": lp, "oldest": oldest, "newest": newest}
    knows = f"the tenant knows {oldest} to {newest}" if versions else "the tenant does not name its versions"
    return Finding(f"LP {lp} is used; {knows}.", facts=(ApiVersion(lp),))


async def _asked(case: Case, url: URL) -> Answer:
    """GET without a token; every failure becomes an UnreachableError."""
    try:
        async for attempt in retrying(Tries(ATTEMPTS), url.authority):
            with attempt:
                sent = case.now()
                answer = await case[Transport].fetch("GET", url)
                _note_date(case, url.authority, answer.headers, (sent + case.now()) / 2)
                return answer
    except ExtractError as error:
        raise UnreachableError(str(error)) from None
    raise AssertionError("unreachable: the last failure is raised")


def _note_date(case: Case, server: str, headers: Mapping[str, str], moment: float) -> None:
    """Record the clock skew. A `Date` has whole seconds, so on average it is half a second old; a cache adds `Age`."""
    try:
        date = parsedate_to_datetime(headers["Date"]).timestamp() + float(headers.get("Age", "0"))
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return
    case.skews[server] = moment - date - 0.5


def _refuse_another_origin(origin: URL, answer: Answer) -> None:
    """Raise ConfigError for a redirect to another origin: the bearer is sent to the tenant's origin only."""
    try:
        target = bspace_url_for(origin.join(to_url(answer.headers.get("Location", ""))))
    except (ExtractError, ValueError):
        return
    if target is not None and target != str(origin.origin()):
        raise ConfigError(f"{origin} redirects to {target}; if that is the tenant's own name, set bspace_url to it.")


def _versions(answer: Answer) -> tuple[str, ...]:
    """The versions of the LP API that the tenant supports; empty if it does not name them."""
    try:
        return tuple(lp_versions(json.loads(answer.body)))
    except (ValueError, TypeError, RecursionError, CatalogueError):
        return ()
