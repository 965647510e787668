"""Listing of S3 by botocore, for buckets with keys that obstore rejects: `a//b`, `a/./b`."""

from __future__ import annotations

from ...workspace import StoreAddress
from .faults import Action, faults_of_botocore
from .opening import S3Access


def listed_by_botocore(access: S3Access, address: StoreAddress, key: str, timeout: float) -> list[tuple[str, int]]:
    """List key and length of every object below a key, if its key is a valid path. Blocks; raises BdsError."""
    with faults_of_botocore(address, Action.LIST):
        paginator = access.client(timeout).get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=address.bucket, Prefix=f"{key}/" if key else "")
        found = [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", ())]
    return [(name, size) for name, size in found if _is_plain(name)]


def _is_plain(key: str) -> bool:
    return not any(part in ("", ".", "..") for part in key.split("/"))
