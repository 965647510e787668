"""A complete download that takes long to verify: a sparse zip with one stored member of zeros."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from bds_async.models import BdsType, Identity
from bds_async.sandbox.truth import TrueExtract
from bds_async.transfer.partial import Partial
from tests.support.places import prepared

#: Most bytes: many seconds of reading, even on a machine that hashes fast.
LONG = 20 * 10**9


def sparse_zip(path: Path) -> None:
    """Write a zip whose member has LONG zero bytes, none of which takes space on the disk.

    It has fewer if the disk lacks space for twice as many, since a run requires space for the CSV.
    """
    size = min(LONG, shutil.disk_usage(path.parent).free // 2)
    member = zipfile.ZipInfo("Users.csv")
    member.file_size = member.compress_size = size
    member.CRC = member.header_offset = 0
    with zipfile.ZipFile(path, "w") as archive:
        assert archive.fp is not None
        archive.fp.write(member.FileHeader(zip64=True))
        archive.fp.seek(size, 1)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(member)
        archive._didModify = True  # type: ignore[attr-defined]


def arrived_whole(folder: Path, extract: TrueExtract) -> Path:
    """Write such a zip as the partial file of an extract, as left by a run that ended before publishing it."""
    workspace = prepared(folder)
    bds_type = BdsType(extract.bds_type)
    identity = Identity(extract.plugin_id.lower(), bds_type, extract.queued, extract.created, extract.version)
    partial = Partial(workspace, identity)
    partial.begin(None, None)
    sparse_zip(partial.path)
    _record_as_whole(Partial(workspace, identity), partial.path.stat().st_size)
    return partial.path


def _record_as_whole(partial: Partial, size: int) -> None:
    partial._start_over('"whole"', size)
    file = partial._ranges.open_record()
    assert file is not None
    with file:
        partial._ranges.record(file, 0, size)
