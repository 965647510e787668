"""Settings from config.json, the environment and secret files."""

import contextlib
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bds_async.config import KEYS, Config, TokenSource, damage_in, is_absent, origin
from bds_async.config.sources import variable
from bds_async.errors import ConfigError
from bds_async.support import reading

FOUR_KEYS = {
    "bspace_url": "https://school.example",
    "client_id": "the-id",
    "client_secret": "hush-client",
    "refresh_token": "hush-refresh",
}
AS_VARIABLES = {variable(key): value for key, value in FOUR_KEYS.items()}
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX only")


def written(folder: Path, values: Mapping[str, object], encoding: str = "utf-8") -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(values), encoding=encoding)
    path.chmod(0o600)
    return path


def refusal(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.load(path, environ or {})
    assert "hush" not in str(caught.value)
    assert not isinstance(caught.value.__context__, ValueError)
    return str(caught.value)


class TestFile:
    def test_the_four_keys_are_enough(self, tmp_path):
        path = written(tmp_path, FOUR_KEYS)
        config = Config.load(path, {})
        assert config.bspace_url == "https://school.example"
        assert config.client_secret == SecretStr("hush-client")
        assert config.auth_service == "https://auth.brightspace.com"
        assert (config.config_file, config.token_source) == (path, TokenSource.FILE)

    def test_unknown_keys_are_ignored_even_those_named_like_internals(self, tmp_path):
        config = Config.load(written(tmp_path, {**FOUR_KEYS, "config_file": "/etc/passwd", "x": {"y": 1}}), {})
        assert config.config_file == tmp_path / "config.json"

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark_is_tolerated(self, tmp_path, encoding):
        assert Config.load(written(tmp_path, FOUR_KEYS, encoding), {}).client_id == "the-id"

    def test_null_and_empty_optional_keys_count_as_absent(self, tmp_path):
        config = Config.load(written(tmp_path, {**FOUR_KEYS, "scope": "", "api_version": None, "token_file": " "}), {})
        assert (config.scope, config.api_version, config.token_file) == (None, None, None)

    def test_relative_paths_count_from_the_folder_of_the_file(self, tmp_path):
        config = Config.load(written(tmp_path, {**FOUR_KEYS, "token_file": "state/token"}), {})
        assert config.token_file == tmp_path / "state" / "token"

    def test_a_tilde_is_the_home_folder(self, tmp_path):
        config = Config.load(written(tmp_path, {**FOUR_KEYS, "token_file": "~/token"}), {})
        assert config.token_file == Path.home() / "token"

    def test_all_missing_keys_are_named_at_once(self, tmp_path):
        text = refusal(written(tmp_path, {"client_secret": "hush", "scope": "x"}))
        assert "lacks bspace_url, client_id, refresh_token" in text
        assert "BDS_BSPACE_URL" in text
        assert "bds-async login" in text
        assert str(tmp_path / "config.json") in text

    def test_the_sample_is_refused_until_it_is_filled_in(self, tmp_path):
        sample = Path(__file__).parents[2] / "config-sample.json"
        assert tuple(json.loads(sample.read_text())) == KEYS.all
        assert "lacks bspace_url, client_id, client_secret, refresh_token" in refusal(sample)
        assert Config.load(written(tmp_path, json.loads(sample.read_text()) | FOUR_KEYS), {}).scope is None

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "is empty"),
            (b'{"client_secret": "hush",}', "is not JSON"),
            (b'["hush"]', "is JSON, but no object"),
            (b'{"client_secret": "hush\xff"}', "is not UTF-8 text: byte 23"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"a": ' + b"9" * 5000 + b"}", "a number too long"),
        ],
    )
    def test_what_is_not_a_json_object_is_said_with_its_place(self, tmp_path, content, problem):
        path = tmp_path / "config.json"
        path.write_bytes(content)
        assert problem in refusal(path)

    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("client_secert", "client_secret"),
            ("clientSecret", "client_secret"),
            ("BSPACE_URL", "bspace_url"),
            ("refresh-token", "refresh_token"),
            ("scopes", "scope"),
        ],
    )
    def test_a_key_that_looks_like_a_missing_one_is_pointed_out_without_its_value(self, tmp_path, caplog, key, meant):
        values = {name: value for name, value in FOUR_KEYS.items() if name != meant}
        path = written(tmp_path, {**values, key: "hush"})
        with contextlib.suppress(ConfigError):
            Config.load(path, {})
        assert caplog.messages == [f"{path} has the unknown key {key!r}, which is ignored. Did you mean {meant}?"]

    @pytest.mark.parametrize("key", ["refresh_token_old", "comment", "_client_id", "tenant", "client_secret2"])
    def test_a_key_of_its_own_or_beside_the_one_that_it_looks_like_is_left_alone(self, tmp_path, caplog, key):
        Config.load(written(tmp_path, {**FOUR_KEYS, key: "x"}), {})
        assert caplog.messages == []

    def test_a_folder_in_place_of_the_file_is_an_error(self, tmp_path):
        assert "can't be read" in refusal(tmp_path)

    def test_every_wrong_value_is_named_with_its_place_and_never_shown(self, tmp_path):
        wrong = {"client_secret": ["hush"], "api_version": 1.5, "auth_service": "https://hush@auth.example"}
        text = refusal(written(tmp_path, FOUR_KEYS | wrong), {"BDS_BSPACE_URL": "hush"})
        assert "bspace_url in BDS_BSPACE_URL must be an address" in text
        assert f"client_secret in {tmp_path / 'config.json'} must be text" in text
        assert "api_version in" in text
        assert "auth_service in" in text

    @posix_only
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_a_config_that_others_can_read_gives_a_warning_with_the_chmod(self, tmp_path, caplog, mode):
        path = written(tmp_path, FOUR_KEYS)
        path.chmod(mode)
        Config.load(path, {})
        assert f"Run: chmod 600 {path}" in caplog.text
        assert "hush" not in caplog.text

    @posix_only
    def test_no_warning_without_secrets_or_with_mode_0600(self, tmp_path, caplog):
        caplog.set_level(logging.WARNING)
        path = written(tmp_path, {"scope": "x"})
        path.chmod(0o644)
        Config.load(path, AS_VARIABLES)
        Config.load(written(tmp_path, FOUR_KEYS), {})
        assert not caplog.records

    @posix_only
    @pytest.mark.parametrize(("mode", "verbs"), [(0o620, "changed"), (0o666, "read and changed"), (0o602, "changed")])
    def test_a_config_that_others_can_write_gives_a_warning_too(self, tmp_path, caplog, mode, verbs):
        path = written(tmp_path, FOUR_KEYS)
        path.chmod(mode)
        Config.load(path, {})
        assert caplog.messages == [f"{path} holds secrets and can be {verbs} by others. Run: chmod 600 {path}"]

    @posix_only
    def test_even_without_secrets_since_it_says_where_secrets_are_sent(self, tmp_path, caplog):
        path = written(tmp_path, {"scope": "x"})
        path.chmod(0o646)
        Config.load(path, AS_VARIABLES)
        assert caplog.messages == [f"{path} can be changed by others. Run: chmod 600 {path}"]


