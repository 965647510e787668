"""A report or metrics file that would replace a file that bds-async needs is refused before anything is done."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bds_async.config import files_in_use
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import bds

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
OPTIONS = [("pull", "--report"), ("sync", "--report"), ("sync", "--metrics")]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A config with a token file, a folder filled by a pull, and links to all of it."""
    sandbox.write_config(tmp_path / "config.json")
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "token").write_text(config.pop("refresh_token"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "token_file": "token"}))
    (tmp_path / "config.json").chmod(0o600)
    (tmp_path / "to" / ".bds-async" / "partial").mkdir(parents=True)
    (tmp_path / "link").symlink_to("config.json")
    (tmp_path / "state").symlink_to("to/.bds-async")
    return tmp_path


def content(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("written", OPTIONS, ids=" ".join)
@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("config.json", "the config file"),
        ("link", "the config file"),
        ("to/../config.json", "the config file"),
        ("token", "the file that token_file names"),
        ("to/.bds-async/ledger.sqlite3", "the folder of bds-async's own files"),
        ("to/.bds-async/partial/x", "the folder of bds-async's own files"),
        ("state/run.json", "the folder of bds-async's own files"),
    ],
)
async def test_the_config_the_token_and_the_folder_s_own_files_are_safe(
    sandbox: Sandbox, home: Path, written: tuple[str, str], place: str, what: str
) -> None:
    """The config, or the token file, holds the only refresh token."""
    before, (command, option) = content(home), written
    done = await bds(command, "--config", home / "config.json", "--to", home / "to", option, home / place)
    assert (done.code, done.complaints) == (2, [])
    assert what in done.err
    assert content(home) == before
    assert sandbox.counters.exchanges == 0


async def test_the_report_and_the_metrics_are_two_files(sandbox: Sandbox, home: Path) -> None:
    files = ("--report", home / "out", "--metrics", home / "to" / ".." / "out")
    done = await bds("sync", "--config", home / "config.json", "--to", home / "to", *files)
    assert (done.code, done.complaints) == (2, [])
    assert "would overwrite the report" in done.err
    assert not (home / "out").exists()


@pytest.mark.parametrize("written", OPTIONS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "head"),
    [("Users.zip", b"PK\3\4"), ("Users.csv", b"UserId,"), ("ledger", b"SQLite format 3\0"), ("m", bytes(8) + b"DUCK")],
)
async def test_no_output_replaces_data(home: Path, written: tuple[str, str], name: str, head: bytes) -> None:
    """A published file, a ledger of another folder, a mirror."""
    command, option = written
    (home / name).write_bytes(head)
    done = await bds(command, "--config", home / "config.json", "--to", home / "to", option, home / name)
    assert (done.code, "would overwrite a database, a zip or a table" in done.err) == (2, True)
    assert (home / name).read_bytes() == head


async def test_no_page_of_a_report_replaces_data(home: Path) -> None:
    (home / "run.json").write_text("{}")
    (home / "ledger").write_bytes(b"SQLite format 3\0")
    done = await bds("report", home / "run.json", "--html", home / "ledger", cwd=home)
    assert (done.code, "would overwrite a database" in done.err) == (2, True)


@pytest.mark.parametrize("option", ["--report", "--html", "--metrics"])
async def test_no_output_replaces_the_mirror_of_the_run(home: Path, option: str) -> None:
    """Even before the mirror exists."""
    into = ("--mirror", f"duckdb:{home / 'mirror'}")
    done = await bds("sync", "--config", home / "config.json", "--to", home / "to", *into, option, home / "mirror")
    assert (done.code, "would overwrite the mirror" in done.err) == (2, True)
    assert not (home / "mirror").exists()


async def test_a_config_that_cannot_be_read_is_safe_from_what_tells_of_that(home: Path) -> None:
    """The metrics are written for every end of a sync."""
    (home / "config.json").write_text("{")
    done = await bds("sync", "--config", home / "config.json", "--to", home / "to", "--metrics", home / "config.json")
    assert done.code == 2
    assert (home / "config.json").read_text("utf-8") == "{"


async def test_a_demo_spares_the_config_of_its_folder_too(home: Path) -> None:
    before = content(home)
    done = await bds("demo", "--to", home / "demo", "--report", "config.json", cwd=home)
    assert done.code == 2
    assert content(home) == before


async def test_any_other_place_is_good(home: Path) -> None:
    """Beside the config, and in the destination."""
    files = ("--report", home / "to" / "run.json", "--metrics", home / "bds.prom")
    done = await bds("sync", "-q", "--config", home / "config.json", "--to", home / "to", *files)
    assert (done.code, done.err) == (0, "")


def test_every_file_that_is_named_is_known_wherever_it_is_named(tmp_path: Path) -> None:
    """Without checking whether it exists, or is usable."""
    config = tmp_path / "settings.json"
    config.write_text(json.dumps({"token_file": "~nobody-of-that-name/token", "private_key_file": "key.pem"}))
    environ = {
        "BDS_CONFIG": str(config),
        "BDS_TOKEN_FILE": "/run/token",
        "BDS_CLIENT_SECRET_FILE": "/run/secret",
        "BDS_REFRESH_TOKEN_FILE": "/run/refresh",
    }
    assert files_in_use(None, environ) == {
        Path("~nobody-of-that-name/token"): "the file that token_file names",
        tmp_path / "key.pem": "the file that private_key_file names",
        Path("/run/token"): "the file that BDS_TOKEN_FILE names",
        Path("/run/secret"): "the file that BDS_CLIENT_SECRET_FILE names",
        Path("/run/refresh"): "the file that BDS_REFRESH_TOKEN_FILE names",
        config: "the config file",
    }
    assert files_in_use(None, {}) == {Path("config.json"): "the config file"}
