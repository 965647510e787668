"""Links from servers: kept as they are written, and compared by their origins."""

from __future__ import annotations

import string
from urllib.parse import quote

from yarl import URL

from ..errors import ExtractError

#: Characters of a link that are sent as the server wrote them: all but blanks, controls and non-ASCII.
_UNCHANGED = string.ascii_letters + string.digits + string.punctuation


def origin_of(url: URL) -> URL | None:
    """Scheme, host and port of an absolute URL, normalised for comparison; None if it has none."""
    try:
        if not url.scheme or not url.host:
            return None
        return URL.build(scheme=url.scheme, host=url.host, port=url.explicit_port).origin()
    except ValueError:
        return None


def to_url(link: str) -> URL:
    """A URL of a link as the server wrote it: quoting a signed link again would break its signature.

    Raises ExtractError for what is no URL, or carries a user or a password.
    """
    try:
        url = URL(quote(link, safe=_UNCHANGED), encoded=True)
        if url.user is None and url.password is None:
            return url
    except ValueError:
        pass
    raise ExtractError("A link from the server is not a usable URL.")
