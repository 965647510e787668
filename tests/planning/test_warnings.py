"""The warnings about a plan: why it is empty, and what was delivered in another form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bds_async.brightspace.catalogue.listing import Listing
from bds_async.columns import ChangeKind, SchemaChange
from bds_async.ledger import Delivery
from bds_async.models import BdsType
from bds_async.options import PublishAs, PullOptions, SyncOptions, Wanted
from bds_async.planning.warnings import (
    all_excluded,
    breaks_with_columns,
    in_another_form,
    nothing_to_pull,
    nothing_to_sync,
    turned_to_another_form,
)
from bds_async.report import FailedList
from tests.support.builders import QUEUED, a_data_set, an_extract

NOTHING = Listing()
FULL_ALONE = Listing({a_data_set(): (an_extract(),)})
NOT_GENERATED = Listing({a_data_set("Users", 1): (), a_data_set("Tools", 2): ()})


def delivered(*paths: str | None) -> list[Delivery]:
    return [Delivery.of(an_extract(plugin_id=str(number)), "Users", path=path) for number, path in enumerate(paths)]


@pytest.mark.parametrize(
    ("listing", "options", "why"),
    [
        (NOTHING, PullOptions(), "the tenant offers no data sets"),
        (NOTHING, PullOptions(exclude=("*",)), "`exclude` leaves no data set"),
        (NOT_GENERATED, PullOptions(), "no full is listed of 2 data sets"),
        (NOT_GENERATED, PullOptions(wanted=Wanted.ALL), "no extract is listed of 2 data sets"),
        (FULL_ALONE, PullOptions(wanted=Wanted.DIFFERENTIAL), "no differential is listed of 1 data set"),
        (
            FULL_ALONE,
            PullOptions(since=datetime(2999, 1, 1, tzinfo=UTC)),
            "no full was queued since 2999-01-01T00:00:00Z; the newest is of 2026-11-22T04:09:22Z",
        ),
    ],
)
def test_a_pull_that_chooses_nothing_says_why(listing, options, why):
    assert nothing_to_pull(listing, options) == why


@pytest.mark.parametrize(
    ("listing", "options", "why"),
    [
        (NOTHING, SyncOptions(), "the tenant offers no data sets"),
        (NOTHING, SyncOptions(exclude=("*",)), "`exclude` leaves no data set"),
        (NOT_GENERATED, SyncOptions(), "no extract is listed yet"),
        (FULL_ALONE, SyncOptions(), "nothing new since the last sync"),
    ],
)
def test_a_sync_that_has_nothing_to_deliver_says_why(listing, options, why):
    assert nothing_to_sync(listing, options) == why


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (PullOptions(exclude=("*",)), "`exclude` ('*') leaves out every data set that the tenant lists: "),
        (
            SyncOptions(data_set=("Users", "Tools"), exclude=("use*", "tools")),
            "`exclude` ('use*', 'tools') leaves out every data set that `data_set` ('Users', 'Tools') chooses: ",
        ),
        (PullOptions(), ""),
        (PullOptions(exclude=("Users",)), ""),
        (SyncOptions(data_set=("Gone",), exclude=("Users",)), ""),
    ],
)
def test_patterns_that_leave_no_data_set_are_named(options, said):
    warning = all_excluded(Listing(offered=(a_data_set("Users", 1), a_data_set("Tools", 2))), options)
    assert warning == (said and f"{said}change the patterns.")


def test_a_list_that_would_not_come_is_no_absence_of_data_sets():
    failed = Listing(failed=[FailedList("Users", None, "t answered 500.")])
    assert nothing_to_pull(failed, PullOptions(exclude=("Tools",))) == "no full is listed of 0 data sets"


def test_the_newest_that_is_listed_is_named_by_the_type_that_is_wanted():
    differential = an_extract(bds_type=BdsType.DIFFERENTIAL, queued_for_processing_date=QUEUED + timedelta(days=1))
    listing = Listing({a_data_set(): (an_extract(), differential)})
    since = QUEUED + timedelta(days=2)
    assert nothing_to_pull(listing, PullOptions(since=since)).endswith("2026-11-22T04:09:22Z")
    assert nothing_to_pull(listing, PullOptions(since=since, wanted=Wanted.ALL)).endswith("2026-11-23T04:09:22Z")


@pytest.mark.parametrize(
    ("wanted", "count", "other"),
    [
        (PublishAs.ZIP, "1 extract", "csv"),
        (PublishAs.CSV, "2 extracts", "zip"),
        (PublishAs.PARQUET, "3 extracts", "zip or csv"),
    ],
)
def test_what_was_delivered_in_another_form_is_counted_and_what_to_do_is_said(wanted, count, other):
    options = PullOptions(publish_as=wanted)
    said = in_another_form(delivered("a/full/1.zip", "a/full/2.zip", "b/full/1.csv", None), options)
    assert said.startswith(f"{count} delivered as {other} before will not come again as {wanted}: ")
    assert "folder of its own" in said
    assert f"`bds-async pull --force --as {wanted}`" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            PullOptions(data_set=("Users", "Quiz*"), exclude=("Quiz Attempts",)),
            "--data-set Users --data-set 'Quiz*' --exclude 'Quiz Attempts'",
        ),
        (PullOptions(wanted=Wanted.ALL, since=QUEUED), "--type all --since 2026-11-22T04:09:22.000Z"),
        (SyncOptions(publish_as=PublishAs.CSV, pin_columns=True), "--pin-columns"),
    ],
)
def test_the_command_that_fetches_again_chooses_what_the_run_chose(options, words):
    said = in_another_form(delivered("a/full/1.zip"), replace(options, publish_as=PublishAs.CSV))
    assert f"`bds-async pull --force --as csv {words}`" in said


def test_a_sync_suggests_no_more_than_the_newest_fulls():
    """A pull of all types would also deliver differentials older than the first full, which a sync skips."""
    former = [Delivery.of(an_extract(bds_type=each), "Users", path="1.zip") for each in BdsType]
    said = in_another_form(former, SyncOptions(publish_as=PublishAs.CSV))
    assert "fetch the newest fulls again with `bds-async pull --force --as csv`" in said


def test_of_what_is_in_the_wanted_form_there_is_nothing_to_say():
    assert in_another_form(delivered("a/full/1.csv", None), PullOptions(publish_as=PublishAs.CSV)) == ""


def test_a_job_that_was_turned_to_another_form_is_reminded_until_it_has_delivered_something():
    former, options = delivered("a/full/1.zip"), SyncOptions(publish_as=PublishAs.CSV)
    assert "1 extract delivered as zip" in turned_to_another_form(former, options)
    assert turned_to_another_form([*former, *delivered("a/differential/2.csv")], options) == ""


def test_a_warning_of_other_columns_holds_nothing_that_steers_a_terminal():
    change = SchemaChange(ChangeKind.BREAKING, ("\x1b[2JName",), ())
    said = breaks_with_columns(an_extract(data_set="Users\x1b[31m"), change)
    assert said.isprintable()
    assert said.endswith("breaks with the columns before it: added \ufffd[2JName.")
