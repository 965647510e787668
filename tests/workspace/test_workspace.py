"""Where the state of a destination is, which destination it belongs to, and what is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bds_async.errors import ConfigError, DestinationError
from bds_async.workspace import Workspace, workspace_of

posix_only = pytest.mark.skipif(os.name != "posix", reason="links and mv are POSIX")


def claimed(to: Path | str, state: Path) -> Workspace:
    """The workspace of a run that has locked its state folder."""
    workspace = workspace_of(to, state)
    workspace.prepare()
    workspace.claim()
    return workspace


def with_ledger(state: Path) -> Path:
    state.mkdir(parents=True)
    (state / "ledger.sqlite3").write_bytes(b"")
    return state


def test_by_default_it_lies_in_the_destination(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path / "to")
    assert workspace.state == tmp_path / "to" / ".bds-async"
    assert not workspace.is_apart


def test_nothing_is_made_before_a_run(tmp_path: Path) -> None:
    workspace_of(tmp_path / "to", tmp_path / "state").check_owner()
    assert list(tmp_path.iterdir()) == []


def test_naming_the_default_changes_nothing(tmp_path: Path) -> None:
    with_ledger(tmp_path / "to" / ".bds-async")
    workspace = claimed(tmp_path / "to", tmp_path / "to" / ".bds-async")
    assert not workspace.is_apart


def test_another_place_holds_everything_and_records_its_destination(tmp_path: Path) -> None:
    workspace = claimed(tmp_path / "to", tmp_path / "a" / "state")
    for part in (workspace.ledger, workspace.partials, workspace.lock, workspace.owner):
        assert part.parent == tmp_path / "a" / "state"
    assert workspace.is_apart
    assert not (tmp_path / "to" / ".bds-async").exists()
    if os.name == "posix":
        assert workspace.state.stat().st_mode & 0o777 == 0o700


def test_the_state_of_another_destination_is_refused(tmp_path: Path) -> None:
    claimed(tmp_path / "one", tmp_path / "state")
    with pytest.raises(ConfigError, match="belongs to the destination") as caught:
        workspace_of(tmp_path / "two", tmp_path / "state").check_owner()
    assert all(str(part) in str(caught.value) for part in (tmp_path / "one", tmp_path / "two", tmp_path / "state"))
    with pytest.raises(ConfigError):
        claimed(tmp_path / "two", tmp_path / "state")


@posix_only
def test_destinations_are_compared_after_resolving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths, links and a trailing slash name the same destination."""
    (tmp_path / "to").mkdir()
    (tmp_path / "link").symlink_to("to")
    monkeypatch.chdir(tmp_path)
    claimed(tmp_path / "to", tmp_path / "state")
    for name in ("to", "./to/", f"{tmp_path}/to/", "link", "link/../to"):
        workspace_of(name, tmp_path / "state").check_owner()


@pytest.mark.parametrize("state", ["to", "to/state", "to/Users/state", "to/.bds-async/state"])
def test_a_state_folder_inside_the_destination_is_refused(tmp_path: Path, state: str) -> None:
    with pytest.raises(ConfigError, match="lies inside the destination"):
        workspace_of(tmp_path / "to", tmp_path / state)


@pytest.mark.parametrize("to", ["state/to", "state/partial/to"])
def test_a_destination_inside_the_state_folder_is_refused(tmp_path: Path, to: str) -> None:
    with pytest.raises(ConfigError, match="lies inside the state folder"):
        workspace_of(tmp_path / to, tmp_path / "state")


