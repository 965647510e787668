"""The checks in order: what each needs, what it provides for later ones, and what to do if it fails."""

from __future__ import annotations

from ..brightspace import Listing, Tenant
from ..brightspace.auth import AccessToken
from ..config import Config
from .catalogue import CatalogueReads, FirstPage, check_catalogue, check_extracts, check_permission
from .local import Credentials, Destination, check_config, check_credentials, check_destination, check_permissions
from .reach import (
    ApiVersion,
    AuthAnswers,
    TenantAnswers,
    check_api_version,
    check_auth_service,
    check_clock,
    check_tenant,
)
from .sample import check_download
from .space import check_space
from .steps import Step
from .token import WatchedGate, check_rate_limit, check_scope, check_token

_NETWORK = "DNS, proxy (HTTPS_PROXY) and firewall of this machine; or try again later."

STEPS = (
    Step(
        "config",
        check_config,
        "config-sample.json shows every key; --config FILE or BDS_CONFIG names another file.",
        brings=(Config,),
    ),
    Step("permissions", check_permissions, "Let only the job's user read the files.", needs=(Config,)),
    Step(
        "token home",
        check_credentials,
        "No token was spent. If a file is at fault: let token_file (BDS_TOKEN_FILE) name one in a folder that can be "
        "written, and store a token there with `bds-async login`.",
        needs=(Config,),
        brings=(Credentials,),
    ),
    Step("tenant", check_tenant, f"Check bspace_url, {_NETWORK}", needs=(Config,), brings=(TenantAnswers,)),
    Step("auth service", check_auth_service, f"Check auth_service, {_NETWORK}", needs=(Config,), brings=(AuthAnswers,)),
    Step("clock", check_clock, "Set the clock of this machine, preferably by NTP.", needs=(Config,)),
    Step(
        "api version",
        check_api_version,
        "Remove api_version; then the newest version that both sides know is used.",
        needs=(Config, TenantAnswers),
        brings=(ApiVersion,),
    ),
    Step(
        "token",
        check_token,
        None,
        needs=(Credentials, AuthAnswers),
        brings=(AccessToken, Tenant, WatchedGate),
    ),
    Step(
        "scope",
        check_scope,
        "Add the scope to the application under Manage Extensibility and to `scope` of the config, if that is set; "
        "then run `bds-async login`.",
        needs=(AccessToken,),
    ),
    Step(
        "permission",
        check_permission,
        "Have the scope and the permission granted, then run `bds-async login`.",
        needs=(Tenant, TenantAnswers, ApiVersion),
        brings=(FirstPage,),
    ),
    Step(
        "catalogue",
        check_catalogue,
        "Run doctor again later; if it persists, the form of the tenant's answers has changed: report it.",
        needs=(FirstPage,),
        brings=(CatalogueReads,),
    ),
    Step(
        "extract lists",
        check_extracts,
        "Run doctor again later; the other data sets can be pulled meanwhile.",
        needs=(CatalogueReads,),
        brings=(Listing,),
        limit=900.0,
    ),
    Step(
        "download",
        check_download,
        "Let proxy and firewall pass the storage's host unchanged, or try again later.",
        needs=(Listing,),
        limit=900.0,
    ),
    Step("destination", check_destination, None, brings=(Destination,)),
    Step(
        "space",
        check_space,
        "Make room, choose another --to, or pull fewer data sets (--data-set).",
        needs=(Destination, Listing),
    ),
    Step("rate limit", check_rate_limit, "Wait until the limit is reset.", needs=(WatchedGate,)),
)
