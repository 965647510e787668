"""Unfinished uploads of S3: parts that cost money, that no listing of objects shows, and that obstore cannot abort."""

from __future__ import annotations

import contextlib
import logging
from functools import cached_property
from typing import Any

from ...support.log import event
from ...workspace import StoreAddress
from .opening import S3Access

logger = logging.getLogger(__name__)


class Unfinished:
    """Aborts unfinished uploads; each request may take `timeout` seconds. Every call blocks."""

    def __init__(self, address: StoreAddress, access: S3Access, timeout: float) -> None:
        self._address = address
        self._access = access
        self._timeout = timeout

    @cached_property
    def _client(self) -> Any:
        return self._access.client(self._timeout)

    def abort(self, key: str) -> int:
        """Abort every unfinished upload of an object; their number. Raises botocore's errors."""
        uploads = self._uploads(key)
        for upload in uploads:
            with contextlib.suppress(self._client.exceptions.NoSuchUpload):
                self._client.abort_multipart_upload(Bucket=self._address.bucket, Key=key, UploadId=upload)
        return len(uploads)

    def _uploads(self, key: str) -> list[str]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._address.bucket, Prefix=key)
        return [each["UploadId"] for page in pages for each in page.get("Uploads", ()) if each["Key"] == key]

    def try_to_abort(self, key: str) -> None:
        """Abort as `abort` does; a fault is a warning, since no data depends on it."""
        try:
            self.abort(key)
        # botocore raises ValueError, too, and what its parsers raise.
        except Exception as error:
            why = name_of(error)
            logger.warning(_NOT_ABORTED, self._address, why, extra=event("store.unfinished", error=why))


def name_of(error: Exception) -> str:
    """The code that a store gave to a fault, else the class of the error; never its text."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


_NOT_ABORTED = (
    "%s: an unfinished upload could not be aborted (%s): grant s3:ListBucketMultipartUploads and "
    "s3:AbortMultipartUpload, or let a lifecycle rule of the bucket remove it."
)
