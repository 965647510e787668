"""Object stores on loopback: moto's S3, Azurite for Azure if it is installed, and Google's API mapped to the S3."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from .store_proxy import proxy_of

#: Azurite's account, which its documentation publishes.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#: A secret that no output of a test may contain.
SECRET = "fjord-Secret-Key-of-the-tests"


@dataclass
class Store:
    """A server with the API of a store: its address, and the environment that points a client to it."""

    endpoint: str
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def keywords(self) -> dict[str, Any]:
        """The environment as keyword arguments, typed for use beside arguments of other types."""
        return self.environ

    @cached_property
    def client(self) -> Any:
        """A boto3 client for the S3 server; later changes of the environment do not affect it."""
        return self.client_of("s3", "us-east-1")

    def client_of(self, service: str, region: str) -> Any:
        """A boto3 client for another service of the S3 server, which serves all of AWS."""
        import boto3

        return boto3.client(service, endpoint_url=self.endpoint, region_name=region, **_KEYS)

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"bucket{secrets.token_hex(4)}"
        self.client.create_bucket(Bucket=name)
        return name


_KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SECRET}


def s3_environ(endpoint: str) -> dict[str, str]:
    """The environment of a client of the S3 server at `endpoint`, without the settings of this machine."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": _KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def unavailable(why: str) -> None:
    """Skip a test whose server is missing; fail it if everything must be tested."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why}, and CI has to test it.")
    pytest.skip(f"{why}.")


@contextmanager
def running_s3() -> Iterator[Store]:
    """moto's S3 server in a separate process."""
    from botocore.loaders import create_loader

    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port):
        endpoint = f"http://127.0.0.1:{port}"
        store = Store(endpoint, s3_environ(endpoint))
        store.bucket()
        # Otherwise each session of botocore reads its description of AWS again, which takes a tenth of a second.
        with patch("botocore.session.create_loader", cache(create_loader)):
            yield store


@contextmanager
def google_of(s3: Store) -> Iterator[Store]:
    """Google's XML API as far as it equals that of S3: the S3 server, with its headers renamed to Google's."""
    with proxy_of(s3.endpoint, renamed=("x-goog-", "x-amz-")) as proxy:
        yield Store(proxy.url, {"GOOGLE_BASE_URL": proxy.url, "GOOGLE_BEARER_TOKEN": SECRET})


@contextmanager
def running_azurite() -> Iterator[Store]:
    """Azurite's blob service."""
    found = azurite()
    assert found is not None
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bds-azurite-") as home:
        command = [found, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location", home]
        with _running([*command, "--blobHost", "127.0.0.1", "--blobPort", str(port)], port):
            endpoint = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
            names = {"ACCOUNT_NAME": AZURITE_ACCOUNT, "ACCOUNT_KEY": AZURITE_KEY}
            environ = {f"AZURE_STORAGE_{name}": value for name, value in names.items()}
            yield Store(endpoint, {**environ, "AZURE_ENDPOINT": endpoint})


def azurite() -> str | None:
    """The program `azurite-blob`: on the path, or at the path in BDS_AZURITE."""
    return os.environ.get("BDS_AZURITE") or shutil.which("azurite-blob")


def free_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError("the server does not listen")


def objects(store: Store, bucket: str) -> dict[str, bytes]:
    """The content of every object of an S3 bucket, by its key."""
    client = store.client
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def unfinished(store: Store, bucket: str) -> list[str]:
    """The keys of multipart uploads in an S3 bucket that are neither completed nor aborted."""
    return [each["Key"] for each in store.client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def azure_container(store: Store) -> str:
    """The name of a new, empty container of Azurite."""
    name = f"container-{secrets.token_hex(4)}"
    _put_to_azure(store, name, "restype=container", {})
    return name


def put_to_azure(store: Store, container: str, key: str) -> None:
    """Write an empty object; any key is possible."""
    _put_to_azure(store, f"{container}/{key}", "", {"x-ms-blob-type": "BlockBlob"})


def _put_to_azure(store: Store, path: str, query: str, headers: dict[str, str]) -> None:
    """Send a signed request without content ("Authorize with Shared Key" in Azure's documentation)."""
    import base64
    import hashlib
    import hmac
    import urllib.request
    from email.utils import formatdate

    headers = {**headers, "x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    named = [f"{name}:{value}" for name, value in sorted(headers.items())]
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{path}"
    signed = "\n".join(["PUT", *[""] * 11, *named, resource, *filter(None, [query.replace("=", ":")])])
    key = hmac.new(base64.b64decode(AZURITE_KEY), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {AZURITE_ACCOUNT}:{base64.b64encode(key).decode()}"
    headers |= {"Content-Length": "0", "Content-Type": ""}
    request = urllib.request.Request(f"{store.endpoint}/{path}?{query}", headers=headers, method="PUT")
    with urllib.request.urlopen(request):
        pass


def folder_of_state(home: Path) -> Path:
    """A new state folder with its folder for partial files."""
    state = home / "state"
    (state / "partial").mkdir(parents=True)
    return state
