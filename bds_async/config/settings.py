"""The settings of one tenant: its address, the credentials of the API application, and the file of the token."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..errors import ConfigError
from .addresses import origin
from .damage import damage_in
from .sources import Keys, Stored, config_path, from_environment, from_file, is_absent, paths_in_use, variable

#: D2L's auth service, which serves every tenant in D2L's cloud.
AUTH_SERVICE = "https://auth.brightspace.com"


class TokenSource(StrEnum):
    """The source of the refresh token, which decides where the next one can be written."""

    FILE = "config file"
    PIPE = "config file, which is a pipe and can't be written"
    ENVIRONMENT = "environment"
    NAMED_FILE = "file that BDS_REFRESH_TOKEN_FILE names"
    CODE = "code"


class Config(BaseModel):
    """Everything needed to reach one tenant as one API application. Immutable; its repr shows no secret.

    The constructor takes the keys of config.json; `token_file` then names the file that the next refresh token is
    written to. Service users have `private_key_file` and `key_id` in place of `client_secret` and `refresh_token`.
    Empty text counts as absent. Raises ConfigError for values that can't be right.
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
    if TYPE_CHECKING:
        # Text is converted, which a type checker can't see.
        def __init__(
            self,
            *,
            bspace_url: str,
            client_id: str,
            client_secret: str | SecretStr | None = None,
            refresh_token: str | SecretStr | None = None,
            auth_service: str = AUTH_SERVICE,
            api_version: str | None = None,
            scope: str | None = None,
            token_file: str | os.PathLike[str] | None = None,
            private_key_file: str | os.PathLike[str] | None = None,
            key_id: str | None = None,
        ) -> None: ...

    #: The file that these settings were read from; None if there was none. Not a key of config.json.
    config_file: Path | None = Field(default=None, exclude=True)
    #: Where `refresh_token` came from. Not a key of config.json.
    token_source: TokenSource = Field(default=TokenSource.CODE, exclude=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Read settings from a config file (default: the one that `BDS_CONFIG` names, or config.json) and `environ`.

        The environment wins; if it has every needed key, no file is needed. Raises ConfigError, which names every
        missing key.
        """
        path = Path(path) if path is not None else None
        return cls._load(path, os.environ if environ is None else environ, not_yet=())

    @classmethod
    def load_for_login(cls, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Do what `load` does, but accept settings without a refresh token, which the login will store."""
        return cls._load(path, os.environ if environ is None else environ, not_yet=("refresh_token",))

    @classmethod
    def _load(cls, path: Path | None, environ: Mapping[str, str], not_yet: tuple[str, ...]) -> Self:
        path = config_path(path, environ)
        stored = from_file(path, KEYS)
        provided = from_environment(environ, KEYS)
        values = (stored.values if stored is not None else {}) | {key: value for key, (value, _) in provided.items()}
        missing = [key for key in needed_keys(values) if key not in values and key not in not_yet]
        lacking = _lacking(missing, path, stored) if missing else ""
        names = dict.fromkeys(values, str(path)) | {key: name for key, (_, name) in provided.items()}
        values["config_file"] = path.absolute() if stored is not None and not stored.is_stream else None
        values["token_source"] = _token_source(provided, stored)
        return cls._checked(values, names, lacking)

    @classmethod
    def _checked(cls, values: Mapping[str, Any], origins: Mapping[str, str], lacking: str) -> Self:
        """Return the settings; one ConfigError names what is wrong and what is lacking."""
        try:
            config = cls.model_validate(values, context=origins)
        except ConfigError as error:
            wrong = str(error)
        else:
            if not lacking:
                return config
            wrong = ""
        raise ConfigError(" ".join(filter(None, (wrong, lacking))))

    @property
    def is_service_user(self) -> bool:
        """Whether a private key signs in (`client_credentials`). Then there is no refresh token."""
        return self.private_key_file is not None

    @field_validator("client_id", "client_secret", "refresh_token")
    @classmethod
    def _undamaged(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and (damage := damage_in(text)):
            raise ValueError(damage)
        return value

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
        """Turn pydantic's error into ConfigError, raised after the handler: pydantic's holds secrets as inputs."""
        try:
            return handler(_present(data) if isinstance(data, dict) else data)
        except ValidationError as error:
            problems = _problems(error, info.context)
        raise ConfigError(problems)


def _keys_by_type() -> Keys:
    """The keys that config.json and the environment can give: the fields of Config, sorted by their types."""
    fields = {name: field.annotation for name, field in Config.model_fields.items() if not field.exclude}
    of_type = {wanted: tuple(name for name in fields if fields[name] == wanted | None) for wanted in (SecretStr, Path)}
    return Keys(tuple(fields), of_type[SecretStr], of_type[Path])


#: Every key of config.json.
KEYS = _keys_by_type()


def files_in_use(path: Path | None, environ: Mapping[str, str]) -> dict[Path, str]:
    """The config file and every file that it or the environment names, each with a short description.

    The files are not checked.
    """
    return paths_in_use(config_path(path, environ), environ, KEYS)


def needed_keys(values: Mapping[str, object]) -> tuple[str, ...]:
    """The keys that are needed to sign in with these values; with a `token_file`, no refresh token is needed."""
    if "private_key_file" in values:
        return ("bspace_url", "client_id", "private_key_file", "key_id")
    if "token_file" in values:
        return ("bspace_url", "client_id", "client_secret")
    return ("bspace_url", "client_id", "client_secret", "refresh_token")


def _token_source(provided: Mapping[str, tuple[str, str]], stored: Stored | None) -> TokenSource:
    name = provided["refresh_token"][1] if "refresh_token" in provided else None
    if name is not None and name != variable("refresh_token"):
        return TokenSource.NAMED_FILE
    if name is not None or stored is None:
        return TokenSource.ENVIRONMENT
    return TokenSource.PIPE if stored.is_stream else TokenSource.FILE


def _lacking(missing: list[str], path: Path, stored: Stored | None) -> str:
    file = path.absolute()
    lacking = f"{file} lacks" if stored is not None else f"There is no config file {file}, and the environment lacks"
    login = " `bds-async login` stores the refresh token." if "refresh_token" in missing else ""
    return (
        f"{lacking} {', '.join(missing)} (absent, empty or still the sample's placeholder). "
        f"Write {'it' if len(missing) == 1 else 'them'} there, name another file, or set "
        f"{', '.join(variable(key) for key in missing)} in the environment.{login}"
    )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: _stripped(value) for key, value in values.items()}
    return {key: value for key, value in plain.items() if not is_absent(value)}


def _stripped(value: object) -> object:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return value.strip() if isinstance(value, str) else value


def _problems(error: ValidationError, origins: Mapping[str, str] | None) -> str:
    """One sentence for each wrong value: its key, where it is, what it should be. Never the value.

    With `origins`, absent keys are left out: the caller names them all, with the place to write them.
    """
    found = error.errors(include_url=False, include_input=False)
    wrong = [one for one in found if origins is None or one["type"] != "missing"]
    text = "; ".join(_problem(str(one["loc"][0]) if one["loc"] else "it", one, origins or {}) for one in wrong)
    return f"{text}." if text else ""


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
