"""Reading a run report from its JSON, which another version may have written."""

from __future__ import annotations

import json
from typing import Any

from .entries import read_document
from .run_report import REPORT_VERSION, RunReportDocument

#: Bytes: a larger file is not read. A report of 10,000 extracts has about 20 MB.
LONGEST = 512 * 1024 * 1024
#: Fields that early reports lack, with the values used for them.
_LATER: dict[str, Any] = {
    "failed_lists": (),
    "lacks": None,
    "mirror": None,
    "program_version": None,
    "workers": None,
    "limit_rate": None,
    "ended_by": None,
    "holds": (),
}
_LATER_OF_EXTRACT: dict[str, Any] = {"text_columns": None, "arrival": None, "attempt_times": ()}


_OTHER = "is no run report: name the report of a pull, a sync or a repair"


class NoRunReport(ValueError):
    """The content is not a run report that this version can read; the text is the end of a sentence."""


def read_run_report(content: bytes) -> RunReportDocument:
    """Read a report from its JSON; unknown fields are ignored. Raises NoRunReport."""
    fields = _fields(content)
    version = fields.get("report_version")
    if isinstance(version, int) and version > REPORT_VERSION:
        known = f"this bds-async knows {REPORT_VERSION}: install a newer one"
        raise NoRunReport(f"has report_version {version}, and {known}")
    try:
        extracts = [{**_LATER_OF_EXTRACT, **extract} for extract in fields["extracts"]]
        return read_document(RunReportDocument, {**_LATER, **fields, "extracts": extracts})
    except (ValueError, TypeError, KeyError):
        raise NoRunReport(_OTHER) from None


def _fields(content: bytes) -> dict[str, Any]:
    """Parse the fields of a JSON object; replace lone surrogates, which stand for bytes that are not text."""
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text)
        if "\\u" in text:
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NoRunReport(_OTHER) from None
    if not isinstance(found, dict):
        raise NoRunReport(_OTHER)
    return found
