"""Options of a run, made in code: text is converted, and a value that no run can use is refused at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bds_async.errors import ConfigError
from bds_async.options import PublishAs, PullOptions, RunOptions, Verify, Wanted


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
        {"attempts": 0},
        {"stall_timeout": 0},
        {"publish_as": "xlsx"},
        {"verify": "none"},
        {"wanted": "ful"},
        {"since": "yesterday"},
        {"pin_columns": True},
        {"cluster": ""},
        {"cluster": "localhost"},
        {"cluster": "tcp://127.0.0.1"},
        {"cluster": "http://127.0.0.1:8786"},
        {"cluster": "tcp://127.0.0.1:99999"},
    ],
    ids=str,
)
def test_a_value_of_no_use_is_refused(values: dict[str, Any]) -> None:
    """The message names the option."""
    with pytest.raises(ConfigError, match=next(iter(values))):
        options_of(**values)


@pytest.mark.parametrize("address", ["tcp://scheduler:8786", "tls://10.0.0.5:8786", "tcp://[::1]:8786"])
def test_the_address_of_a_scheduler_stays_as_it_is(address: str) -> None:
    assert options_of(cluster=address).cluster == address


def test_the_defaults_are_valid() -> None:
    assert RunOptions().workers == 16
