"""The files of a run's report: `--report FILE` as JSON, `--html FILE` as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...report import RunReport, RunReportDocument
from ...runs.run import Save
from ...support.patience import Patience
from ...watching import demand_writable, write
from ...workspace import Workspace
from .own_files import demand_apart

_JSON, _PAGE = "report", "HTML page"


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The values of `--report` and `--html`."""

    report: Path | None = None
    html: Path | None = None

    @property
    def options(self) -> list[str]:
        """The names of the given options."""
        return [name for name, path in (("--report", self.report), ("--html", self.html)) if path is not None]

    @property
    def named(self) -> dict[Path, str]:
        """The files, each with a short description."""
        named = ((self.report, f"the {_JSON}"), (self.html, f"the {_PAGE}"))
        return {path: what for path, what in named if path is not None}

    def savers(self, workspace: Workspace, patience: Patience, others: Mapping[Path, str]) -> Iterator[Save]:
        """Yield a writer for each file; raises ConfigError if a file cannot or may not be written.

        No file may replace one of `others`, files with their descriptions.
        """
        if self.report is not None:
            demand_apart(self.report, _JSON, workspace, others)
            demand_writable(self.report, _JSON)
            yield ReportFile(self.report, patience)
        if self.html is not None:
            _demand_page()
            report = {} if self.report is None else {self.report: f"the {_JSON}"}
            demand_apart(self.html, _PAGE, workspace, {**others, **report})
            demand_writable(self.html, _PAGE)
            yield PageFile(self.html, patience)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """Writes the run report, atomically or into the pipe or device of that name."""

    path: Path
    patience: Patience

    def __call__(self, report: RunReport) -> None:
        """Write the file; raises DestinationError."""
        write(self.path, report.to_json(), _JSON, self.patience)


@dataclass(frozen=True, slots=True)
class PageFile:
    """Writes the run report as a page, in the same way."""

    path: Path
    patience: Patience

    def __call__(self, report: RunReport) -> None:
        """Write the file; raises DestinationError."""
        self.write(RunReportDocument.of(report))

    def write(self, document: RunReportDocument) -> None:
        """Write the page of a document; raises DestinationError."""
        from ...watching.page import page_of

        write(self.path, page_of(document), _PAGE, self.patience)


def worded(report: RunReport, complete: Callable[[str], str]) -> RunReport:
    """Return a report whose errors use the command line's terms; `complete` converts a text."""

    def said(text: str | None) -> str | None:
        """Return the text with complete commands."""
        return None if text is None else complete(text)

    return replace(
        report,
        outcomes=[
            each if each.error is None else replace(each, error=complete(each.error)) for each in report.outcomes
        ],
        failed_lists=[replace(each, error=complete(each.error)) for each in report.failed_lists],
        lacks=said(report.lacks),
        ended_by=said(report.ended_by),
        mirror=None if report.mirror is None else replace(report.mirror, error=said(report.mirror.error)),
    )


def page_file(path: Path, run: Path) -> PageFile:
    """Return the writer of the page of the report in `run`; raises ConfigError if it cannot or may not be written."""
    _demand_page()
    demand_apart(path, _PAGE, None, {run: "the run report"})
    demand_writable(path, _PAGE)
    return PageFile(path, Patience())


def _demand_page() -> None:
    """Raise ConfigError if the package for pages is not installed; the page's code is imported only on demand."""
    from ...watching.page import demand_package

    demand_package()
