"""Login: a person's consent, the redirect with the answer, and the first refresh token."""

from .consent import Consent, ForeignRedirect
from .redirect_listener import can_listen, listening
from .sign_in import REDIRECT_URI, prove_home, scope_to_ask_for, sign_in

__all__ = [
    "REDIRECT_URI",
    "Consent",
    "ForeignRedirect",
    "can_listen",
    "listening",
    "prove_home",
    "scope_to_ask_for",
    "sign_in",
]
