"""Detection of a missing scope or permission: the tenant refuses every extract."""

from __future__ import annotations

from collections.abc import Collection

from yarl import URL

from ..errors import AuthorisationError, BdsError, RefusedRequest
from ..models import Extract
from ..support.text import counted
from .catalogue import DOWNLOAD_SCOPE, NEW_SCOPE


def refused_permission(asked: Collection[tuple[Extract, BdsError | None]], origin: URL) -> AuthorisationError | None:
    """The error for a tenant that answers 403 to each of two or more extracts, None for anything else.

    `asked` are the requested extracts, each with its error, None if it did not fail; `origin` is the tenant's. A 403
    with `Retry-After` is a quota: it is Throttled, not RefusedRequest.
    """
    if len(asked) < 2 or not all(_is_forbidden(error, origin) for _, error in asked):
        return None
    scopes = {NEW_SCOPE if extract.schema_id is not None else DOWNLOAD_SCOPE for extract, _ in asked}
    return AuthorisationError(
        f"{origin.host} refuses each of {counted(len(asked), 'extract')} with 403: the token needs the scope "
        f"{' and '.join(sorted(scopes))}, and its user the permission Can access Brightspace Data Sets; "
        "add what is missing, then run `bds-async login` again."
    )


def _is_forbidden(error: BdsError | None, origin: URL) -> bool:
    return isinstance(error, RefusedRequest) and error.status == 403 and error.origin == str(origin)
