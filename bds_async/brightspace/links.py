"""Links as servers write them: taken as they are, and told apart by their origins."""

from __future__ import annotations

import string
from urllib.parse import quote

from yarl import URL

from ..errors import ExtractError

#: Characters of a link that are sent as the server wrote them: all but blanks, controls and what is no ASCII.
_LEFT_ALONE = string.ascii_letters + string.digits + string.punctuation


def origin_of(url: URL) -> URL | None:
    """Scheme, host and port of an absolute URL, in the one spelling that can be compared; None where there is none."""
    try:
        if not url.scheme or not url.host:
            return None
        return URL.build(scheme=url.scheme, host=url.host, port=url.explicit_port).origin()
    except ValueError:
        return None


def to_url(link: str) -> URL:
    """A link as the server wrote it: quoting a signed one anew would break its signature.

    Raises ExtractError for what is no URL, or carries a user or a password.
    """
    try:
        url = URL(quote(link, safe=_LEFT_ALONE), encoded=True)
        if url.user is None and url.password is None:
            return url
    except ValueError:
        pass
    raise ExtractError("A link from the server is not a usable URL.")
