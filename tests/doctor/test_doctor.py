"""The examination against the sandbox: each failure is real, and the examination does no harm."""

import errno
import fcntl
import json
import logging
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bds_async.brightspace.token_store import store_for
from bds_async.config import Config
from bds_async.doctor.checks import STEPS
from bds_async.doctor.examination import Examination, examine
from bds_async.doctor.steps import Case, Check, CheckStatus, Finding, Step, take
from bds_async.errors import AuthorisationError, BdsError, ConfigError
from bds_async.ledger import Delivery, Ledger
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.support import durable
from bds_async.workspace import workspace_of
from tests.support.builders import a_data_set, an_extract
from tests.support.places import ledger_path, prepared

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")


def small(**settings: Any) -> SandboxSettings:
    return SandboxSettings(**{"data_sets": 4, "scale": 0.01, **settings})


@pytest.fixture
async def sandbox():
    async with Sandbox(small()) as running:
        yield running


@pytest.fixture
def examined(tmp_path):
    """Examine a sandbox with these keys of the config changed (None: removed)."""

    async def run(sandbox: Sandbox, to: Path | None = None, now=time.time, **keys: object) -> Examination:
        path = tmp_path / "config.json"
        config = {**sandbox.config(), **keys}
        path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
        path.chmod(0o600)
        return await examine(path, workspace_of(to or tmp_path / "data"), environ={}, now=now)

    return run


def statuses(examination: Examination) -> dict[str, str]:
    return {check.name: check.status.value for check in examination.checks}


def named(examination: Examination, name: str) -> Check:
    return next(check for check in examination.checks if check.name == name)


def only(status: str, examination: Examination) -> set[str]:
    return {name for name, found in statuses(examination).items() if found == status}


async def test_a_sound_setup_passes_every_check_in_order(sandbox, examined):
    examination = await examined(sandbox)
    assert list(statuses(examination)) == [step.name for step in STEPS]
    assert only("ok", examination) == {step.name for step in STEPS}
    assert examination.exit_code == 0
    assert all(check.to_do is None for check in examination.checks)


async def test_each_check_is_told_as_it_is_done(sandbox, tmp_path):
    sandbox.write_config(tmp_path / "config.json")
    heard: list[Check] = []
    workspace = workspace_of(tmp_path / "data")
    examination = await examine(tmp_path / "config.json", workspace, environ={}, observer=heard.append)
    assert heard == examination.checks


class TestHarmless:
    """What an examination must not change."""

    async def test_the_destination_is_neither_made_nor_locked(self, sandbox, examined, tmp_path):
        await examined(sandbox, tmp_path / "deep" / "data")
        assert not (tmp_path / "deep").exists()
        (tmp_path / "data").mkdir()
        assert named(await examined(sandbox, tmp_path / "data"), "destination").status is CheckStatus.OK
        assert list((tmp_path / "data").iterdir()) == []

    async def test_the_token_is_rotated_once_stored_and_announced_beforehand(self, sandbox, examined, tmp_path, caplog):
        with caplog.at_level(logging.INFO, "bds_async"):
            examination = await examined(sandbox)
        assert sandbox.counters.exchanges == 1
        assert sandbox.is_live(json.loads((tmp_path / "config.json").read_text())["refresh_token"])
        assert f"exchanges the refresh token, as every run does; its successor is stored in {tmp_path}" in caplog.text
        assert "next refresh token is stored" in named(examination, "token").found

    async def test_the_downloads_leave_nothing_behind(self, sandbox, examined, tmp_path, monkeypatch):
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        await examined(sandbox)
        assert list((tmp_path / "temporary").glob("bds-async-*")) == []

    async def test_no_storage_ever_sees_the_bearer(self, sandbox, examined):
        await examined(sandbox)
        assert not [request for request in sandbox.requests if request.origin == "storage" and request.authorised]

    async def test_the_first_two_servers_are_asked_without_any_token(self, sandbox, examined):
        await examined(sandbox)
        assert [(request.kind, request.authorised) for request in list(sandbox.requests)[:2]] == [
            ("versions", False),
            ("token", False),
        ]


