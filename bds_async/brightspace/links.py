"""Links from servers: kept as written, and compared by origin."""

from __future__ import annotations

import re
import string
from functools import lru_cache
from urllib.parse import quote

from yarl import URL

from ..config import origin
from ..errors import ExtractError

#: Characters of a link that are sent as the server wrote them: all but blanks, controls and non-ASCII.
_UNCHANGED = string.ascii_letters + string.digits + string.punctuation
#: Names of parameters that sign a URL or limit its life: S3, CloudFront, Azure, Google.
_SIGNATURE = re.compile("sig|expires|token|credential|policy|key", re.IGNORECASE)


@lru_cache(maxsize=256)
def origin_of(url: URL) -> URL | None:
    """Scheme, host and port of an absolute URL, normalised for comparison; None if it has none."""
    try:
        if not url.scheme or not url.host:
            return None
        return URL.build(scheme=url.scheme, host=url.host, port=url.explicit_port).origin()
    except ValueError:
        return None


def bspace_url_for(url: URL) -> str | None:
    """The `bspace_url` for the site of a URL, by https except on loopback; None if the config would not accept one."""
    found = origin_of(url)
    if found is None:
        return None
    for candidate in (found, found.with_scheme("https").with_port(None)):
        try:
            return origin(str(candidate))
        except ValueError:
            continue
    return None


def is_signed(url: URL) -> bool:
    """Whether a URL has a signature in its query, as object storage demands."""
    return any(_SIGNATURE.search(name) for name in url.query)


def to_url(link: str) -> URL:
    """Convert a link to a URL exactly as the server wrote it: requoting a signed link would break its signature.

    Raises ExtractError if the link is not a URL, or has a user or a password.
    """
    try:
        url = URL(quote(link, safe=_UNCHANGED), encoded=True)
        if url.user is None and url.password is None:
            return url
    except ValueError:
        pass
    raise ExtractError("A link from the server is not a usable URL.")
