"""Options of a run, made in code: text is converted, and a value that no run can use is refused at once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bds_async.errors import ConfigError
from bds_async.options import MirrorOptions, PublishAs, PullOptions, RunOptions, SyncOptions, Verify, Wanted


def options_of(**values: Any) -> PullOptions:
    return PullOptions(**values)


def test_text_is_converted() -> None:
    found = options_of(data_set="Users", publish_as="csv", verify="fast", wanted="all", workers="8", since="2026-11-01")
    assert (found.data_set, found.publish_as, found.verify) == (("Users",), PublishAs.CSV, Verify.FAST)
    assert (found.wanted, found.workers, found.since) == (Wanted.ALL, 8, datetime(2026, 11, 1))


def test_a_moment_stays_as_it_is() -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    assert options_of(since=moment).since is moment


@pytest.mark.parametrize(
    "values",
    [
        {"workers": 0},
        {"workers": 65},
        {"workers": "many"},
        {"workers": 8.7},
        {"workers": True},
        {"attempts": 0},
        {"stall_timeout": 0},
        {"stall_timeout": "x"},
        {"max_time": 0},
        {"max_time": -1},
        {"max_time": math.nan},
        {"limit_rate": "50X"},
        {"limit_rate": "0"},
        {"limit_rate": 0},
        {"limit_rate": -1},
        {"limit_rate": True},
        {"limit_rate": 2.5},
        {"data_set": 5},
        {"data_set": None},
        {"exclude": ["Users", 5]},
        {"force": "no"},
        {"publish_as": "xlsx"},
        {"verify": "none"},
        {"wanted": "ful"},
        {"since": "yesterday"},
        {"since": 5},
        {"pin_columns": True},
        {"pin_columns": 1},
        {"cluster": ""},
        {"cluster": "localhost"},
        {"cluster": "tcp://127.0.0.1"},
        {"cluster": "http://127.0.0.1:8786"},
        {"cluster": "tcp://127.0.0.1:99999"},
    ],
    ids=str,
)
def test_a_value_of_no_use_is_refused(values: dict[str, Any]) -> None:
    """The message names the option, and speaks no Python."""
    with pytest.raises(ConfigError, match=next(iter(values))) as refused:
        options_of(**values)
    assert not re.search(r"not a valid|isoformat|could not convert|literal|object", str(refused.value))


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"publish_as": "xml"}, "`publish_as` can't be 'xml': write zip, csv or parquet."),
        ({"workers": 65}, "`workers` can't be 65: write a whole number from 1 to 64."),
        ({"stall_timeout": "x"}, "`stall_timeout` can't be 'x': write a number from 0.1 to 86400."),
        ({"force": "no"}, "`force` can't be 'no': write True or False."),
    ],
    ids=str,
)
def test_a_refusal_says_what_is_allowed(values: dict[str, Any], allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        options_of(**values)
    assert str(refused.value) == allowed


@pytest.mark.parametrize(
    "values",
    [
        {"with_fulls": "no"},
        {"strict_schema": 1},
        {"mirror": 5},
        {"mirror_schema": None},
        {"delete_limit": 101},
        {"delete_limit": math.nan},
    ],
    ids=str,
)
def test_a_sync_refuses_a_value_of_no_use(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        SyncOptions(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"data_set": 5},
        {"schema": 5},
        {"rebuild": "no"},
        {"keep_deleted": 0},
        {"delete_limit": -1},
        {"keys": ["UserId"]},
        {"keys": {"Users": []}},
        {"keys": {"Users": 5}},
    ],
    ids=str,
)
def test_a_mirror_refuses_a_value_of_no_use(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        MirrorOptions(**values)


def test_a_key_of_one_column_may_be_a_text() -> None:
    assert MirrorOptions(keys={"Users": "UserId", "Tools": ["A", "B"]}).keys == {
        "Users": ("UserId",),
        "Tools": ("A", "B"),
    }


def test_the_address_of_a_mirror_is_not_shown() -> None:
    """It may hold a password."""
    values: Any = {"mirror": b"postgresql://me:hush@host/db"}
    with pytest.raises(ConfigError, match="of the type bytes") as refused:
        SyncOptions(**values)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("rate", "bytes_a_second"), [("2K", 2000), ("50M", 50_000_000), ("7", 7), (2000, 2000), (5e7, 50_000_000)]
)
def test_a_rate_is_a_number_or_text_as_on_the_command_line(rate: Any, bytes_a_second: int) -> None:
    assert options_of(limit_rate=rate).limit_rate == bytes_a_second


def test_a_day_is_a_moment() -> None:
    day: Any = date(2026, 11, 1)
    assert options_of(since=day).since == datetime(2026, 11, 1)


@pytest.mark.parametrize("address", ["tcp://scheduler:8786", "tls://10.0.0.5:8786", "tcp://[::1]:8786"])
def test_the_address_of_a_scheduler_stays_as_it_is(address: str) -> None:
    assert options_of(cluster=address).cluster == address


def test_a_subclass_may_have_fields_of_its_own() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Labelled(PullOptions):
        """Options with a label."""

        label: str = "x"

    assert (Labelled(workers="3").workers, Labelled().label) == (3, "x")  # type: ignore[arg-type]


def test_a_long_value_is_cut_in_the_error() -> None:
    with pytest.raises(ConfigError) as refused:
        PullOptions(publish_as="x" * 10_000)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 200


def test_the_defaults_are_valid() -> None:
    assert RunOptions().workers == 16
