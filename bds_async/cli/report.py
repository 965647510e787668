"""`bds-async report`: create the HTML page of a run report that `--report FILE` wrote."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from ..errors import ConfigError
from ..report import LONGEST, NoRunReport, RunReportDocument, read_run_report
from ..support.log import event
from ..support.reading import read_any
from ..support.text import counted
from .help import GroupedCommand
from .options.settings import common_options
from .options.values import ReportPath
from .output.report_files import page_file

logger = logging.getLogger(__name__)


@click.command("report", cls=GroupedCommand)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN.json")
@click.option("--html", type=ReportPath(), required=True, metavar="FILE", help="Write the page into this file.")
@common_options
def command(run: Path, html: Path) -> None:
    """Make the HTML page of a run report, which pull, sync or verify --repair wrote with --report.

    The page is one file that refers to nothing outside itself.
    """
    file = page_file(html, run)
    document = _read(run)
    file.write(document)
    text = "%s: the page of a run with %s."
    logger.info(text, html, counted(len(document.extracts), "extract"), extra=event("report.page", path=html))


def _read(path: Path) -> RunReportDocument:
    try:
        return read_run_report(read_any(path, LONGEST).data)
    except OSError as error:
        raise ConfigError(f"The run report {path} can't be read: {error.strerror}.") from None
    except NoRunReport as error:
        raise ConfigError(f"{path} {error}.") from None