DAMAGED = [
    ("hush\u200b", "ends with the invisible character U+200B (zero width space)"),
    ("\ufeffhush", "begins with the invisible character U+FEFF (zero width no-break space)"),
    ("hu\u00adsh", "contains the invisible character U+00AD (soft hyphen)"),
    ("hu\u00a0sh", "contains the invisible character U+00A0 (no-break space)"),
    ("hush\ufe0f", "ends with the invisible character U+FE0F (variation selector-16)"),
    ("hu\nsh", "contains the invisible character U+000A"),
    ('"hush"', "is in quotes: remove them"),
    ("'hush'", "is in quotes: remove them"),
    ("\u201chush\u201d", "is in quotes: remove them"),
    ('"hush",', "is in quotes: remove them"),
    ("Bearer hush", "begins with 'Bearer': remove that word"),
]


class TestDamage:
    @pytest.mark.parametrize(("secret", "damage"), DAMAGED)
    @pytest.mark.parametrize("key", ["client_id", "client_secret", "refresh_token"])
    def test_visible_damage_to_a_secret_is_named_in_place_of_sending_it(self, tmp_path, key, secret, damage):
        path = written(tmp_path, {**FOUR_KEYS, key: secret})
        assert f"{key} in {path} {damage}" in refusal(path)
        assert f"{key} in {variable(key)} {damage}" in refusal(written(tmp_path, FOUR_KEYS), {variable(key): secret})
        with pytest.raises(ConfigError, match=re.escape(damage)):
            Config(**{**FOUR_KEYS, key: secret})

    @pytest.mark.parametrize("secret", ['"', '"a', "a'b", "it's", "aB3+x9Q/zz==", "a b", "übel€", "bearer", "Bearer-x"])
    def test_a_secret_that_is_only_odd_is_taken(self, secret):
        assert Config(**{**FOUR_KEYS, "client_secret": secret}).client_secret == SecretStr(secret)

    @given(
        st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\"'`"), min_size=8)
    )
    def test_no_token_of_rfc_6749_without_quotes_is_refused(self, token):
        assert damage_in(token) is None


