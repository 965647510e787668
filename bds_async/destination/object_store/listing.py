"""Listing of S3 by botocore, where objects have keys that obstore refuses: `a//b`, `a/./b`."""

from __future__ import annotations

from ...errors import ConnectionLost
from ...workspace import StoreAddress
from .faults import Action, answered
from .opening import S3Access
from .unfinished import name_of


def listed_by_botocore(access: S3Access, address: StoreAddress, key: str, timeout: float) -> list[tuple[str, int]]:
    """Key and length of every object below a key that could be a file in a folder. Blocks; raises BdsError."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        paginator = access.client(timeout).get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=address.bucket, Prefix=f"{key}/" if key else "")
        found = [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", ())]
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        raise answered(status, name_of(error), address, Action.LIST) from None
    except HTTPClientError:
        raise ConnectionLost(f"The connection to {address} broke, or stalled.") from None
    except (BotoCoreError, ValueError) as error:
        raise answered(0, name_of(error), address, Action.LIST) from None
    return [(name, size) for name, size in found if _is_plain(name)]


def _is_plain(key: str) -> bool:
    return not any(part in ("", ".", "..") for part in key.split("/"))
