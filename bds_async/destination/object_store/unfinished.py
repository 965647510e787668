"""Unfinished uploads to S3: their parts cost money, no listing of objects shows them, and obstore cannot abort them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from ...support.log import event
from ...support.patience import Patience
from ...workspace import StoreAddress
from .calls import TICK
from .faults import name_of
from .opening import S3Access

logger = logging.getLogger(__name__)

#: Seconds for each request that aborts an upload, and for all of them once a run is being stopped.
ABORT, HURRIED = 10.0, 1.5


class Unfinished:
    """Aborts unfinished uploads; each request may take `timeout` seconds. Every call blocks."""

    def __init__(self, address: StoreAddress, access: S3Access, timeout: float = ABORT) -> None:
        self._address = address
        self._access = access
        self._timeout = timeout

    @property
    def _client(self) -> Any:
        return self._access.client(self._timeout)

    def abort(self, key: str) -> int:
        """Abort every unfinished upload of an object; returns their number. Raises botocore's errors."""
        return self.abort_all(key, key.__eq__)

    def abort_all(self, prefix: str, is_chosen: Callable[[str], bool]) -> int:
        """Abort the unfinished uploads of the chosen objects; returns their number. Raises botocore's errors."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._address.bucket, Prefix=prefix
        )
        uploads = [each for page in pages for each in page.get("Uploads", ()) if is_chosen(each["Key"])]
        for each in uploads:
            self.abort_one(each["Key"], each["UploadId"])
        return len(uploads)

    def abort_one(self, key: str, upload: str) -> None:
        """Abort one upload, if it is there. Raises botocore's errors."""
        with contextlib.suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(Bucket=self._address.bucket, Key=key, UploadId=upload)

    def try_to(self, abort: Callable[[Unfinished], object]) -> None:
        """Make one of these calls; an error is only logged as a warning, since no data depends on it."""
        try:
            abort(self)
        # botocore also raises ValueError, and errors of its parsers.
        except Exception as error:
            why = name_of(error)
            logger.warning(_NOT_ABORTED, self._address, why, extra=event("store.unfinished", error=why))


def tidy(unfinished: Unfinished, abort: Callable[[Unfinished], object], patience: Patience) -> None:
    """Make one call of `unfinished`; if the run is being stopped, a slow call is left to the next run."""
    thread = threading.Thread(target=unfinished.try_to, args=(abort,), name="abort", daemon=True)
    thread.start()
    while thread.is_alive() and not patience.is_cut:
        thread.join(TICK)
    thread.join(HURRIED)


_NOT_ABORTED = (
    "%s: an unfinished upload could not be aborted (%s): grant s3:ListBucketMultipartUploads and "
    "s3:AbortMultipartUpload, or let a lifecycle rule of the bucket remove it."
)