class TestConfig:
    async def test_no_config_leaves_only_the_destination_to_be_checked(self, tmp_path):
        examination = await examine(tmp_path / "none.json", workspace_of(tmp_path / "data"), environ={})
        assert only("failed", examination) == {"config"}
        assert only("ok", examination) == {"destination"}
        assert examination.exit_code == 2
        assert named(examination, "tenant").found == "Not checked, since it needs: config."
        assert examination.document()["tenant"] is None

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"bspace_url": "ftp://x"}'])
    async def test_a_spoilt_config_is_exit_2(self, tmp_path, content):
        (tmp_path / "config.json").write_text(content)
        examination = await examine(tmp_path / "config.json", workspace_of(tmp_path / "data"), environ={})
        assert (named(examination, "config").status, examination.exit_code) == (CheckStatus.FAILED, 2)

    async def test_without_a_refresh_token_the_servers_are_checked_all_the_same(self, sandbox, examined):
        examination = await examined(sandbox, refresh_token="<written by login>")
        assert only("failed", examination) == {"token home"}
        assert {"config", "tenant", "auth service", "clock", "api version"} <= only("ok", examination)
        assert "bds-async login" in named(examination, "token home").found
        assert examination.exit_code == 2

    async def test_everything_may_come_from_the_environment(self, sandbox, tmp_path):
        environ = {f"BDS_{key.upper()}": str(value) for key, value in sandbox.config().items()}
        environ["BDS_TOKEN_FILE"] = str(tmp_path / "token")
        examination = await examine(tmp_path / "none.json", workspace_of(tmp_path / "data"), environ=environ)
        assert examination.exit_code == 0
        assert named(examination, "config").found.startswith("The environment is complete")

    @posix_only
    async def test_a_config_that_others_can_read_is_a_warning_with_the_command_to_run(self, sandbox, tmp_path):
        path = tmp_path / "my config.json"
        sandbox.write_config(path)
        path.chmod(0o644)
        check = named(await examine(path, workspace_of(tmp_path / "data"), environ={}), "permissions")
        assert (check.status, check.to_do) == (CheckStatus.WARNING, f"Run: chmod 600 '{path}'")

    @posix_only
    async def test_a_token_file_that_others_can_read_is_a_warning_too(self, sandbox, examined, tmp_path):
        (tmp_path / "token").write_text(sandbox.new_refresh_token())
        (tmp_path / "token").chmod(0o640)
        examination = await examined(sandbox, token_file="token", refresh_token=None)
        assert str(tmp_path / "token") in (named(examination, "permissions").to_do or "")
        assert examination.exit_code == 0


class TestTokenHome:
    async def test_a_home_that_can_not_be_written_costs_no_token(self, sandbox, examined, tmp_path):
        examination = await examined(sandbox, token_file="nowhere/token")
        assert only("failed", examination) == {"token home"}
        assert (examination.exit_code, sandbox.counters.exchanges) == (2, 0)
        assert "token_file" in (named(examination, "token home").to_do or "")

    async def test_a_full_disk_is_found_by_writing(self, sandbox, examined, monkeypatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(durable, "write_atomically", full)
        examination = await examined(sandbox)
        assert "no space left" in named(examination, "token home").found
        assert sandbox.counters.exchanges == 0

    async def test_a_token_whose_answer_was_lost_is_a_warning(self, sandbox, tmp_path):
        """A run was killed after the request: the token may be spent, but here it is not."""
        path = tmp_path / "config.json"
        sandbox.write_config(path)
        async with store_for(Config.load(path, {})).custody() as custody:
            custody.announce(custody.read())
        examination = await examine(path, workspace_of(tmp_path / "data"), environ={})
        assert named(examination, "token home").status is CheckStatus.WARNING
        assert named(examination, "token").status is CheckStatus.OK

    async def test_a_service_user_needs_none(self, sandbox, examined, tmp_path):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / "key.pem").write_bytes(pem)
        (tmp_path / "key.pem").chmod(0o600)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        sandbox.register_key(public, "key-1")
        keys = {"client_secret": None, "refresh_token": None, "private_key_file": "key.pem", "key_id": "key-1"}
        examination = await examined(sandbox, **keys)
        assert "there is no refresh token" in named(examination, "token home").found
        assert examination.exit_code == 0


