"""A small sandbox, a server that answers as a test says, and a tenant connected to either."""

from __future__ import annotations

import gc
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import settings
from pydantic import SecretStr
from yarl import URL

from bds_async.brightspace.auth import AccessToken, TokenRefresher, grant_for
from bds_async.brightspace.gate import Gate
from bds_async.brightspace.http import Transport
from bds_async.brightspace.tenant import Tenant
from bds_async.config import Config
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.postgresql import programs, running_postgresql
from tests.support.stores import Store, azurite, google_of, running_azurite, running_s3, unavailable

# HYPOTHESIS_PROFILE=thorough runs more examples of those property tests that set no number themselves.
settings.register_profile("quick", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

#: The test modules that take longest.
LONGEST = (
    "tests/runs/test_cluster.py",
    "tests/crash/",
    "tests/faults/test_faults_rate.py",
    "tests/brightspace/test_custody_processes.py",
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
StartSandbox = Callable[..., Awaitable[Sandbox]]
Serve = Callable[..., Awaitable[URL]]
Connect = Callable[..., Awaitable[Tenant]]


class FreeTokens:
    """A grant that costs nothing: `token-1`, `token-2` and so on."""

    def __init__(self) -> None:
        self.granted = 0

    async def exchange(self, connect_within: float = 30.0) -> AccessToken:
        """Return the next token."""
        self.granted += 1
        return AccessToken(SecretStr(f"token-{self.granted}"), time.monotonic() + 3600, 3600)


def pytest_xdist_auto_num_workers() -> int:
    """Twice the number of cores: half of the time, a test waits for a process, a disk or a clock."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest modules first, so that they do not keep a single worker busy at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Freeze the collected tests, so that the garbage collector does not scan them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry almost without a delay."""
    monkeypatch.setattr("bds_async.brightspace.retry.BASE", 0.001)


@pytest.fixture
async def start_sandbox() -> AsyncIterator[StartSandbox]:
    """A function that starts a small sandbox with these settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Sandbox:
            chosen = SandboxSettings(**{"data_sets": 4, "scale": 0.01, **settings})
            return await stack.enter_async_context(Sandbox(chosen))

        yield start


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A function that serves every request with one handler (over TLS with a context) and returns the origin."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, context: ssl.SSLContext | None = None) -> URL:
            async def anything(request: web.Request) -> web.StreamResponse:
                return await handler(request)

            application = web.Application()
            application.router.add_route("*", "/{anything:.*}", anything)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            scheme = "http" if context is None else "https"
            return URL.build(scheme=scheme, host="127.0.0.1", port=runner.addresses[0][1], path="/")

        yield start


@pytest.fixture
async def connect(tmp_path: Path) -> AsyncIterator[Connect]:
    """A function that connects a tenant to a sandbox, with its auth service, or to a URL, with free tokens."""
    async with AsyncExitStack() as stack:

        async def start(
            to: Sandbox | URL | str, *, gate: Gate | None = None, tokens: Any = None, **options: Any
        ) -> Tenant:
            attempts = options.pop("attempts", 1)
            transport = await stack.enter_async_context(Transport(**options))
            if isinstance(to, Sandbox):
                config = Config(**to.config(), token_file=tmp_path / "token")
                grant = grant_for(config)
            else:
                grant = FreeTokens()
            tokens = tokens or await stack.enter_async_context(TokenRefresher(grant))
            url = to.tenant_url if isinstance(to, Sandbox) else str(to)
            return Tenant(url, transport, tokens, gate or Gate(unheard), attempts=attempts)

        yield start


def unheard(why: str, seconds: float) -> None:
    """Ignore what the gate reports."""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1: its path, and that of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL on a loopback port, which stops after the tests."""
    found = programs()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed, and CI has to test it: apt-get install postgresql.")
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql.")
    with running_postgresql(found) as address:
        yield address


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Store]:
    """moto's S3 server, which stops after the tests."""
    with running_s3() as store:
        yield store


@pytest.fixture
def s3(s3_server: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The S3 server; the environment of this process points to it."""
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Store]:
    """Azurite's blob service, which stops after the tests."""
    if azurite() is None:
        unavailable("Azurite is not installed (npm install azurite, and BDS_AZURITE=…/azurite-blob)")
    with running_azurite() as store:
        yield store


@pytest.fixture
def azure(azure_server: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Azurite; the environment of this process points to it."""
    for name, value in azure_server.environ.items():
        monkeypatch.setenv(name, value)
    return azure_server


@pytest.fixture
def google(s3_server: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A server that accepts requests for Google Cloud Storage; the environment of this process points to it."""
    with google_of(s3_server) as store:
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
        yield store
