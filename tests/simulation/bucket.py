"""An S3 bucket as the destination of the simulated job, behind a proxy with faults, and a loader that empties it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.support.store_proxy import LOSE, RESET, Answer, Proxy, first
from tests.support.stores import Store

from .loader import Taken

PREFIX = "some/prefix"
#: Faults of the store: method, part of the address, and the fault.
FAULTS = (
    ("PUT", PREFIX, Answer(503, "SlowDown")),
    ("PUT", PREFIX, RESET),
    ("PUT", PREFIX, LOSE),
    ("HEAD", PREFIX, Answer(500)),
    ("GET", "list-type", RESET),
)


class Bucket:
    """The bucket. Every version of an object is recorded, so that an object written twice counts twice.

    The loader removes objects only after a run that was not killed: if an object is removed before its upload is
    recorded, it may be uploaded again.
    """

    def __init__(self, s3: Store, proxy: Proxy, home: Path) -> None:
        self.taken: list[Taken] = []
        self.environ = {**s3.environ, "AWS_ENDPOINT_URL": proxy.url}
        self._s3, self._proxy, self._state = s3, proxy, home / "state"
        self._name = s3.bucket()
        self._seen: set[tuple[str, str]] = set()
        self._client.put_bucket_versioning(Bucket=self._name, VersioningConfiguration={"Status": "Enabled"})

    @property
    def arguments(self) -> list[str]:
        """The options that make a run deliver here."""
        return ["--to", f"s3://{self._name}/{PREFIX}", "--state", str(self._state)]

    def misbehave(self, draw: random.Random, chance: float) -> None:
        """Draw whether the store has a fault during the next run, and which."""
        method, part, what = draw.choice(FAULTS)
        self._proxy.rule = first(draw.randint(1, 2) if draw.random() < chance else 0, method, part, what)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Record the new objects at the end."""
        yield
        await asyncio.to_thread(self._look)

    def _look(self) -> None:
        uploads = {target: number for number, (method, target) in enumerate(self._proxy.seen) if method == "PUT"}
        for each in self._versions():
            key, version = each["Key"], each["VersionId"]
            if (key, version) not in self._seen:
                self._seen.add((key, version))
                content = self._client.get_object(Bucket=self._name, Key=key, VersionId=version)["Body"].read()
                digest, moment = hashlib.sha256(content).hexdigest(), uploads[f"/{self._name}/{key}"]
                # The store's times are whole seconds: the order of the uploads is finer.
                self.taken.append(Taken(key.removeprefix(f"{PREFIX}/"), digest, moment * 10**9, content))

    def take(self) -> None:
        """Remove everything."""
        for each in self._versions():
            self._client.delete_object(Bucket=self._name, Key=each["Key"], VersionId=each["VersionId"])

    def _versions(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._name)
        return [each for page in pages for each in page.get("Versions", ())]

    @property
    def _client(self) -> Any:
        return self._s3.client