class TestServers:
    async def test_a_tenant_and_an_auth_service_that_are_gone_are_exit_5(self, sandbox, examined):
        await sandbox.go_away()
        examination = await examined(sandbox)
        assert only("failed", examination) == {"tenant", "auth service"}
        assert {"config", "token home", "destination"} <= only("ok", examination)
        assert {"clock", "token", "catalogue"} <= only("skipped", examination)
        assert examination.exit_code == 5
        assert "proxy" in (named(examination, "tenant").to_do or "")

    async def test_an_auth_service_that_is_gone_leaves_what_needs_no_token(self, sandbox, examined):
        examination = await examined(sandbox, auth_service="http://127.0.0.1:9")
        assert only("failed", examination) == {"auth service"}
        assert {"tenant", "clock", "api version", "destination"} <= only("ok", examination)
        assert (examination.exit_code, sandbox.counters.exchanges) == (5, 0)

    async def test_a_tenant_that_is_gone_does_not_keep_the_token_from_being_checked(self, sandbox, examined):
        examination = await examined(sandbox, bspace_url="http://127.0.0.1:9")
        assert only("failed", examination) == {"tenant"}
        assert {"auth service", "token", "scope"} <= only("ok", examination)
        assert {"permission", "catalogue", "download", "space"} <= only("skipped", examination)

    @pytest.mark.parametrize("status", [503, 429])
    async def test_a_tenant_that_is_out_of_order_is_exit_5(self, sandbox, examined, status):
        sandbox.play(Fault.of("status", on="versions", status=status))
        examination = await examined(sandbox)
        assert f"answers {status}" in named(examination, "tenant").found
        assert examination.exit_code == 5

    async def test_an_auth_service_that_is_out_of_order_is_a_warning_until_the_token_is_tried(self, sandbox, examined):
        sandbox.play(Fault.of("status", on="token", status=500, first=1))
        examination = await examined(sandbox)
        assert only("warning", examination) == {"auth service"}
        assert examination.exit_code == 0

    async def test_a_name_that_only_leads_to_the_tenant_is_exit_2_and_names_the_right_one(self, sandbox, examined):
        sandbox.play(Fault.of("redirect", on="versions", to="https://school.example/d2l/api/versions/"))
        examination = await examined(sandbox)
        assert (
            "redirects to https://school.example; if that is the tenant's own name, set bspace_url"
            in named(examination, "tenant").found
        )
        assert examination.exit_code == 2

    async def test_a_redirect_within_the_tenant_is_an_answer(self, sandbox, examined):
        sandbox.play(Fault.of("redirect", on="versions", to="/d2l/login"))
        examination = await examined(sandbox)
        assert named(examination, "tenant").status is CheckStatus.OK

    @pytest.mark.parametrize("ahead", [120, -120])
    async def test_a_clock_that_is_wrong_is_a_warning(self, sandbox, examined, ahead):
        examination = await examined(sandbox, now=lambda: time.time() + ahead)
        check = named(examination, "clock")
        assert (check.status, "NTP" in (check.to_do or "")) == (CheckStatus.WARNING, True)
        assert ("ahead of" if ahead > 0 else "behind") in check.found
        assert examination.exit_code == 0

    async def test_a_server_whose_date_is_wrong_shows_in_the_same_way(self, sandbox, examined):
        """With a real `Date` in the answer, not a clock that the test changed."""
        date = {"Date": "Tue, 01 Jan 2030 00:00:00 GMT"}
        sandbox.play(Fault.of("status", on="versions", status=200, headers=date, body="[]"))
        assert named(await examined(sandbox), "clock").status is CheckStatus.WARNING

    @pytest.mark.parametrize("date", ["yesterday", ""])
    async def test_a_date_that_makes_no_sense_is_left_out(self, sandbox, examined, date):
        """The other server still gives the time."""
        sandbox.play(Fault.of("status", on="versions", status=200, headers={"Date": date}, body="[]"))
        assert named(await examined(sandbox), "clock").status is CheckStatus.OK

    async def test_an_answer_out_of_a_cache_is_as_old_as_it_says(self, sandbox, examined):
        from email.utils import formatdate

        old = {"Date": formatdate(time.time() - 7200, usegmt=True), "Age": "7200"}
        sandbox.play(Fault.of("status", on="versions", status=200, headers=old, body="[]"))
        assert named(await examined(sandbox), "clock").status is CheckStatus.OK

    async def test_an_api_version_that_the_tenant_does_not_know_is_exit_2(self, sandbox, examined):
        examination = await examined(sandbox, api_version="1.99")
        assert only("failed", examination) == {"api version"}
        assert "1.15" in named(examination, "api version").found
        assert {"token", "scope", "destination", "rate limit"} <= only("ok", examination)
        assert examination.exit_code == 2

    @pytest.mark.parametrize("fault", [{"action": "status", "status": 404}, {"action": "html"}, {"action": "json"}])
    async def test_a_tenant_that_does_not_say_its_versions_is_asked_by_the_documented_one(
        self, sandbox, examined, fault, quick_retries
    ):
        sandbox.play(Fault.of(on="versions", **fault))
        check = named(await examined(sandbox), "api version")
        assert (check.status, "LP 1.43" in check.found) == (CheckStatus.OK, True)


