"""The names of published files: built from an extract's identity, and parsed back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..models import BdsType, Identity, utc_text, whole_second
from ..options import Suffix

#: The most characters of a version in a name; D2L's versions are `MAJOR.MINOR`.
VERSION_LENGTH = 24

_NAME = re.compile(
    r"(?P<folder>[^_./\\]+)_(?P<bds_type>full|differential)_(?P<queued>\d{8}T\d{6}Z)_v(?P<version>[0-9A-Za-z.-]+)"
    r"(?:_c(?P<created>\d{8}T\d{6}Z)(?:_[0-9a-f]{8})?)?(?P<suffix>\.zip|\.csv|\.parquet)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ParsedName:
    """The parts of a published file's name; moments are cut to the second, `version` to the allowed characters.

    `created` is known only if another extract had the plain name.
    """

    folder: str
    bds_type: BdsType
    queued: datetime
    version: str
    created: datetime | None
    suffix: str


def file_name(
    folder: str,
    bds_type: BdsType,
    queued: datetime,
    version: str,
    suffix: Suffix,
    *,
    created: datetime | None = None,
) -> str:
    """`<DataSet>_<full|differential>_<queued>_v<version>.zip`, with `_c<created>` after the version if it is given.

    `folder` is the data set's folder from `paths.folder_name`; `version` is untrusted server text.
    """
    stem = f"{folder}_{bds_type.folder}_{compact(queued)}_v{safe_version(version)}"
    return stem + (f"_c{compact(created)}" if created is not None else "") + suffix


def file_names(folder: str, identity: Identity, suffix: Suffix) -> Iterator[str]:
    """The three possible names of an extract, the plain one first; only the last one is certainly unique."""
    common = (folder, identity.bds_type, identity.queued_for_processing_date, identity.version, suffix)
    yield file_name(*common)
    with_created = file_name(*common, created=identity.created_date)
    yield with_created
    yield with_created.removesuffix(suffix) + f"_{identity_digest(identity)[:8]}{suffix}"


def relative_path(folder: str, bds_type: BdsType, name: str) -> str:
    """The path of a file below the destination folder, with `/`: `Users/full/<name>`."""
    return f"{folder}/{bds_type.folder}/{name}"


def parse_file_name(name: str) -> ParsedName | None:
    """Parse a name that `file_name` built; None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        queued, created = (_moment(match[part]) for part in ("queued", "created"))
    except ValueError:
        return None
    if queued is None:
        return None
    bds_type = BdsType(match["bds_type"].capitalize())
    return ParsedName(match["folder"], bds_type, queued, match["version"], created, match["suffix"])


def published_files(paths: Iterable[str]) -> Iterator[str]:
    """Filter the paths whose folder and name are those of a published file, whether in the ledger or not."""
    for path in paths:
        name = parse_file_name(path.rpartition("/")[2])
        if name is not None and path == relative_path(name.folder, name.bds_type, path.rpartition("/")[2]):
            yield path


def compact(moment: datetime) -> str:
    """Format a moment for names: `20261122T040922Z`, in UTC, cut to the second."""
    return moment.astimezone(UTC).isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def safe_version(version: str) -> str:
    """Format a version for names: ASCII letters, digits, inner dots and hyphens; `0` if it has none of these."""
    return re.sub(r"[^0-9A-Za-z.-]", "", version)[:VERSION_LENGTH].strip(".-") or "0"


def identity_digest(identity: Identity) -> str:
    """SHA-256 of an identity as 64 hexadecimal digits: the same for equal identities, in every run."""
    fields = (
        identity.plugin_id.lower(),
        identity.bds_type.value,
        utc_text(identity.second),
        utc_text(whole_second(identity.created_date)),
        identity.version,
    )
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def _moment(text: str | None) -> datetime | None:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if text else None
