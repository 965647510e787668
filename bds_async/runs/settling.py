"""The end of each download: it keeps its outcome, and the observer gets that and the warnings about its file."""

from __future__ import annotations

import logging

from ..destination import Published
from ..errors import AnotherRunMayHelp
from ..events import Ended, Observer, Warned
from ..formats import Checked
from ..planning import breaks_with_columns, has_text_columns
from ..report import Outcome, Status
from ..transfer import Download
from .outcomes import delivered, failed, way

logger = logging.getLogger(__name__)


class Settling:
    """Settles downloads, fetched here or by a cluster."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def publish(self, download: Download, checked: Checked, published: Published) -> None:
        """Settle a download whose file is published."""
        extract, change, text = download.extract, published.change, checked.text_columns
        if warning := breaks_with_columns(extract, change):
            self._observer(Warned(warning, "columns.breaking"))
        if warning := has_text_columns(extract, text):
            self._observer(Warned(warning, "columns.text"))
        known = {"schema_change": change, "text_columns": text, **way(download)}
        self._settle(download, delivered(extract, published.delivery, Status.DOWNLOADED, **known))

    def fail(self, download: Download, error: AnotherRunMayHelp) -> None:
        """Settle a download that has failed for good, unless it is settled already."""
        if not download.is_settled:
            logger.debug("%s: given up: %s", download.extract, error)
            download.error = error
            self._settle(download, failed(download, error))

    def _settle(self, download: Download, outcome: Outcome) -> None:
        download.settle(outcome)
        self._observer(Ended(outcome))