class TestToken:
    async def test_a_spent_token_is_exit_4(self, sandbox, examined):
        sandbox.revoke_refresh_tokens()
        token = sandbox.new_refresh_token()
        sandbox.revoke_refresh_tokens()
        examination = await examined(sandbox, refresh_token=token)
        assert only("failed", examination) == {"token"}
        assert "invalid_grant" in named(examination, "token").found
        assert "bds-async login" in named(examination, "token").found
        assert "no copy of the config" in (named(examination, "token").to_do or "")
        assert {"config", "tenant", "destination"} <= only("ok", examination)
        assert examination.exit_code == 4

    async def test_a_wrong_secret_is_exit_4(self, sandbox, examined):
        examination = await examined(sandbox, client_secret="wrong")
        assert "invalid_client" in named(examination, "token").found
        assert (named(examination, "token").to_do, examination.exit_code) == (None, 4)

    async def test_no_scope_for_either_family_of_routes_is_exit_4_and_names_them(self, examined):
        async with Sandbox(small(scopes=frozenset({"core:users:read"}))) as sandbox:
            examination = await examined(sandbox)
        assert only("failed", examination) == {"scope", "permission"}
        found = named(examination, "scope").found
        assert "datasets:bds:read" in found
        assert "datahub:dataexports:read datahub:dataexports:download" in found
        assert examination.exit_code == 4

    @pytest.mark.parametrize(
        "scope", ["datahub:dataexports:*", "datahub:dataexports:read datahub:dataexports:download"]
    )
    async def test_the_old_scopes_are_good_for_the_old_routes(self, examined, scope):
        async with Sandbox(small(scopes=frozenset(scope.split()))) as sandbox:
            examination = await examined(sandbox)
        assert only("warning", examination) == {"scope"}
        assert "bds-async login --scope datasets:bds:read" in (named(examination, "scope").to_do or "")
        assert "by the old routes" in named(examination, "permission").found
        assert (examination.exit_code, examination.observations["routes"]) == (0, "old")

    async def test_half_of_the_old_scopes_is_not_enough(self, examined):
        async with Sandbox(small(scopes=frozenset({"datahub:dataexports:read"}))) as sandbox:
            examination = await examined(sandbox)
        assert "for the old routes datahub:dataexports:download" in named(examination, "scope").found
        assert examination.exit_code == 4

    async def test_a_user_without_the_permission_is_told_apart_from_a_missing_scope(self, sandbox, examined):
        sandbox.play(Fault.of("status", on="catalogue", status=403))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"permission"}
        assert (
            "the user lacks the permission Can access Brightspace Data Sets" in named(examination, "permission").found
        )
        assert examination.exit_code == 4


