"""Certificates that cannot be trusted: each cause has its own message and advice, over real handshakes."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from bds_async.brightspace.http import Transport
from bds_async.errors import ExtractError

Start = Callable[..., Awaitable[URL]]
DAY = timedelta(days=1)


class Authority:
    """A certificate authority, and the certificates that it issues for 127.0.0.1; its files are in `folder`."""

    def __init__(self, folder: Path, *, has_key_usage: bool = True) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "School Firewall")])
        builder = _builder(name, name, self.key, datetime.now(UTC))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        if has_key_usage:
            builder = builder.add_extension(_usage(), critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.path = folder / "authority.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *, at: datetime, host: str = "127.0.0.1", with_authority: bool = False) -> ssl.SSLContext:
        """A server's context with a certificate of `host` that is valid for a day around `at`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = (
            _builder(x509.Name([]), self.certificate.subject, key, at)
            .add_extension(names, critical=True)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        chain = [made, self.certificate] if with_authority else [made]
        return _context(self.folder, key, chain)


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, at: datetime) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), at - DAY, at + DAY)


def _usage() -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        **dict.fromkeys(names, False), key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False
    )


def _context(folder: Path, key: Any, chain: list[x509.Certificate]) -> ssl.SSLContext:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "chain.pem").write_bytes(b"".join(each.public_bytes(pem) for each in chain))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context


@pytest.fixture(autouse=True)
def no_certificate_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of the machine's environment."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


@pytest.fixture
async def fault(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[str]]:
    """A function that connects to a server, trusting an authority or none, and returns the error's text."""

    async def connect(server: ssl.SSLContext, trusted: Path | None = None, flags: int = 0) -> str:
        client = ssl.create_default_context(cafile=trusted)
        client.verify_flags |= flags
        monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", client)
        listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server)
        async with listener, Transport() as transport:
            port = listener.sockets[0].getsockname()[1]
            with pytest.raises(ExtractError) as caught:
                await transport.fetch("GET", URL(f"https://127.0.0.1:{port}/?sig=hush"))
        assert type(caught.value) is ExtractError, "another try does not help"
        assert "hush" not in str(caught.value)
        assert str(caught.value).startswith("The certificate of 127.0.0.1 ")
        return str(caught.value)

    return connect


NOW = datetime.now(UTC)


async def test_an_expired_one_may_be_the_fault_of_the_clock(fault, tmp_path):
    authority = Authority(tmp_path)
    said = await fault(authority.issue(at=NOW - 30 * DAY), authority.path)
    assert "has expired. If this machine's clock" in said
    assert f"{NOW:%Y-%m-%d}" in said


async def test_one_of_the_future_is_the_fault_of_the_clock(fault, tmp_path):
    authority = Authority(tmp_path)
    said = await fault(authority.issue(at=NOW + 30 * DAY), authority.path)
    assert "is not valid yet by this machine's clock" in said
    assert "set the clock" in said


async def test_one_of_another_host_says_so(fault, tmp_path):
    authority = Authority(tmp_path)
    said = await fault(authority.issue(at=NOW, host="127.0.0.2"), authority.path)
    assert "is for another host name; check the address (bspace_url, auth_service)" in said


async def test_an_unknown_issuer_needs_its_authority(fault, tmp_path):
    said = await fault(Authority(tmp_path).issue(at=NOW))
    assert "is from an unknown authority, or the server omits an intermediate certificate" in said
    assert "SSL_CERT_FILE" in said


async def test_a_chain_to_an_unknown_root_looks_like_interception(fault, tmp_path):
    said = await fault(Authority(tmp_path).issue(at=NOW, with_authority=True))
    assert "as when a firewall or proxy intercepts TLS" in said
    assert "SSL_CERT_FILE" in said


async def test_a_self_signed_one_says_so(fault, certificate):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*certificate)
    assert "is self-signed" in await fault(server)


async def test_an_authority_that_only_strict_checks_refuse_is_told_as_that(fault, tmp_path):
    """Python 3.13 checks by RFC 5280, which requires key usage in the certificate of an authority."""
    authority = Authority(tmp_path, has_key_usage=False)
    said = await fault(authority.issue(at=NOW), authority.path, ssl.VERIFY_X509_STRICT)
    assert "breaks RFC 5280 (key usage or extensions), which Python 3.13 checks" in said


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_a_certificate_file_that_is_missing_or_empty_is_named(fault, tmp_path, monkeypatch, content):
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_bytes(content)
    server = Authority(tmp_path).issue(at=NOW)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    said = await fault(server)
    reason = "can't be read (No such file or directory)" if content is None else "holds no certificate"
    assert f"can't be checked: SSL_CERT_FILE names {file}, which {reason}; correct it, or unset it." in said


async def test_openssls_own_reason_is_logged_for_those_who_ask(fault, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "bds_async")
    authority = Authority(tmp_path)
    await fault(authority.issue(at=NOW - 30 * DAY), authority.path)
    assert "127.0.0.1: OpenSSL says: certificate has expired (error 10)." in caplog.messages
