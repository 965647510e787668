"""OAuth scopes (RFC 6749 section 3.3) in Brightspace's form `group:resource:action`, with wildcards."""

from __future__ import annotations

from fnmatch import fnmatchcase

#: The scope of older applications; it includes every scope that the application may have.
EVERYTHING = "core:*:*"


def covers(granted: str, wanted: str) -> bool:
    """Return whether each scope in `wanted` is granted, directly or by a wildcard."""
    return all(any(_includes(held, scope) for held in granted.split()) for scope in wanted.split())


def resolved(granted: str, wanted: str) -> str | None:
    """Return the scopes to grant for a request, or None if it goes beyond what was granted.

    A requested wildcard yields those granted scopes that it matches.
    """
    found: set[str] = set()
    for scope in wanted.split():
        matching = {scope} if covers(granted, scope) else {held for held in granted.split() if _includes(scope, held)}
        if not matching and "*" not in scope:
            return None
        found |= matching
    return " ".join(sorted(found)) or None


def _includes(pattern: str, scope: str) -> bool:
    return pattern in (EVERYTHING, scope) or ("*" in pattern and fnmatchcase(scope, pattern))
