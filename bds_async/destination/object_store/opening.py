"""Opening of a store: its credentials, region and endpoint, from the same sources as the store's own tools."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...errors import DestinationError
from ...support.extras import missing
from ...workspace import StoreAddress, StoreKind
from .faults import CREDENTIALS

if TYPE_CHECKING:
    from botocore.session import Session
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Credential

#: Seconds to make a connection.
CONNECT_TIMEOUT = 10.0
#: How long obstore may use credentials; botocore renews those that expire in less than ten minutes.
CREDENTIALS_LAST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a store's requests: seconds for each, and how often obstore itself retries one."""

    timeout: float
    retries: int = 0

    @property
    def client(self) -> ClientConfig:
        """The limits as options of obstore's client."""
        connect = timedelta(seconds=min(CONNECT_TIMEOUT, self.timeout))
        return {"timeout": timedelta(seconds=self.timeout), "connect_timeout": connect}

    @property
    def retry(self) -> RetryConfig:
        """The limits as configuration of obstore's retries."""
        backoff = {"init_backoff": timedelta(seconds=1), "max_backoff": timedelta(seconds=60), "base": 2.0}
        within = timedelta(seconds=self.timeout)
        return {"max_retries": self.retries, "retry_timeout": within, "backoff": backoff}  # type: ignore[typeddict-item]


def demand_extra(address: StoreAddress) -> None:
    """Raise ConfigError if packages of the extra `object-store` are not installed."""
    wanted = ("obstore", "botocore") if address.kind is StoreKind.S3 else ("obstore",)
    if any(find_spec(name) is None for name in wanted):
        raise missing(f"`to` {address.kind}://", " and ".join(wanted), "object-store")


class Opening:
    """Opens one store, with different limits. Raises DestinationError."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._s3 = S3Access.found(address) if address.kind is StoreKind.S3 else None

    def open(self, limits: Limits) -> ObjectStore:
        """Open the store for requests with these limits."""
        from obstore.exceptions import BaseError
        from obstore.store import AzureStore, GCSStore

        known: dict[str, Any] = {"client_options": self._client(limits), "retry_config": limits.retry}
        try:
            if self._s3 is not None:
                return self._s3.open(self._address.bucket, known)
            kind = GCSStore if self._address.kind is StoreKind.GOOGLE else AzureStore
            return kind(self._address.bucket, **known)
        except (BaseError, ValueError, OSError):
            sources = CREDENTIALS[self._address.kind]
            text = f"{self._address} cannot be opened: check the credentials ({sources})."
            raise DestinationError(text) from None

    @property
    def s3(self) -> S3Access | None:
        """The session for an S3 store; None for other stores."""
        return self._s3

    def _client(self, limits: Limits) -> ClientConfig:
        """Client options replace those from the environment, so its permission for http has to be repeated here."""
        return {**limits.client, "allow_http": self._is_http_allowed()}

    def _is_http_allowed(self) -> bool:
        variable = "GOOGLE_BASE_URL" if self._address.kind is StoreKind.GOOGLE else "AZURE_ENDPOINT"
        endpoint = self._s3.endpoint if self._s3 is not None else os.environ.get(variable)
        names = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "AZURE_STORAGE_USE_EMULATOR")
        is_allowed = any(os.environ.get(name, "").lower() in ("1", "true") for name in names)
        return is_allowed or (endpoint or "").startswith("http://")


@dataclass(frozen=True, slots=True)
class S3Access:
    """A session of botocore, the core of boto3, with its region and endpoint; None means Amazon's own endpoint."""

    session: Session
    region: str
    endpoint: str | None
    _lock: Lock = field(default_factory=Lock)
    #: Clients by timeout, since creating one takes a third of a second.
    _clients: dict[float, Any] = field(default_factory=dict)

    @classmethod
    def found(cls, address: StoreAddress) -> S3Access:
        """Read environment, profile or role as boto3 does; raises DestinationError if there are no credentials."""
        from botocore.configprovider import ConfiguredEndpointProvider
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session

        sources = CREDENTIALS[StoreKind.S3]
        try:
            session = get_session()
            if session.get_credentials() is None:
                raise DestinationError(f"{address}: there are no credentials: set {sources}.")
            # boto3 ignores AWS_REGION, which other AWS tools prefer.
            region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1"
            endpoints = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3")
            access = cls(session, region, endpoints.provide())
            access.credentials()
        except (BotoCoreError, ValueError) as error:
            text = f"{address}: the AWS credentials or the profile cannot be read ({type(error).__name__}): "
            raise DestinationError(f"{text}check {sources}.") from None
        return access

    def credentials(self) -> S3Credential:
        """The current credentials, which botocore renews before they expire; raises its errors."""
        found = self.session.get_credentials().get_frozen_credentials()
        return {
            "access_key_id": found.access_key,
            "secret_access_key": found.secret_key,
            "token": found.token,
            "expires_at": datetime.now(UTC) + CREDENTIALS_LAST,
        }

    def open(self, bucket: str, known: dict[str, Any]) -> ObjectStore:
        """Open the bucket; the store checks the SHA-256 of each part."""
        from obstore.store import S3Store

        if self.endpoint is not None:
            known = {**known, "endpoint": self.endpoint}
        provider = self.credentials
        return S3Store(bucket, region=self.region, checksum_algorithm="SHA256", credential_provider=provider, **known)

    def client(self, timeout: float) -> Any:
        """A botocore client that makes one try of at most `timeout` seconds for each request; thread-safe."""
        with self._lock:
            if timeout not in self._clients:
                self._clients[timeout] = self._made(timeout)
            return self._clients[timeout]

    def _made(self, timeout: float) -> Any:
        from botocore.config import Config

        once, style = {"total_max_attempts": 1}, {"addressing_style": "path"}
        config = Config(connect_timeout=timeout, read_timeout=timeout, retries=once, s3=style)
        return self.session.create_client("s3", region_name=self.region, config=config)
