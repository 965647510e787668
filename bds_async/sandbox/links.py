"""The tenant's download links and the storage's signed links."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from .clock import Clock
from .data.extracts import SandboxExtract


def packed(link_id: str) -> str:
    """Encode a link id as the new routes do: base64url without padding."""
    return base64.urlsafe_b64encode(link_id.encode()).decode().rstrip("=")


def unpacked(text: str) -> str:
    """Decode the last part of a new download link; empty if it is malformed."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def object_path(extract: SandboxExtract) -> str:
    """Return the path of an extract in the storage."""
    return f"/bds/{extract.plugin_id}/{extract.link_id}/{quote(extract.data_set.table.csv_name)}.zip"


class LinkSigner:
    """Signs storage links with an HMAC over path and expiry; each sandbox has its own key."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._key = clock, secrets.token_bytes(32)
        self._uses: dict[str, int] = {}

    def sign(self, path: str, life: float) -> str:
        """Return the query that gives access to a path for `life` seconds from now."""
        expires = f"{self._clock.wall() + life:.3f}"
        return urlencode({"Expires": expires, "Signature": self._signature(path, expires)})

    def sign_for_uses(self, path: str, life: float, uses: int) -> str:
        """Return the query that gives access to a path `uses` times, within `life` seconds from now."""
        query = self.sign(path, life)
        signature = query.rpartition("=")[2]
        # Two links of one millisecond are equal.
        self._uses[signature] = self._uses.get(signature, 0) + uses
        return query

    def refusal(self, path: str, query: Mapping[str, str]) -> str | None:
        """Return the error code of a refused request, or None if its signature is valid."""
        expires, signature = query.get("Expires", ""), query.get("Signature", "")
        if not hmac.compare_digest(self._signature(path, expires).encode(), signature.encode()):
            return "SignatureDoesNotMatch"
        if float(expires) < self._clock.wall() or self._uses.get(signature, 1) < 1:
            return "AccessDenied"
        if signature in self._uses:
            self._uses[signature] -= 1
        return None

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
