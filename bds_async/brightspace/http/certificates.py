"""The causes of an untrusted certificate, each with fitting advice."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

#: Codes of OpenSSL (`X509_V_ERR_…`).
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _UNKNOWN_ROOT = 9, 10, 18, 19
_UNKNOWN_ISSUER = frozenset({20, 21})
_OTHER_NAME = frozenset({62, 64})
#: Purpose, key usage and the form of extensions, which Python 3.13 checks by RFC 5280 (`VERIFY_X509_STRICT`).
_MALFORMED = frozenset({24, 26, 32, *range(79, 95)})

_AUTHORITY = "point SSL_CERT_FILE at the certificate of the authority"


def certificate_fault(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Describe the cause and the advice in one or two sentences."""
    code = error.verify_code
    if code in (_SELF_SIGNED, _UNKNOWN_ROOT, *_UNKNOWN_ISSUER) and (fault := _certificate_file_fault()):
        return f"The certificate of {host} can't be checked: {fault}"
    return f"The certificate of {host} {_cause(code)}"


def _cause(code: int) -> str:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if code == _EXPIRED:
        return f"has expired. If this machine's clock ({now}) is wrong, set it; else the certificate must be renewed."
    if code == _NOT_YET_VALID:
        return f"is not valid yet by this machine's clock ({now}); set the clock."
    if code in _OTHER_NAME:
        return "is for another host name; check the address (bspace_url, auth_service), and whether a proxy answers."
    if code == _SELF_SIGNED:
        return f"is self-signed; if it is the server's own, {_AUTHORITY}, else something intercepts the connection."
    if code == _UNKNOWN_ROOT:
        return (
            "leads to an authority that this machine does not know, as when a firewall or proxy intercepts TLS; "
            f"ask your network's administrators, and {_AUTHORITY}."
        )
    if code in _UNKNOWN_ISSUER:
        return f"is from an unknown authority, or the server omits an intermediate certificate; {_AUTHORITY}."
    if code in _MALFORMED:
        return (
            "or that of its authority breaks RFC 5280 (key usage or extensions), which Python 3.13 checks; "
            "have it issued again, or use Python 3.12."
        )
    return f"can't be trusted; if your network has its own authority, {_AUTHORITY}."


def _certificate_file_fault() -> str | None:
    """The fault of the file that SSL_CERT_FILE names; None without one."""
    name = os.environ.get("SSL_CERT_FILE")
    if not name:
        return None
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        return f"SSL_CERT_FILE names {name}, which can't be read ({error.strerror}); correct it, or unset it."
    if b"-----BEGIN " not in content:
        return f"SSL_CERT_FILE names {name}, which holds no certificate; correct it, or unset it."
    return None