class TestCatalogue:
    async def test_a_site_without_data_sets_is_exit_5(self, examined):
        async with Sandbox(small(route_families=frozenset())) as sandbox:
            examination = await examined(sandbox)
        assert "check bspace_url" in named(examination, "permission").found
        assert examination.exit_code == 5

    async def test_new_routes_that_the_tenant_does_not_know_lead_to_the_old_ones(self, examined):
        async with Sandbox(small(route_families=frozenset({"old"}))) as sandbox:
            examination = await examined(sandbox)
        assert only("ok", examination) == {step.name for step in STEPS}
        assert examination.observations["routes"] == "old"

    async def test_a_catalogue_that_is_out_of_order_is_exit_5(self, sandbox, examined, quick_retries):
        sandbox.play(Fault.of("status", on="catalogue", status=500))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"permission"}
        assert {"destination", "rate limit"} <= only("ok", examination)
        assert examination.exit_code == 5

    async def test_a_catalogue_of_another_shape_is_exit_5_and_names_the_field(self, sandbox, examined):
        sandbox.play(Fault.of("remove_field", on="catalogue", field="SchemaId"))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"catalogue"}
        assert "SchemaId" in named(examination, "catalogue").found
        assert examination.exit_code == 5

    async def test_an_empty_catalogue_is_a_warning(self, examined):
        async with Sandbox(small(data_sets=0)) as sandbox:
            examination = await examined(sandbox)
        assert only("warning", examination) == {"catalogue"}
        assert {"extract lists", "download", "space"} == only("skipped", examination)
        assert examination.exit_code == 0

    async def test_one_extract_list_that_fails_is_exit_3_and_the_rest_is_checked(self, sandbox, examined):
        sandbox.play(Fault.of("status", on="extracts", status=404, data_set="Users"))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"extract lists"}
        assert (
            "1 list can't be read; the first, of Users: Could not fetch its extract list: "
            in named(examination, "extract lists").found
        )
        assert {"download", "space"} <= only("ok", examination)
        assert examination.exit_code == 3

    async def test_a_list_that_comes_at_its_last_try_is_no_finding(self, sandbox, examined, quick_retries):
        """A pull would have read it."""
        sandbox.play(Fault.of("status", on="extracts", status=503, data_set="Users", first=5))
        assert (await examined(sandbox)).exit_code == 0

    async def test_if_no_list_comes_it_is_exit_5(self, sandbox, examined):
        sandbox.play(Fault.of("status", on="extracts", status=404))
        examination = await examined(sandbox)
        assert (named(examination, "extract lists").status, examination.exit_code) == (CheckStatus.FAILED, 5)

    async def test_a_token_that_dies_in_the_middle_is_renewed(self, examined):
        async with Sandbox(small(access_token_life=1, latency=0.1)) as sandbox:
            examination = await examined(sandbox)
            assert sandbox.counters.exchanges > 1
        assert examination.exit_code == 0


