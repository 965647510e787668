"""`bds-async schema-of`: the JSON Schemas of the machine formats."""

from __future__ import annotations

import json

import click

from ..doctor.examination import DoctorDocument
from ..report import FleetReportDocument, RunReportDocument, json_schema_of
from .help import GroupedCommand
from .options.settings import common_options
from .output.documents import (
    DataSetColumns,
    DeliveredDataSet,
    DeliveredExtract,
    ListedDataSet,
    LogLine,
    MirrorDocument,
    MirrorPlanned,
    PlannedExtract,
    VerifyDocument,
)

#: Each machine format: its name for `schema-of`, and the class that defines it.
FORMATS: dict[str, type] = {
    "run-report": RunReportDocument,
    "fleet-report": FleetReportDocument,
    "list": ListedDataSet,
    "dry-run": PlannedExtract,
    "ledger-export": DeliveredExtract,
    "ledger-show": DeliveredDataSet,
    "schema": DataSetColumns,
    "doctor": DoctorDocument,
    "verify": VerifyDocument,
    "mirror": MirrorDocument,
    "mirror-dry-run": MirrorPlanned,
    "log": LogLine,
}


@click.command("schema-of", cls=GroupedCommand)
@click.argument("name", type=click.Choice(list(FORMATS)), metavar="[NAME]", required=False)
@common_options
def command(name: str | None) -> None:
    """Print the JSON Schema of a machine format; without a name, print the names.

    The schema of a format that has one JSON object a line is the schema of a line.
    """
    if name is None:
        click.echo("\n".join(FORMATS))
    else:
        click.echo(json.dumps(json_schema_of(FORMATS[name]), ensure_ascii=False, indent=2))
