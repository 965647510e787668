"""The meaning of OAuth error codes, by the request that was refused (RFC 6749 sections 4.1.2.1 and 5.2)."""

from __future__ import annotations

from enum import Enum, auto


class Request(Enum):
    """A request that an auth service can refuse."""

    CONSENT = auto()
    CODE = auto()
    REFRESH = auto()
    SERVICE_USER = auto()


LOGIN = "run `bds-async login`"
_AGAIN = f"{LOGIN} again"
_CHECK_IT = "check it under Manage Extensibility"
_KEY = "check client_id, key_id and private_key_file, that the JWKS URL serves the public key, and this machine's clock"
_PAIR = (
    "client_id and client_secret do not belong to one registered application; compare both with Manage Extensibility "
    "and correct the config"
)

#: For each error code and each request that it can answer: the cause and what to do about it.
_ADVICE: dict[str, dict[Request, str]] = {
    "access_denied": {
        Request.CONSENT: f"consent was refused; {_AGAIN}, as a user who may consent, and consent",
        Request.CODE: f"the user or the application lacks a permission; restore it and {_AGAIN}",
        Request.REFRESH: f"the user or the application has lost its permission; restore it and {_AGAIN}",
        Request.SERVICE_USER: "the service user has lost its permission; restore it",
    },
    "invalid_client": {
        Request.CODE: f"{_PAIR} and {_AGAIN}",
        Request.REFRESH: _PAIR,
        Request.SERVICE_USER: _KEY,
    },
    "invalid_grant": {
        Request.CODE: "it has expired, has been used, or belongs to another redirect address or application; "
        f"{_AGAIN}, and paste the address within a minute of the consent",
        Request.REFRESH: f"it has been used elsewhere, has expired, or the consent was withdrawn; {_AGAIN}",
        Request.SERVICE_USER: _KEY,
    },
    "invalid_request": {
        Request.CONSENT: "the auth service could not use the request; check that --redirect-uri is the registered "
        f"address, then {_AGAIN}",
    },
    "invalid_scope": {
        Request.CONSENT: f"the application is not registered for this scope; correct --scope, or {_CHECK_IT}, "
        f"then {_AGAIN}",
        Request.CODE: f"the application is not registered for the scope; correct --scope and {_AGAIN}",
        Request.REFRESH: f"the scope asks for more than was consented to; correct or remove it, or {_AGAIN}",
        Request.SERVICE_USER: "the scope asks for more than the application was granted; correct it",
    },
    "server_error": {Request.CONSENT: f"it failed; {_AGAIN} later"},
    "temporarily_unavailable": {Request.CONSENT: f"it is too busy; {_AGAIN} later"},
    "unauthorized_client": {
        Request.CONSENT: f"the application may not ask for consent; {_CHECK_IT}, then {_AGAIN}",
        Request.CODE: f"the application may not redeem codes; {_CHECK_IT}, then {_AGAIN}",
        Request.REFRESH: f"the application may not use refresh tokens; {_CHECK_IT}",
        Request.SERVICE_USER: f"the application may not sign in as a service user; {_CHECK_IT}",
    },
    "unsupported_grant_type": {
        Request.CODE: f"the auth service does not support authorization codes; check auth_service and {_AGAIN}",
        Request.REFRESH: "the auth service does not support refresh tokens; check auth_service",
        Request.SERVICE_USER: "the auth service does not support client_credentials; check auth_service",
    },
    "unsupported_response_type": {
        Request.CONSENT: f"the auth service does not support authorization codes; check auth_service and {_AGAIN}",
    },
}
#: What to do about every other code.
_UNKNOWN = {
    Request.CONSENT: f"check the application under Manage Extensibility, then {_AGAIN}",
    Request.CODE: f"check client_id, client_secret and --redirect-uri, and {_AGAIN}",
    Request.REFRESH: f"check client_id, client_secret and scope, or {_AGAIN}",
    Request.SERVICE_USER: _KEY,
}


def advice(code: str, request: Request) -> str:
    """The cause of a refusal and what to do about it, as part of a sentence without a full stop."""
    return _ADVICE.get(code, {}).get(request, _UNKNOWN[request])
