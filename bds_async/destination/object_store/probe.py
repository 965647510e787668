"""Checks of a store beyond those of a run: writing, cleaning up, and the clock. Nothing is left behind."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from ...errors import DestinationError, TransientError
from ...workspace import StoreAddress
from .calls import Calls, check_ends
from .faults import Action, faults_of_botocore, name_of
from .opening import S3Access
from .requests import Requests
from .unfinished import Unfinished

#: Seconds for each request.
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a probe: why cleaning up failed (None if it did not), and how far this machine's clock is ahead.

    `ahead` is in seconds, None if the store does not send its time.
    """

    uncleaned: str | None
    ahead: float | None = None


def probe(address: StoreAddress, requests: Requests, calls: Calls) -> Probe:
    """Write to the store and clean up again. Blocks; raises DestinationError."""
    key = address.key(f".bds-async-doctor-{secrets.token_hex(4)}")
    access = requests.opening.s3
    return _by_object(key, requests, calls) if access is None else _by_upload(address, key, access)


def _by_object(key: str, requests: Requests, calls: Calls) -> Probe:
    until = check_ends()
    calls.run(partial(requests.put_empty, key), Action.WRITE, until=until)
    try:
        calls.run(partial(requests.delete, key), Action.CLEAN, until=until)
    except DestinationError as error:
        return Probe(str(error))
    return Probe(None)


def _by_upload(address: StoreAddress, key: str, access: S3Access) -> Probe:
    """Begin an upload and abort it: no object ever appears."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with faults_of_botocore(address, Action.WRITE):
            begun = access.client(TIMEOUT).create_multipart_upload(Bucket=address.bucket, Key=key)
    except TransientError as error:
        raise DestinationError(f"{error} Check the endpoint, or run again later.") from None
    try:
        is_aborted = Unfinished(address, access, TIMEOUT).abort(key) == 1
    except (BotoCoreError, ClientError, ValueError) as error:
        return Probe(name_of(error), _ahead(begun))
    return Probe(None if is_aborted else "the upload is not listed", _ahead(begun))


def _ahead(answer: dict[str, Any]) -> float | None:
    """Seconds by which this machine's clock is ahead of the store's, from the `Date` of a fresh answer."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return time.time() - parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp() if date else None