@posix_only
def test_a_link_hides_neither(tmp_path: Path) -> None:
    (tmp_path / "to" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("to/inner")
    with pytest.raises(ConfigError, match="inside the destination"):
        workspace_of(tmp_path / "to", tmp_path / "link")
    with pytest.raises(ConfigError, match="inside the state folder"):
        workspace_of(tmp_path / "link", tmp_path / "to")


def test_folders_whose_names_begin_alike_are_apart(tmp_path: Path) -> None:
    assert workspace_of(tmp_path / "to", tmp_path / "to-state").is_apart
    assert workspace_of(tmp_path / "state-to", tmp_path / "state").is_apart


@posix_only
def test_a_ledger_in_the_destination_is_not_left_behind(tmp_path: Path) -> None:
    """The message says how to move it; then the state is accepted."""
    with_ledger(tmp_path / "to" / ".bds-async")
    with pytest.raises(ConfigError, match="leave `state` out, or move") as caught:
        workspace_of(tmp_path / "to", tmp_path / "state")
    command = str(caught.value).rpartition("run works on it: ")[2].split()
    assert command[0] == "mv"
    subprocess.run(command, check=True)
    workspace = claimed(tmp_path / "to", tmp_path / "state")
    assert workspace.ledger.exists()


def test_an_empty_state_folder_in_the_destination_is_no_obstacle(tmp_path: Path) -> None:
    """As left by a run that ended before it created a ledger."""
    (tmp_path / "to" / ".bds-async").mkdir(parents=True)
    assert workspace_of(tmp_path / "to", tmp_path / "state").is_apart


@pytest.mark.parametrize("address", ["https://x.example/y", "ftp://x/y", "S3X://x"])
def test_an_address_that_is_no_store_is_refused(address: str, tmp_path: Path) -> None:
    """It must not become a folder of that name."""
    with pytest.raises(ConfigError, match=r"takes a folder, s3://bucket/prefix, gs://"):
        workspace_of(address, tmp_path)


@pytest.mark.parametrize("address", ["s3://bucket/prefix", "gs://bucket", "az://container/x"])
def test_a_store_needs_a_local_state_folder(address: str) -> None:
    with pytest.raises(ConfigError, match="needs `state=DIR`"):
        workspace_of(address)
    with pytest.raises(ConfigError, match="`state` takes a local folder"):
        workspace_of(address, "s3://bucket/state")


@pytest.mark.parametrize(
    ("written", "address"),
    [("s3://bucket/a/b/", "s3://bucket/a/b"), ("S3://bucket", "s3://bucket"), ("gs://b-1.x//a", "gs://b-1.x/a")],
)
def test_one_place_in_a_store_has_one_address(written: str, address: str, tmp_path: Path) -> None:
    workspace = workspace_of(written, tmp_path)
    assert (workspace.address, workspace.to, workspace.is_apart) == (address, address, True)


@pytest.mark.parametrize(
    "rest", ["", "/a", "key:hush@bucket/a", "bucket/a?Signature=hush", "bucket/a//b", "b/..", "-hush/a"]
)
def test_an_address_that_cannot_be_used_is_not_repeated(rest: str, tmp_path: Path) -> None:
    """It may hold a secret."""
    with pytest.raises(ConfigError) as caught:
        workspace_of(f"s3://{rest}", tmp_path)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3:///a", "s3://…: it names no bucket. Write s3://bucket/prefix"),
        ("s3://b/a", "what stands there for a bucket has 1 character; its name has at least 2"),
        ("s3://key:hush@bucket/a", "Credentials come from the environment or a profile"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_said(address: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        workspace_of(address, tmp_path)
    assert says in str(caught.value)


def test_the_state_folder_of_another_store_is_refused(tmp_path: Path) -> None:
    workspace_of("s3://bucket/a", tmp_path).claim()
    with pytest.raises(ConfigError, match="belongs to the destination s3://bucket/a, not to s3://bucket/b"):
        workspace_of("s3://bucket/b", tmp_path).check_owner()


def test_the_state_inside_one_destination_serves_no_other(tmp_path: Path) -> None:
    """Even though a state folder inside its destination needs no record."""
    one = workspace_of(tmp_path / "one")
    one.prepare()
    one.claim()
    with pytest.raises(ConfigError, match="belongs to the destination"):
        workspace_of(tmp_path / "two", tmp_path / "one" / ".bds-async").check_owner()


def test_a_destination_that_was_renamed_keeps_its_state(tmp_path: Path) -> None:
    before = workspace_of(tmp_path / "before")
    before.prepare()
    before.claim()
    (tmp_path / "before").rename(tmp_path / "after")
    after = workspace_of(tmp_path / "after")
    after.claim()
    assert after.owner.read_text() == str(tmp_path / "after")


def test_a_name_that_is_too_long_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        workspace_of(tmp_path / ("x" * 300)).prepare()
