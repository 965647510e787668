"""Uploads to S3 that another machine completes; by botocore, since obstore always completes its uploads itself."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ...support.threads import left_behind
from ...workspace import StoreAddress
from ..destination import Brought, Recorded
from .calls import Calls
from .faults import Action, faults_of_botocore
from .opening import S3Access
from .requests import PART, PARTS, SHA256


class InParts:
    """Sends a file in parts to the object `key`, which appears once the upload is completed.

    `abort` ends one upload, by its id.
    """

    def __init__(
        self, address: StoreAddress, access: S3Access, calls: Calls, key: str, abort: Callable[[str], object]
    ) -> None:
        self._address = address
        self._access = access
        self._calls = calls
        self._abort = abort
        self._names = {"Bucket": address.bucket, "Key": key}

    def send(self, file: Path, name: str, wanted: Recorded) -> Brought:
        """Begin an upload and send every part; abort it after an error or a stop. Blocks; raises DestinationError."""
        known = {} if wanted.sha256 is None else {SHA256: wanted.sha256}
        begun = self._run("create_multipart_upload", Metadata=known, ChecksumAlgorithm="SHA256")
        upload = str(begun["UploadId"])
        try:
            return Brought(name, upload, self._sent(file, upload, wanted.bytes))
        except BaseException:
            self._abort(upload)
            raise

    def _sent(self, file: Path, upload: str, length: int) -> tuple[tuple[str, str], ...]:
        size = max(PART, math.ceil(length / PARTS))
        with file.open("rb", buffering=0) as content:
            # An empty file has one part too.
            count = max(1, math.ceil(length / size))
            return tuple(self._part(upload, number, content.read(size)) for number in range(1, count + 1))

    def _part(self, upload: str, number: int, block: bytes) -> tuple[str, str]:
        digest = base64.b64encode(hashlib.sha256(block).digest()).decode()
        part = {"UploadId": upload, "PartNumber": number, "Body": block, "ChecksumSHA256": digest}
        return str(self._run("upload_part", **part)["ETag"]), digest

    async def complete(self, brought: Brought, timeout: float) -> None:
        """Try once to complete an upload; raises BdsError."""
        parts = [
            {"PartNumber": number, "ETag": tag, "ChecksumSHA256": digest}
            for number, (tag, digest) in enumerate(brought.parts, 1)
        ]
        known = {"UploadId": brought.upload, "MultipartUpload": {"Parts": parts}}
        await self._once("complete_multipart_upload", known, timeout)

    def _run(self, request: str, **known: object) -> Any:
        return self._calls.run(partial(self._once, request, known), Action.WRITE)

    async def _once(self, request: str, known: dict[str, Any], timeout: float) -> Any:
        return await left_behind(partial(self._asked, request, known, timeout))

    def _asked(self, request: str, known: dict[str, Any], timeout: float) -> Any:
        with faults_of_botocore(self._address, Action.WRITE):
            return getattr(self._access.client(timeout), request)(**self._names, **known)
