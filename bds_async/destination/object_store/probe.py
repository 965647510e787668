"""The examination of a store beyond what a run checks: writing, cleaning up, and the clock. Nothing is left."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from ...workspace import StoreAddress
from .faults import Action, answered
from .requests import Requests
from .unfinished import Unfinished, name_of

#: Seconds for each request.
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What an examination found: why cleaning up failed (None if it did not), and how far this clock is ahead.

    `ahead` is in seconds, None where the store does not tell its time.
    """

    uncleaned: str | None
    ahead: float | None = None


def probe_s3(address: StoreAddress, requests: Requests) -> Probe:
    """Begin an upload and abort it, which shows no object to anyone. Blocks; raises DestinationError."""
    from botocore.exceptions import BotoCoreError, ClientError

    access = requests.opening.s3
    assert access is not None, "an S3 store is opened by botocore"
    key = address.key(f".bds-async-doctor-{secrets.token_hex(4)}")
    try:
        begun = access.client(TIMEOUT).create_multipart_upload(Bucket=address.bucket, Key=key)
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        raise answered(status, name_of(error), address, Action.WRITE) from None
    except (BotoCoreError, ValueError) as error:
        raise answered(0, name_of(error), address, Action.WRITE) from None
    try:
        is_aborted = Unfinished(address, access, TIMEOUT).abort(key) == 1
    except (BotoCoreError, ClientError, ValueError) as error:
        return Probe(name_of(error), _ahead(begun))
    return Probe(None if is_aborted else "the upload is not listed", _ahead(begun))


def _ahead(answer: dict[str, Any]) -> float | None:
    """Seconds by which this clock is ahead of the store's, by the `Date` of an answer that has just arrived."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return time.time() - parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp() if date else None
