"""The settings of one tenant: its address, the API application's credentials and where the token lives."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..errors import ConfigError
from .addresses import origin
from .sources import config_path, from_environment, from_file, is_absent, variable

#: D2L's auth service, for every tenant in its cloud.
AUTH_SERVICE = "https://auth.brightspace.com"


class TokenSource(StrEnum):
    """Who gave the refresh token, which decides where its successor may be written."""

    FILE = "config file"
    ENVIRONMENT = "environment"
    NAMED_FILE = "file that BDS_REFRESH_TOKEN_FILE names"
    CODE = "code"


class Config(BaseModel):
    """Everything needed to reach one tenant as one API application; immutable, and its repr shows no secret.

    Made in code, it takes the same keys as config.json, and `token_file` says where its refresh token is rotated to.
    `private_key_file` and `key_id` (service users) stand in place of `client_secret` and `refresh_token`. Empty text
    counts as absent. Raises ConfigError for values that can't be right.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    bspace_url: str
    client_id: str
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    auth_service: str = AUTH_SERVICE
    api_version: str | None = None
    scope: str | None = None
    token_file: Path | None = None
    private_key_file: Path | None = None
    key_id: str | None = None
    #: The file that these settings were read from; None where there was none.
    config_file: Path | None = None
    token_source: TokenSource = TokenSource.CODE

    @classmethod
    def load(cls, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Settings from a config file (default: what `BDS_CONFIG` names, or config.json) and the environment.

        The environment wins; where it says everything, no file is needed. Raises ConfigError, which names all that is
        missing.
        """
        return cls._load(path, os.environ if environ is None else environ, not_yet=())

    @classmethod
    def load_for_login(cls, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """As `load`, but without asking for the refresh token, which signing in is about to bring."""
        return cls._load(path, os.environ if environ is None else environ, not_yet=("refresh_token",))

    @classmethod
    def _load(cls, path: Path | None, environ: Mapping[str, str], not_yet: tuple[str, ...]) -> Self:
        path = config_path(path, environ)
        stored = from_file(path)
        provided = from_environment(environ)
        values = (stored or {}) | {key: value for key, (value, _) in provided.items()}
        _demand([key for key in needed_keys(values) if key not in values and key not in not_yet], path, stored)
        names = dict.fromkeys(values, str(path)) | {key: name for key, (_, name) in provided.items()}
        values["config_file"] = path.absolute() if stored is not None else None
        values["token_source"] = _token_source(provided, stored)
        return cls.model_validate(values, context=names)

    @property
    def is_service_user(self) -> bool:
        """Whether a private key signs in (`client_credentials`), so that no token rotates."""
        return self.private_key_file is not None

    @field_validator("bspace_url", "auth_service")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        return origin(value)

    @field_validator("api_version")
    @classmethod
    def _looks_like_a_version(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\d{1,4}\.\d{1,4}", value, re.ASCII):
            raise ValueError("must look like 1.43")
        return value

    @field_validator("token_file", "private_key_file")
    @classmethod
    def _home_expanded(cls, value: Path | None) -> Path | None:
        try:
            return value.expanduser() if value is not None else None
        except RuntimeError:
            raise ValueError("starts with ~, but there is no such home folder") from None

    @model_validator(mode="wrap")
    @classmethod
    def _errors_are_ours(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Turn pydantic's error into ConfigError, and outside of its handler: it holds the secrets as inputs."""
        try:
            return handler(_present(data) if isinstance(data, dict) else data)
        except ValidationError as error:
            problems = _problems(error, info.context or {})
        raise ConfigError(problems)


def needed_keys(values: Mapping[str, object]) -> tuple[str, ...]:
    """The keys without which these values can't sign in; a `token_file` holds the refresh token itself."""
    if "private_key_file" in values:
        return ("bspace_url", "client_id", "private_key_file", "key_id")
    if "token_file" in values:
        return ("bspace_url", "client_id", "client_secret")
    return ("bspace_url", "client_id", "client_secret", "refresh_token")


def _token_source(provided: Mapping[str, tuple[str, str]], stored: Mapping[str, object] | None) -> TokenSource:
    name = provided["refresh_token"][1] if "refresh_token" in provided else None
    if name is not None and name != variable("refresh_token"):
        return TokenSource.NAMED_FILE
    return TokenSource.FILE if name is None and stored is not None else TokenSource.ENVIRONMENT


def _demand(missing: list[str], path: Path, stored: Mapping[str, object] | None) -> None:
    if not missing:
        return
    file = path.absolute()
    lacking = f"{file} lacks" if stored is not None else f"There is no config file {file}, and the environment lacks"
    login = " `bds-async login` brings the refresh token." if "refresh_token" in missing else ""
    raise ConfigError(
        f"{lacking} {', '.join(missing)} (absent, empty or still the sample's placeholder). "
        "Write it there, name another file with --config, or set "
        f"{', '.join(variable(key) for key in missing)} in the environment.{login}"
    )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: _stripped(value) for key, value in values.items()}
    return {key: value for key, value in plain.items() if not is_absent(value)}


def _stripped(value: object) -> object:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return value.strip() if isinstance(value, str) else value


def _problems(error: ValidationError, origins: Mapping[str, str]) -> str:
    """One sentence for all that is wrong: key, where it stands, what it should be; never the value."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(_problem(str(one["loc"][0]) if one["loc"] else "it", one, origins) for one in found) + "."


def _problem(key: str, error: Any, origins: Mapping[str, str]) -> str:
    where = f"{key} in {origins[key]}" if key in origins else f"Config: {key}"
    match error["type"]:
        case "missing":
            return f"{where} is missing"
        case "string_type" | "path_type":
            return f"{where} must be text (in quotes)"
        case "value_error":
            return f"{where} {error['ctx']['error']}"
        case _:
            return f"{where}: {error['msg']}"
