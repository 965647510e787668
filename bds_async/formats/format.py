"""The seam between a run and the form in which extracts are published."""

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
    """A whole, verified file in the state folder that is ready to be published."""

    path: Path
    checked: Checked


class Format(Protocol):
    """How a downloaded zip becomes a published file, and how that file is checked again.

    Every call blocks, so it is made in a thread. Each may raise VerificationError (another download may help),
    UnusableArchive (it would not), or DestinationError (the disk is at fault).
    """

    #: What `--as` calls it.
    kind: PublishAs
    #: Whether a file proves by itself that it is whole, so that one of unknown origin can be adopted.
    is_proof: bool
    #: Whether staging depends on what the earlier extracts of the data set had.
    is_ordered: bool
    #: Whether staging reads the zip from one end to the other after its directory, so that it can begin early.
    reads_in_order: bool
    #: What staging is called for a person.
    staging: Phase

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:
        """Verify a downloaded zip and make the file to publish, beside it; no such file is left after an error.

        `prefix` is the digest of as much of the zip as is known.
        """
        ...

    def check(self, path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:
        """Measure a published file, and verify it as far as it can be verified by itself."""
        ...
