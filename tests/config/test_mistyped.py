"""Values filled in by hand: the sample's brackets, and misspelt variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bds_async import Config, ConfigError

KEYS = {"bspace_url": "https://school.example", "client_id": "x", "client_secret": "s", "refresh_token": "r"}


def written(folder: Path, **changes: str) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**KEYS, **changes}))
    path.chmod(0o600)
    return path


def test_the_own_address_inside_the_brackets_of_the_sample_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bspace_url is inside angle brackets; remove < and >"):
        Config.load(written(tmp_path, bspace_url="<https://school.example>"), {})


def test_the_text_of_the_sample_counts_as_absent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lacks bspace_url"):
        Config.load(written(tmp_path, bspace_url="<https://your-school.brightspace.com>"), {})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BDS_BSPACE_URI", "BDS_BSPACE_URL"),
        ("BDS_CLIENTSECRET", "BDS_CLIENT_SECRET"),
        ("BDS_REFRESH_TOKEN_FILES", "BDS_REFRESH_TOKEN_FILE"),
        ("bds_client_id", "BDS_CLIENT_ID"),
    ],
)
def test_a_misspelt_variable_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, meant: str
) -> None:
    Config.load(written(tmp_path), {name: "hush"})
    assert caplog.messages == [f"The environment variable {name} is unknown and ignored. Did you mean {meant}?"]


def test_known_variables_and_those_of_others_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Config.load(written(tmp_path), {"BDS_CONFIG": "x", "BDS_PING_URL": "y", "BDS_OTHER": "w"})
    assert caplog.messages == []
