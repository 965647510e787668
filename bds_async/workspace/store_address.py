"""The address of an object store: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ..errors import ConfigError
from ..support.text import counted

#: The beginning of an address. A single letter would be a Windows drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
#: Bucket names that at least one of the stores allows.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
#: Characters that no prefix has: control characters, parts of addresses with credentials, and what some store encodes.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\?#%*<>|\"^`{}~\[\]\ud800-\udfff]")


class StoreKind(StrEnum):
    """The kind of an object store: Amazon S3 and compatible ones, Google Cloud Storage, Azure Blob Storage."""

    S3 = "s3"
    GOOGLE = "gs"
    AZURE = "az"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """The location of a destination in an object store. `prefix` has no `/` at its ends, and may be empty."""

    kind: StoreKind
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.kind}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def key(self, path: str) -> str:
        """The key of the object for a path relative to the destination; the prefix for an empty path."""
        return "/".join(filter(None, (self.prefix, path)))


def is_address(text: str) -> bool:
    """Whether `--to` is an address, not a folder."""
    return _SCHEME.match(text) is not None


def parse_address(text: str) -> StoreAddress:
    """Parse an address; raises ConfigError, whose text repeats no part that may hold a secret."""
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in list(StoreKind):
        raise ConfigError(f"`to` takes a folder, s3://bucket/prefix, gs://… or az://…, and no {scheme}:// address.")
    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(_no_bucket(scheme, bucket))
    prefix = prefix.strip("/")
    if _UNFIT.search(prefix) or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise ConfigError(f"The prefix in `to` {scheme}://{bucket}/… cannot be used: write plain names with / between.")
    return StoreAddress(StoreKind(scheme.lower()), bucket, prefix)


def _no_bucket(scheme: str, bucket: str) -> str:
    """Describe what is wrong with a bucket name without repeating it: it may hold credentials."""
    found = f"what stands there for a bucket has {counted(len(bucket), 'character')}"
    rule = "its name has at least 2: letters, digits, '.', '_' and '-', of which the first is a letter or digit"
    fault = f"{found}; {rule}" if bucket else "it names no bucket"
    return (
        f"`to` {scheme}://…: {fault}. Write {scheme}://bucket/prefix. Credentials come from the environment or a "
        "profile."
    )