class TestDownload:
    async def test_nothing_generated_yet_is_no_failure(self, examined):
        async with Sandbox(small(never_generated=("*",))) as sandbox:
            examination = await examined(sandbox)
        assert named(examination, "download").status is CheckStatus.SKIPPED
        assert examination.exit_code == 0

    @pytest.mark.parametrize(
        "fault",
        [
            {"action": "corrupt"},
            {"action": "html"},
            {"action": "status", "status": 404},
            {"action": "expired"},
            {"action": "zip", "shape": "encrypted"},
        ],
    )
    async def test_a_download_that_fails_is_exit_3(self, sandbox, examined, fault):
        sandbox.play(Fault.of(on="storage", **fault))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"download"}
        assert "proxy" in (named(examination, "download").to_do or "")
        assert {"destination", "space", "rate limit"} <= only("ok", examination)
        assert examination.exit_code == 3

    async def test_one_fault_that_passes_is_got_over(self, sandbox, examined):
        sandbox.play(Fault.of("cut", after=100, first=1, ending="close"))
        assert (await examined(sandbox)).exit_code == 0

    async def test_a_temporary_folder_without_room_is_exit_6(self, sandbox, examined, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"download"}
        assert examination.exit_code == 6


class TestDestination:
    @posix_only
    @pytest.mark.parametrize("place", ["/proc/bds-data", "/dev/null/data"])
    async def test_a_place_that_can_not_be_written_is_exit_6(self, sandbox, examined, place):
        if not Path(place).parent.exists():
            pytest.skip("this system has no such place")
        examination = await examined(sandbox, Path(place))
        assert only("failed", examination) == {"destination"}
        assert only("skipped", examination) == {"space"}
        assert examination.exit_code == 6

    @pytest.mark.parametrize("part", ["", "partial"])
    async def test_the_state_folder_is_tried_too(self, sandbox, examined, tmp_path, part):
        """A writable folder may contain something from earlier that is not writable."""
        path = tmp_path / "data" / ".bds-async" / part
        path.parent.mkdir(parents=True)
        path.write_text("in the way")
        examination = await examined(sandbox)
        assert only("failed", examination) == {"destination"}
        assert path.read_text() == "in the way"
        assert examination.exit_code == 6

    @posix_only
    @pytest.mark.parametrize("call", ["flock", "lockf"])
    async def test_a_share_that_refuses_locks_is_exit_6_and_names_state(self, sandbox, examined, monkeypatch, call):
        def refuses(*_):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(fcntl, call, refuses)
        examination = await examined(sandbox)
        check = named(examination, "destination")
        assert check.status is CheckStatus.FAILED
        assert "keep it on a local disk with `state=DIR`" in check.found
        assert examination.exit_code == 6

    @posix_only
    async def test_a_linked_state_folder_is_found(self, sandbox, examined, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / ".bds-async").symlink_to(tmp_path)
        examination = await examined(sandbox)
        assert only("failed", examination) == {"destination"}
        assert "is a symbolic link" in named(examination, "destination").found

    async def test_a_missing_extra_is_named_without_advice_about_permissions(self, sandbox, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "obstore", None)
        config = tmp_path / "config.json"
        sandbox.write_config(config)
        examination = await examine(config, workspace_of("s3://bucket/prefix", tmp_path / "state"), environ={})
        check = named(examination, "destination")
        assert (check.status, check.to_do) == (CheckStatus.FAILED, None)
        assert "pip install" in check.found

    async def test_unknown_free_space_is_no_failure(self, sandbox, examined, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
        examination = await examined(sandbox)
        assert examination.exit_code == 0
        assert "free space is unknown" in named(examination, "destination").found

    async def test_a_plan_that_has_no_room_is_exit_6(self, sandbox, examined):
        sandbox.play(Fault.of("wrong_size", on="extracts", factor=10**15))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"space"}
        assert "has no room" in named(examination, "space").found
        assert examination.exit_code == 6

    async def test_a_folder_of_another_tenant_is_exit_2(self, sandbox, examined, tmp_path):
        prepared(tmp_path / "data")
        with Ledger.open(ledger_path(tmp_path / "data"), "https://other.example") as ledger:
            ledger.deliveries.record(Delivery.of(an_extract(), ledger.folders.folder_for(a_data_set())))
        examination = await examined(sandbox)
        assert only("failed", examination) == {"space"}
        assert "https://other.example" in named(examination, "space").found
        assert examination.exit_code == 2