@posix_only
class TestPipe:
    @pytest.fixture
    def pipe(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        return path

    def written_to(self, pipe: Path, values: Mapping[str, object]) -> threading.Thread:
        writer = threading.Thread(target=pipe.write_text, args=[json.dumps(values)])
        writer.start()
        return writer

    def test_it_is_read_once(self, pipe):
        writer = self.written_to(pipe, FOUR_KEYS)
        config = Config.load(pipe, {})
        writer.join()
        assert (config.client_id, config.config_file, config.token_source) == ("the-id", None, TokenSource.PIPE)

    def test_a_writer_that_comes_late_is_waited_for(self, pipe):
        writer = threading.Timer(0.3, pipe.write_text, [json.dumps(FOUR_KEYS)])
        writer.start()
        assert Config.load(pipe, {}).client_id == "the-id"
        writer.join()

    def test_without_a_writer_it_is_an_error_and_no_wait(self, pipe, monkeypatch):
        monkeypatch.setattr(reading, "NO_WRITER", 0.1)
        assert "can't be read: it is a pipe, and no program writes to it" in refusal(pipe)

    def test_relative_paths_in_it_count_from_the_working_directory(self, pipe):
        writer = self.written_to(pipe, {**FOUR_KEYS, "token_file": "state/token"})
        assert Config.load(pipe, {}).token_file == Path("state/token")
        writer.join()

    def test_a_secret_file_can_be_one(self, pipe, tmp_path):
        writer = threading.Thread(target=pipe.write_text, args=["hush-in-pipe\n"])
        writer.start()
        environ = {"BDS_CLIENT_SECRET_FILE": str(pipe)}
        config = Config.load(written(tmp_path, {**FOUR_KEYS, "client_secret": ""}), environ)
        writer.join()
        assert config.client_secret == SecretStr("hush-in-pipe")

    def test_a_device_without_an_end_is_an_error(self):
        assert "is larger than 1024 KiB" in refusal(Path("/dev/zero"))


class TestEnvironment:
    def test_where_it_says_everything_no_file_is_needed(self, tmp_path):
        config = Config.load(tmp_path / "absent.json", AS_VARIABLES)
        assert config.refresh_token == SecretStr("hush-refresh")
        assert (config.config_file, config.token_source) == (None, TokenSource.ENVIRONMENT)

    def test_it_wins_over_the_file(self, tmp_path):
        config = Config.load(written(tmp_path, FOUR_KEYS), {"BDS_CLIENT_ID": "other", "BDS_SCOPE": "a b"})
        assert (config.client_id, config.scope) == ("other", "a b")
        assert config.token_source is TokenSource.FILE

    def test_an_empty_variable_says_nothing(self, tmp_path):
        assert Config.load(written(tmp_path, FOUR_KEYS), {"BDS_CLIENT_ID": ""}).client_id == "the-id"

    def test_a_token_from_it_is_known_as_such(self, tmp_path):
        config = Config.load(written(tmp_path, FOUR_KEYS), {"BDS_REFRESH_TOKEN": "other"})
        assert config.token_source is TokenSource.ENVIRONMENT

    def test_a_token_from_a_file_that_it_names_is_known_as_such(self, tmp_path):
        (tmp_path / "secret").write_text("other")
        config = Config.load(written(tmp_path, FOUR_KEYS), {"BDS_REFRESH_TOKEN_FILE": str(tmp_path / "secret")})
        assert config.token_source is TokenSource.NAMED_FILE

    def test_bds_config_names_the_file(self, tmp_path):
        path = written(tmp_path, FOUR_KEYS)
        assert Config.load(None, {"BDS_CONFIG": str(path)}).config_file == path

    def test_config_json_is_the_default(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        written(tmp_path, FOUR_KEYS)
        assert Config.load(environ={}).config_file == tmp_path / "config.json"

    def test_a_default_that_is_not_there_is_named_by_its_whole_path_and_the_environment_beside_it(
        self, tmp_path, monkeypatch
    ):
        """Under cron the current folder is unknown."""
        monkeypatch.chdir(tmp_path)
        text = refusal(None)
        assert f"There is no config file {tmp_path / 'config.json'}, and the environment lacks " in text
        assert "name another file, or set BDS_BSPACE_URL, BDS_CLIENT_ID, " in text

    def test_without_a_file_all_that_is_missing_is_named(self, tmp_path):
        text = refusal(tmp_path / "absent.json", {"BDS_CLIENT_ID": "x"})
        assert "There is no config file" in text
        assert "lacks bspace_url, client_secret, refresh_token" in text

    @pytest.mark.parametrize("key", ["client_secret", "refresh_token"])
    def test_a_secret_file_gives_its_one_line(self, tmp_path, key):
        (tmp_path / "secret").write_text("\ufeff hush-in-file \r\n", encoding="utf-8")
        environ = AS_VARIABLES | {variable(key): "", f"{variable(key)}_FILE": str(tmp_path / "secret")}
        assert getattr(Config.load(tmp_path / "absent.json", environ), key) == SecretStr("hush-in-file")

    @pytest.mark.parametrize("content", [b"", b"\n", b"hush\nhush\n", b"\xff\xfehush"])
    def test_a_secret_file_that_holds_anything_else_is_refused(self, tmp_path, content):
        (tmp_path / "secret").write_bytes(content)
        environ = {"BDS_REFRESH_TOKEN_FILE": str(tmp_path / "secret")}
        assert "BDS_REFRESH_TOKEN_FILE names, must hold the secret on one line" in refusal(tmp_path / "none", environ)

    def test_a_secret_file_that_is_not_there_is_named(self, tmp_path):
        environ = {"BDS_CLIENT_SECRET_FILE": str(tmp_path / "none")}
        assert "BDS_CLIENT_SECRET_FILE names, can't be read" in refusal(tmp_path / "none", environ)

    def test_a_secret_given_twice_is_refused(self, tmp_path):
        (tmp_path / "secret").write_text("hush-2")
        environ = AS_VARIABLES | {"BDS_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
        assert "Both BDS_CLIENT_SECRET and BDS_CLIENT_SECRET_FILE are set" in refusal(None, environ)


class TestWhatIsNeeded:
    def test_a_token_file_stands_in_place_of_the_token(self, tmp_path):
        values = {**FOUR_KEYS, "refresh_token": None, "token_file": "token"}
        assert Config.load(written(tmp_path, values), {}).refresh_token is None

    def test_login_needs_no_token_yet_but_everything_else(self, tmp_path):
        path = written(tmp_path, {**FOUR_KEYS, "refresh_token": ""})
        config = Config.load_for_login(path, {})
        assert (config.refresh_token, config.token_source) == (None, TokenSource.FILE)
        with pytest.raises(ConfigError, match=r"lacks client_secret \("):
            Config.load_for_login(written(tmp_path, {**FOUR_KEYS, "client_secret": ""}), {})

    def test_a_service_user_needs_key_and_key_id_alone(self, tmp_path):
        values = {"bspace_url": "https://school.example", "client_id": "x", "private_key_file": "key.pem"}
        assert "lacks key_id (" in refusal(written(tmp_path, values))
        config = Config.load(written(tmp_path, {**values, "key_id": "k1"}), {})
        assert config.is_service_user
        assert config.private_key_file == tmp_path / "key.pem"

    def test_a_token_user_is_no_service_user(self):
        assert not Config(bspace_url="https://a.example", client_id="x").is_service_user


class TestInCode:
    def test_it_takes_the_keys_and_knows_that_it_came_from_code(self, tmp_path):
        config = Config(**FOUR_KEYS, token_file=tmp_path / "token")
        assert config.token_source is TokenSource.CODE
        assert config.config_file is None

    def test_errors_are_ours_and_name_every_key(self):
        with pytest.raises(ConfigError, match="Config: bspace_url is missing; Config: client_id is missing") as caught:
            Config.model_validate({"client_secret": "hush"})
        assert not isinstance(caught.value.__context__, ValueError)

    def test_empty_text_and_empty_secrets_count_as_absent(self):
        config = Config.model_validate({**FOUR_KEYS, "scope": "", "client_secret": SecretStr("")})
        assert (config.scope, config.client_secret) == (None, None)

    @pytest.mark.parametrize("version", ["1.43", "12.0"])
    def test_a_version_is_two_numbers(self, version):
        assert Config(**FOUR_KEYS, api_version=version).api_version == version

    @pytest.mark.parametrize("version", ["1", "1.43.1", "latest", "1.x", "../1.43", "1.43\n2"])
    def test_any_other_version_is_an_error(self, version):
        with pytest.raises(ConfigError, match=r"Config: api_version must look like 1\.43"):
            Config(**FOUR_KEYS, api_version=version)

    def test_a_value_of_a_foreign_kind_is_named(self):
        with pytest.raises(ConfigError, match=r"token_file must be text \(in quotes\); Config: token_source: Input"):
            Config.model_validate({**FOUR_KEYS, "token_file": 7, "token_source": "elsewhere"})

    def test_an_unknown_home_folder_is_an_error(self):
        with pytest.raises(ConfigError, match="token_file starts with ~, but there is no such home folder"):
            Config(**FOUR_KEYS, token_file="~no-such-user-here/token")

    def test_neither_repr_nor_str_shows_a_secret(self):
        config = Config(**FOUR_KEYS)
        assert "hush" not in f"{config!r} {config} {config.model_dump()}"

    def test_it_can_not_be_changed(self):
        with pytest.raises(Exception, match="frozen"):
            setattr(Config(**FOUR_KEYS), "client_id", "other")  # noqa: B010 - it is read-only to a type checker

    @given(st.text())
    def test_whatever_stands_in_a_key_no_error_but_ours_comes_out(self, text):
        for key in KEYS.all:
            with contextlib.suppress(ConfigError):
                config = Config(**{**FOUR_KEYS, key: text})
                assert is_absent(text) or getattr(config, key) is not None


class TestOrigin:
    @pytest.mark.parametrize(
        ("given_as", "kept_as"),
        [
            ("https://school.example/", "https://school.example"),
            ("HTTPS://School.Example", "https://school.example"),
            ("https://school.example:443", "https://school.example"),
            ("https://school.example:8443/", "https://school.example:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:1/", "http://[::1]:1"),
        ],
    )
    def test_it_is_reduced_to_scheme_host_and_port(self, given_as, kept_as):
        assert origin(given_as) == kept_as

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("school.example", "must be an address"),
            ("ftp://school.example", "must be an address"),
            ("https://", "must be an address"),
            ("https://a..b", "must be an address"),
            (f"https://{'x' * 64}.example", "must be an address"),
            ("https://school.example:port", "must be an address"),
            ("http://school.example", "must start with https"),
            ("http://127.0.0.1.example", "must start with https"),
            ("http://localhost.example", "must start with https"),
            ("https://me:hush@school.example", "user name"),
            ("https://me@school.example", "user name"),
            ("https://school.example/d2l/home", "end after the host name"),
            ("https://school.example?x=hush", "end after the host name"),
            ("https://school.example?", "end after the host name"),
            ("https://school.example/#x", "end after the host name"),
        ],
    )
    def test_anything_else_is_refused_with_the_reason(self, value, problem):
        with pytest.raises(ValueError, match=problem) as caught:
            origin(value)
        assert "hush" not in str(caught.value)
