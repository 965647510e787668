"""The servers: nginx with the zips, and a small tenant in front of it, each in a separate process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .corpus import Corpus

#: Seconds within which a server must listen.
PATIENCE = 20.0

CONFIG = """
daemon off; worker_processes 2; pid {home}/nginx.pid; error_log {home}/nginx.log; {user}
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types {{}} default_type application/zip;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  upstream tenant {{ server 127.0.0.1:{tenant}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port}{tls};
    root {corpus}; {rate}
    location / {{ {delay} }}
    location = /delay {{
      internal; proxy_pass http://tenant; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }}
  }}
}}
"""
TLS = """ ssl;
    ssl_certificate {home}/certificate.pem; ssl_certificate_key {home}/key.pem; ssl_protocols TLSv1.3"""


@dataclass(frozen=True)
class Network:
    """How zips are served: by TLS 1.3 or plain, bytes per second for each connection, seconds to each first byte."""

    tls: bool = True
    rate: int | None = None
    delay: float = 0.0


@dataclass(frozen=True)
class Origin:
    """The address of the zips (`url`), the tenant that redirects there, and the certificate that clients must trust."""

    url: str
    tenant: str
    certificate: Path


@contextmanager
def serving(home: Path, corpus: Corpus, network: Network) -> Iterator[Origin]:
    """Run both servers on loopback during the context; `home` gets their files."""
    port, tenant = _free_port(), _free_port()
    certificate = _certificate(home)
    scheme = "https" if network.tls else "http"
    origin = Origin(f"{scheme}://127.0.0.1:{port}", f"http://127.0.0.1:{tenant}", certificate)
    (home / "nginx.conf").write_text(_config(home, corpus, network, port, tenant))
    listing = {name: (corpus.folder / name).stat().st_size for name in corpus.names}
    (home / "listing.json").write_text(json.dumps(listing))
    front = [
        sys.executable,
        str(Path(__file__).parent / "tenant.py"),
        str(home / "listing.json"),
        origin.url,
        str(tenant),
    ]
    with (
        _running([*front, str(network.delay)], tenant),
        _running(["nginx", "-e", f"{home}/nginx.log", "-p", str(home), "-c", f"{home}/nginx.conf"], port),
    ):
        yield origin


def _config(home: Path, corpus: Corpus, network: Network, port: int, tenant: int) -> str:
    return CONFIG.format(
        home=home,
        port=port,
        tenant=tenant,
        corpus=corpus.folder,
        user="user root;" if os.geteuid() == 0 else "",
        tls=TLS.format(home=home) if network.tls else "",
        rate=f"limit_rate {network.rate};" if network.rate else "",
        # The tenant's process answers after the delay, then nginx sends the file as usual.
        delay="auth_request /delay;" if network.delay else "",
    )


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        _wait_for(process, port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on port {port}.")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _certificate(home: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, made by openssl."""
    target = home / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(home / "key.pem"), "-out", str(target)]
    subprocess.run([*command.split(), *names], check=True, stderr=subprocess.DEVNULL)
    return target