class TestRateLimit:
    async def test_little_credit_is_a_warning(self, examined):
        async with Sandbox(small(rate_credits=150, rate_window=3600)) as sandbox:
            examination = await examined(sandbox)
        check = named(examination, "rate limit")
        assert (check.status, "other job" in (check.to_do or "")) == (CheckStatus.WARNING, True)
        assert examination.exit_code == 0

    async def test_what_is_left_is_recorded(self, sandbox, examined):
        seen = (await examined(sandbox)).observations["rate_limit"]
        assert seen["request_cost"] == 10
        assert 0 < seen["remaining"] < 50_000
        assert seen["reset_seconds"] >= 0


class TestObservations:
    """Facts that D2L does not document, as observed at the tenant."""

    async def test_a_storage_with_all_that_is_usual(self, sandbox, examined):
        observations = (await examined(sandbox)).observations
        full = observations["full"]
        expected = {
            "delivered": "redirect",
            "storage_host": "127.0.0.1",
            "link_expiry_parameter": "Expires",
            "etag": "strong",
            "last_modified": True,
            "accept_ranges": "bytes",
            "content_encoding": None,
            "range_is_honoured": True,
            "range_status": 206,
            "if_range_by": "ETag",
            "if_range_status": 206,
            "if_range_status_of_another_object": 200,
        }
        assert {key: full[key] for key in expected} == expected
        assert full["content_length"] == full["received_bytes"]
        assert 250 < full["link_life_seconds"] <= 300
        assert full["members"] == observations["differential"]["members"]
        assert (full["bds_type"], observations["differential"]["bds_type"]) == ("Full", "Differential")
        assert observations["same_inner_names"] is True
        assert observations["access_token"]["lifetime_seconds"] == 3600

    async def test_the_sample_is_the_smallest_full_of_a_data_set_with_a_differential(self, sandbox, examined):
        truth = [data_set for data_set in sandbox.catalogue() if data_set.differential_id]
        smallest = min(truth, key=lambda data_set: data_set.newest_full.size)
        full = (await examined(sandbox)).observations["full"]
        assert (full["data_set"], full["received_bytes"]) == (smallest.name, smallest.newest_full.size)
        assert full["download_size_is_the_length"] is True

    async def test_without_any_differential_the_smallest_full_will_do(self, examined):
        async with Sandbox(small(without_differential=("*",))) as sandbox:
            observations = (await examined(sandbox)).observations
        assert observations["full"]["bds_type"] == "Full"
        assert "differential" not in observations

    async def test_a_storage_that_knows_neither_ranges_nor_validators(self, examined):
        async with Sandbox(small(ranges=False, etags=False)) as sandbox:
            full = (await examined(sandbox)).observations["full"]
        assert (full["etag"], full["last_modified"], full["accept_ranges"]) == ("none", False, None)
        assert (full["range_is_honoured"], full["if_range_by"], full["if_range_status"]) == (False, None, None)

    async def test_bytes_that_come_from_the_tenant_itself(self, examined):
        async with Sandbox(small(direct=True)) as sandbox:
            full = (await examined(sandbox)).observations["full"]
        assert (full["delivered"], full["storage_host"], full["link_expiry_parameter"]) == ("direct", None, None)
        assert full["range_is_honoured"] is True

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ({"action": "etag", "value": "weak"}, {"etag": "weak", "if_range_by": None, "if_range_status": None}),
            ({"action": "ranges", "how": "ignored"}, {"range_is_honoured": False, "range_status": 200}),
            ({"action": "ranges", "how": "refused"}, {"range_is_honoured": False, "range_status": 416}),
            ({"action": "ranges", "how": "wrong_total"}, {"range_is_honoured": False, "range_status": 206}),
            ({"action": "status", "status": 403, "ranged": True}, {"range_is_honoured": False, "range_status": 403}),
            ({"action": "status", "status": 500, "ranged": True}, {"range_is_honoured": False, "range_status": None}),
            ({"action": "length", "declared": "chunked"}, {"content_length": None}),
        ],
    )
    async def test_each_oddity_of_a_storage_is_recorded_and_is_no_failure(self, sandbox, examined, fault, expected):
        sandbox.play(Fault.of(on="storage", **fault))
        examination = await examined(sandbox)
        full = examination.observations["full"]
        assert {key: full[key] for key in expected} == expected
        assert examination.exit_code == 0

    async def test_a_listed_size_that_is_not_the_length_is_recorded(self, sandbox, examined):
        sandbox.play(Fault.of("wrong_size", on="extracts", factor=2))
        assert (await examined(sandbox)).observations["full"]["download_size_is_the_length"] is False

    async def test_a_differential_that_would_not_come_is_no_failure(self, sandbox, examined):
        sandbox.play(Fault.of("status", status=404, bds_type="Differential"))
        examination = await examined(sandbox)
        assert "404" in examination.observations["differential"]["error"]
        assert "same_inner_names" not in examination.observations
        assert examination.exit_code == 0

    async def test_hostile_member_names_are_shown_harmlessly(self, sandbox, examined):
        sandbox.play(Fault.of("zip", shape="named", name="../\x1b[31m" + "x" * 500))
        (name,) = (await examined(sandbox)).observations["full"]["members"]
        assert name.isprintable()
        assert len(name) == 120

    async def test_the_whole_is_json_without_any_secret_or_signed_link(self, sandbox, examined, tmp_path):
        examination = await examined(sandbox)
        text = json.dumps(examination.document()) + repr(examination)
        tokens = sandbox._tenant.tokens
        hush = [sandbox.client_secret, *tokens._refresh, *tokens._access, "Signature", "/bds/"]
        assert not [secret for secret in hush if secret in text]


