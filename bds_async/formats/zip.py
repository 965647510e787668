"""Zips: published as received, verified in one pass.

There are two kinds of fault. VerificationError: the bytes are not what was sent (cut, damaged, not a zip), so another
download may help. UnusableArchive: the zip is what the server holds, but cannot be used (encrypted, a foreign method,
the wrong number of members, too large), so another download would not help. Memory is bounded whatever the archive
claims.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..events import Phase
from ..options import PublishAs, Verify
from ..planning import Step
from ..support.prefix import Prefix
from ..workspace import writing_to
from .csv_header import HeaderReader
from .format import Staged
from .inflate import BLOCK, contents
from .reading import Checked, HashingReader, Watch, unwatched
from .zip_members import Member, members_of

#: Compressed bytes that are read at a time if only the header row is wanted.
HEAD = 16 * 1024


class ZipFormat:
    """The zip as received; see Format."""

    kind = PublishAs.ZIP
    is_proof = True
    is_ordered = False
    reads_in_order = True
    staging = Phase.VERIFYING

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:  # noqa: ARG002
        """Verify the zip, which is the file to publish."""
        return Staged(zipped, check(zipped, verify, watch, prefix))

    def check(self, path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:
        """Verify a published zip."""
        return check(path, verify, watch)


def check(path: Path, verify: Verify, watch: Watch = unwatched, prefix: Prefix | None = None) -> Checked:
    """Prove a zip whole, in one pass over the file; `columns` are those of its first `.csv` member.

    Bytes that `prefix` has hashed are read again only if a CRC-32 or the header row needs them.

    A zip without members is whole. Raises VerificationError, UnusableArchive, or DestinationError if the file cannot
    be read.
    """
    # Unbuffered: a buffer would read ahead, into pieces of the file that have not arrived yet.
    with writing_to(path.parent), path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        members = members_of(file, size)
        table = next((member for member in members if member.is_csv), None)
        header = HeaderReader()
        reader = HashingReader(file, prefix or Prefix(), watch=watch)
        for member in sorted(members, key=lambda each: each.start):
            reader.skip_to(member.start)
            _inspect(member, reader, header if member is table else None, verify)
        reader.skip_to(size)
        return Checked(size, reader.sha256, header.columns())


def _inspect(member: Member, reader: HashingReader, header: HeaderReader | None, verify: Verify) -> None:
    """Read a member as far as `verify` and its header row require."""
    if header is None and verify is Verify.FAST:
        return
    size = HEAD if verify is Verify.FAST else BLOCK
    for block in contents(member, reader.blocks(member.stop, size)):
        if header is not None:
            header.feed(block)
            if header.is_full and verify is Verify.FAST:
                return
