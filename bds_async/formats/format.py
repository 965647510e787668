"""The interface between a run and the form in which extracts are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..events import Phase
from ..options import PublishAs, Verify
from ..planning import Step
from ..support.prefix import Prefix
from .reading import Checked, Watch, unwatched


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole, verified file in the state folder, ready to be published."""

    path: Path
    checked: Checked


class Format(Protocol):
    """How a downloaded zip becomes a published file, and how that file is checked again.

    Every call blocks, so make it in a thread. It may raise VerificationError (another download may help),
    UnusableArchive (it would not), or DestinationError (the disk is at fault).
    """

    #: The value of `--as`.
    kind: PublishAs
    #: Whether a file itself proves that it is whole, so that one of unknown origin can be adopted.
    is_proof: bool
    #: Whether staging depends on the earlier extracts of the data set.
    is_ordered: bool
    #: Whether staging reads the zip's directory and then the zip from start to end, so that it can begin early.
    reads_in_order: bool
    #: The phase that is shown during staging.
    staging: Phase

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:
        """Verify a downloaded zip and create the file to publish beside it; no such file is left after an error.

        `prefix` is the digest of the part of the zip that is hashed already.
        """
        ...

    def check(self, path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:
        """Measure a published file, and verify it as far as its format allows."""
        ...