class TestSteps:
    """The sequence of steps, without any server."""

    @staticmethod
    def case(stack=None) -> Case:
        return Case(None, workspace_of("data"), stack)

    async def test_a_fact_is_known_by_its_type(self):
        case = self.case()
        case.learn([7, "seven"])
        assert (case[int], case[str], case.knows(float)) == (7, "seven", False)

    async def test_a_step_that_takes_too_long_is_given_up(self):
        import asyncio

        async def forever(_: Case) -> Finding:
            await asyncio.Event().wait()
            raise AssertionError

        check = await take(Step("slow", forever, "Wait.", limit=0.01), self.case(), [])
        assert (check.status, check.to_do) == (CheckStatus.FAILED, "Wait.")
        assert check.error is not None
        assert check.error.exit_code == 5

    async def test_a_defect_is_not_taken_for_a_finding(self):
        async def broken(_: Case) -> Finding:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await take(Step("broken", broken, ""), self.case(), [])

    def test_the_weightiest_failure_gives_the_exit_code(self):
        def failed(error: BdsError) -> Check:
            return Check("x", CheckStatus.FAILED, str(error), None, error)

        both = Examination(checks=[failed(AuthorisationError("a")), failed(ConfigError("c"))])
        assert both.exit_code == 2
        assert Examination(checks=[Check("x", CheckStatus.WARNING, "w")]).exit_code == 0

    def test_every_need_is_brought_by_an_earlier_step(self):
        """Otherwise a check would always be skipped."""
        known: set[type] = set()
        for step in STEPS:
            assert set(step.needs) <= known, step.name
            known |= set(step.brings)

    def test_every_step_has_a_way_out_and_a_name_of_its_own(self):
        # Each refusal of the auth service, and each fault of a destination, says what to do.
        assert all(step.to_do for step in STEPS if step.name not in ("token", "destination"))
        assert len({step.name for step in STEPS}) == len(STEPS)
