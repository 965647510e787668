"""A line of `--log-format json`, and the events that a line can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

from ....report import Moment

#: The form of an event's name.
EVENT_PATTERN = r"^[a-z][a-z0-9_.-]*$"

#: Each event above the debug level. A debug line has the name of its part of the program as its event.
EVENTS = {
    "columns.breaking": "the columns of an extract break with those before",
    "columns.text": "columns of a Parquet file are text, since a value does not fit the documented type",
    "columns.strict": "a breaking change of columns makes the exit code 3, by --strict-schema",
    "config.readable_by_others": "other users can read a file that holds secrets",
    "config.writable_by_others": "other users can change the config file",
    "config.unknown_key": "an unknown key of the config file resembles a missing one",
    "disk.unsupported": "the file system does not support an optional call",
    "error": "the command ends with this exit code",
    "extract.published": "an extract was verified and published",
    "extract.recovered": "an extract was published whose run was ended before that",
    "extract.started": "the download of an extract starts",
    "extract.failed": "an extract failed for good",
    "file.kept": "a file of another origin was in the place of an extract, and was renamed",
    "fleet.finished": "the fleet has ended; the fields count its tenants by exit code",
    "fleet.planned": "the tenants that the fleet runs for",
    "gap.open": "differentials may have been missed",
    "ledger.accepted": "gaps were accepted as lost",
    "ledger.accepted_absence": "absent data sets were accepted as no longer listed",
    "ledger.left_out": "a file was left out of the rebuilt ledger",
    "ledger.marked": "extracts were marked as delivered",
    "ledger.rebuilt": "the ledger was rebuilt from the files",
    "ledger.unmarked": "extracts were marked as not delivered",
    "ledger.unpinned": "the columns of the next extract will be pinned",
    "list.failed": "an extract list could not be fetched",
    "lists.progress": "the number of extract lists that were read",
    "login.done": "the sign-in succeeded",
    "login.no_browser": "no browser could be opened",
    "login.no_data_sets": "the tenant has no data sets yet",
    "login.no_listener": "this machine cannot listen at the redirect address",
    "login.open": "the address of the consent page follows on stdout",
    "login.paste": "the address that the browser ends on is expected on stdin",
    "login.scope": "the config asks for more than the consent",
    "login.stored": "the refresh token was stored",
    "login.wrong_address": "the pasted address is not the expected one",
    "metrics.failed": "the metrics file could not be written",
    "mirror.applied": "an extract was applied to the mirror",
    "mirror.finished": "the mirror is up to date; the fields are the sums over its tables",
    "mirror.note": "something to know about a table of the mirror",
    "mirror.planned": "the extracts that the mirror is about to apply",
    "mirror.rejected": "values or rows went to _bds_rejects",
    "mirror.skipped": "an extract was not applied: its file is gone or changed, or it would delete too many rows",
    "mirror.stopped": "the mirror ended before it had applied everything",
    "outage.began": "the tenant cannot be reached; requests are retried",
    "outage.ended": "the tenant answers again",
    "store.outage_began": "the object store does not answer; requests are retried",
    "store.outage_ended": "the object store answers again",
    "store.unfinished": "an unfinished upload could not be aborted",
    "ping.failed": "the health-check call failed",
    "plan.warning": "something to know about the plan",
    "rate_limit.waiting": "new requests wait, as the tenant asked",
    "report.none": "a dry run writes no report",
    "report.page": "the page of a run report was written",
    "config.unknown_variable": "an unknown environment variable resembles one of bds-async",
    "report.failed": "the report could not be saved",
    "run.failed_alike": "several extracts failed for one cause",
    "run.finished": "the run has ended; the fields are its totals",
    "run.more_failures": "failures that are not logged one by one",
    "run.planned": "the plan is made",
    "run.progress": "the progress of the run",
    "sandbox.serving": "the sandbox serves until it is stopped",
    "run.stopping": "a signal stops the run",
    "run.warning": "something to know about the run",
    "space.short": "the listed sizes exceed the free space",
    "token.exchanging": "the refresh token is about to be exchanged",
    "token.locked": "another process is exchanging the refresh token",
    "token.maybe_spent": "the refresh token was sent without an answer",
    "token.not_stored": "the new refresh token could not be written to its file",
    "token.renewal_failed": "the access token could not be renewed yet",
    "token.waiting": "the auth service gives no access token yet",
    "verify.planned": "the files to verify",
    "verify.unrepaired": "a file needs repair, and the run that repairs ended before it",
}


@with_config(ConfigDict(extra="allow"))
@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of the log: when, how severe, which part of the program, what a person reads, and which event.

    `event` is a stable name; the fields of that event follow it.
    """

    time: Moment
    level: Literal["debug", "info", "warning", "error", "critical"]
    name: str
    message: str
    event: Annotated[str, Field(pattern=EVENT_PATTERN, examples=sorted(EVENTS))]
