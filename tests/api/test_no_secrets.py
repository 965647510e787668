"""No secret anywhere: every command and every error, in stdout, stderr, reports, the ledger, exceptions and reprs."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import re
import secrets
import signal
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bds_async import BdsError, Config, PublishAs, PullOptions, Verify, Wanted, pull
from bds_async.cli.main import cli
from bds_async.events import Event
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.sandbox.links import LinkSigner
from tests.support.commands import ENVIRON, Done, bds, starting, until

LOGGED = ("-v", "--log-format", "json")
#: Two pages of data sets, and some differentials of each.
SMALL = SandboxSettings(data_sets=3, scale=0.01, page_size=2, differential_retention_days=3)
#: How secrets look in links and requests, of any origin.
SHAPES = re.compile(r"(Signature=|code=|Bearer |Basic |refresh_token=|access_token=|eyJ)[A-Za-z0-9_-]{10}")

#: Every kind of trouble: its name, and the faults that the sandbox plays.
TROUBLES: dict[str, tuple[Fault, ...]] = {
    "nothing": (),
    "an expired link": (Fault.of("expired_link", on="download"),),
    "a link that dies in use": (Fault.of("link_uses", on="download", uses=0),),
    "a refusal of the storage": (Fault.of("expired"),),
    "a status of the storage": (Fault.of("status", status=410, body="<Error>denied</Error>"),),
    "trouble of the storage": (Fault.of("status", status=503),),
    "a reset": (Fault.of("reset"),),
    "a cut body": (Fault.of("cut", after=20),),
    "silence": (Fault.of("stall"),),
    "an HTML page": (Fault.of("html"),),
    "JSON": (Fault.of("json"),),
    "a damaged zip": (Fault.of("corrupt", how="flip"),),
    "an odd zip": (Fault.of("zip", shape="named", name="Signature=../../x.csv"),),
    "a redirect in a circle": (Fault.of("redirect", to="loop"),),
    "a redirect to http": (Fault.of("redirect", to="http"),),
    "a redirect to nowhere": (Fault.of("redirect", to="unresolvable"),),
    "a redirect to a bad certificate": (Fault.of("redirect", to="tls"),),
    "a redirect to nonsense": (Fault.of("redirect", to="https://[::1"),),
    "foreign links": (Fault.of("foreign_links", on="extracts"),),
    "a foreign next page": (Fault.of("next_leaves", on="catalogue"),),
    "a circle of pages": (Fault.of("next_loops", on="catalogue"),),
    "a missing field": (Fault.of("remove_field", on="extracts", field="DownloadLink"),),
    "a link that is none": (Fault.of("set_field", on="extracts", field="DownloadLink", value="https://[Signature=x"),),
    "HTML in place of a list": (Fault.of("html", on="extracts"),),
    "a refused list": (Fault.of("status", on="catalogue", status=403),),
    "trouble of the tenant": (Fault.of("status", on="extracts", status=500),),
    "a 401 for ever": (Fault.of("status", on="catalogue", status=401),),
    "trouble of the auth service": (Fault.of("status", on="token", status=500, first=1),),
    "nonsense of the auth service": (Fault.of("html", on="token", first=1),),
    "a lost exchange": (Fault.of("lost", on="token", first=1),),
    "a refused exchange": (Fault.of("status", on="token", status=400, body='{"error":"invalid_grant"}'),),
}
#: Exit codes of runs in trouble; by default 3: some extracts failed.
EXIT_CODES = {
    "nothing": 0,
    "an odd zip": 0,
    "a foreign next page": 5,
    "a circle of pages": 5,
    "a missing field": 5,
    "HTML in place of a list": 5,
    "trouble of the tenant": 5,
    "a refused list": 4,
    "a 401 for ever": 4,
    "trouble of the auth service": 0,
    "nonsense of the auth service": 0,
    "a lost exchange": 4,
    "a refused exchange": 4,
}


class Secrets:
    """All secrets that the sandbox sent or received, in the form of headers, bodies and links."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._known: set[str] = set()
        make_token, sign = secrets.token_urlsafe, LinkSigner._signature
        monkeypatch.setattr(secrets, "token_urlsafe", lambda *size: self.add(make_token(*size)))
        monkeypatch.setattr(LinkSigner, "_signature", lambda *arguments: self.add(sign(*arguments)))

    def add(self, secret: str) -> str:
        self._known.add(secret)
        return secret

    def add_client(self, sandbox: Sandbox) -> None:
        self.add(sandbox.client_secret)
        self.add(base64.b64encode(f"{sandbox.client_id}:{sandbox.client_secret}".encode()).decode())

    def shown_in(self, where: str, text: str) -> list[str]:
        """Places where one of them, or text that looks like a secret, can be read."""
        found = [f"{where}: {text[max(0, text.index(each) - 60) :][:100]}" for each in self._known if each in text]
        return found + [f"{where}: {match[0]} {text[match.start() :][:60]}" for match in SHAPES.finditer(text)]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    return Secrets(monkeypatch)


@pytest.fixture
async def sandbox(known: Secrets) -> AsyncIterator[Sandbox]:
    async with Sandbox(SMALL) as running:
        known.add_client(running)
        yield running


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path) -> Path:
    sandbox.write_config(tmp_path / "config.json")
    return tmp_path / "config.json"


def shown(known: Secrets, done: Done, home: Path) -> list[str]:
    """Secrets in everything that an ended command shows: its streams, its report, its stored files, their names."""
    found = known.shown_in("stdout", done.out) + known.shown_in("stderr", done.err)
    for path in home.rglob("*"):
        if path.is_file() and not path.name.startswith("config.json") and path.suffix not in (".part", ".zip", ".csv"):
            found += known.shown_in(str(path), path.read_bytes().decode("latin-1"))
    return found + known.shown_in("names", "\n".join(map(str, home.rglob("*"))))


@pytest.mark.parametrize("trouble", [*EXIT_CODES, "an expired link", "a cut body", "a redirect to nowhere"])
async def test_a_pull_in_trouble_shows_none(
    known: Secrets, sandbox: Sandbox, config: Path, tmp_path: Path, trouble: str
) -> None:
    sandbox.play(*TROUBLES[trouble])
    arguments = ("--config", config, "--to", tmp_path / "to", "--report", tmp_path / "run.json", "-v")
    limits = ("--attempts", 1, "--stall-timeout", 2, "--max-time", 20, "--log-format", "json")
    done = await bds("pull", *arguments, *limits)
    assert done.complaints == []
    assert [line for line in done.err.splitlines() if not json.loads(line)["message"]] == []
    assert shown(known, done, tmp_path) == []
    assert done.code == EXIT_CODES.get(trouble, 3), done.err


#: For each log format: commands that print text, and those that print JSON.
COMMANDS = {
    "text": ("list", "pull", "pull --as csv", "sync", "verify", "doctor"),
    "json": ("list --json", "pull --dry-run --json", "sync", "verify --repair --json", "doctor --json"),
}


@pytest.mark.parametrize("log_format", COMMANDS)
async def test_every_command_shows_none(
    known: Secrets, sandbox: Sandbox, config: Path, tmp_path: Path, log_format: str
) -> None:
    for command in COMMANDS[log_format]:
        to = () if command.startswith("list") else ("--to", tmp_path / "to")
        done = await bds(*command.split(), *to, "--config", config, "-v", "--log-format", log_format)
        assert (done.code, done.complaints) == (3 if command == "verify" else 0, []), done.err
        assert shown(known, done, tmp_path) == []
        await asyncio.to_thread(damage, tmp_path)


def damage(home: Path) -> None:
    """Damage something, so that there is something to repair."""
    for path in home.rglob("Users_full_*"):
        path.write_bytes(b"PK")


async def test_login_shows_none(known: Secrets, sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither the code from the browser, nor the tokens that it is exchanged for, nor the secrets of PKCE."""
    from tests.cli.consenting import config_file, consent, login

    config = config_file(sandbox, tmp_path)
    async with login("--config", config, "-v", "--log-format", "json") as command:
        address = await consent(command.page)
        known.add(address.query["code"])
        code, out, err = await command.ends(f"{address}\n".encode())
    assert code == 0
    assert shown(known, Done(code, out, err), tmp_path) == []


@pytest.fixture
def own_log() -> Iterator[None]:
    """Restore the log after a command that runs in this process."""
    logger = logging.getLogger("bds_async")
    handlers, propagate, level = logger.handlers, logger.propagate, logger.level
    yield
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


@pytest.mark.usefixtures("own_log")
def test_demo_pulls_everything_without_an_account_and_shows_none(
    known: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its sandbox leaves nothing behind. It has all data sets, but fewer rows: CI runs the whole demo, on the wheel."""
    (temporary := tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for name in os.environ.keys() - ENVIRON.keys():
        monkeypatch.delenv(name)
    monkeypatch.setattr("bds_async.cli.demo.SandboxSettings", lambda: SandboxSettings(scale=0.02))
    words = ("demo", "--to", tmp_path / "demo", "--report", tmp_path / "run.json", *LOGGED)
    code = cli.main([*map(str, words)], standalone_mode=False)
    done = Done(code, *capsys.readouterr())
    assert (done.code, done.complaints, shown(known, done, tmp_path)) == (0, [], [])
    assert done.out == f"{tmp_path / 'demo'}\n"
    assert "139 downloaded" in done.err
    assert len(list((tmp_path / "demo").rglob("*.zip"))) == 139
    assert list(temporary.iterdir()) == []


async def test_a_sandbox_shows_none(known: Secrets, tmp_path: Path) -> None:
    """Its secrets are made in another process: some are in the config that it writes, the patterns find the others."""
    config = tmp_path / "config.json"
    async with starting("sandbox", "--data-sets", 3, "--scale", 0.01, "--write-config", config, *LOGGED) as serving:
        await until(config.exists)
        written = json.loads(config.read_text())
        known.add(written["client_secret"])
        known.add(written["refresh_token"])
        pulled = await bds("pull", "--config", config, "--to", tmp_path / "to", *LOGGED)
        known.add(json.loads(config.read_text())["refresh_token"])
        serving.signal(signal.SIGTERM)
        served = await serving.ends()
    assert pulled.code == 0
    assert shown(known, pulled, tmp_path) + shown(known, served, tmp_path) == []


@pytest.mark.parametrize(
    "content", ['{"client_secret": "hush-hush", ', '["hush-hush"]', '{"client_secret": "hush-hush"}']
)
async def test_a_config_that_cannot_be_used_is_not_quoted(known: Secrets, tmp_path: Path, content: str) -> None:
    known.add("hush-hush")
    (tmp_path / "config.json").write_text(content)
    done = await bds("list", "--config", tmp_path / "config.json", "-v")
    assert (done.code, shown(known, done, tmp_path)) == (2, [])


async def test_settings_of_the_environment_are_not_quoted(known: Secrets, tmp_path: Path) -> None:
    known.add("hush-hush")
    wrong = {"BDS_CLIENT_SECRET": "hush-hush", "BDS_REFRESH_TOKEN": "hush-hush", "BDS_BSPACE_URL": "not a url"}
    done = await bds("list", "-v", cwd=tmp_path, **wrong)
    assert (done.code, shown(known, done, tmp_path)) == (2, [])


# In process: what a notebook, an Airflow task or a debugger would see.


class Witness:
    """Examines every object of the library at every event of a run."""

    def __init__(self, known: Secrets) -> None:
        self.found: list[str] = []
        self.looks = self.most = 0
        self._known = known

    def __call__(self, event: Event) -> None:
        self.found += self._known.shown_in("event", repr(event))
        self.looks += 1
        if self.looks % 15 == 1:
            self.look_around()

    def look_around(self) -> None:
        things = list(library_objects())
        self.most = max(self.most, len(things))
        for thing in things:
            self.found += self._known.shown_in(type(thing).__qualname__, text_of(thing))


@pytest.fixture
def witness(known: Secrets) -> Witness:
    """It examines objects that the run makes, not those from before."""
    gc.collect()
    gc.freeze()
    return Witness(known)


def library_objects() -> Iterator[Any]:
    """Every object of a class of the library, except those of the sandbox, which may show anything."""
    for thing in gc.get_objects():
        if is_ours(type(thing)):  # type: ignore[arg-type]
            yield thing


@cache
def is_ours(kind: type) -> bool:
    home = str(kind.__module__)
    return home.startswith("bds_async") and not home.startswith("bds_async.sandbox")


def text_of(thing: Any) -> str:
    """Its repr and its text; those of half-made objects may fail, which reveals no secret."""
    try:
        return f"{thing!r} {thing!s}"
    except Exception:
        return ""


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.usefixtures("quick_retries")
async def test_neither_exceptions_nor_objects_nor_log_records_show_any(
    sandbox: Sandbox, config: Path, trouble: str, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bds_async")
    known, to = witness._known, config.with_name("to")
    sandbox.play(*TROUBLES[trouble])
    options = PullOptions(attempts=2, stall_timeout=0.3, max_time=3, wanted=Wanted.ALL, data_set=("Users",))
    for error in await errors_of(lambda: pulled(config, to, options, witness)):
        witness.found += known.shown_in(type(error).__name__, "".join(traceback.format_exception(error)))
        witness.found += known.shown_in(type(error).__name__, f"{error!r} {error} {error.args!r}")
    witness.look_around()
    assert witness.found + known.shown_in("log", caplog.text) == []
    assert witness.most > 10


async def pulled(config: Path, to: Path, options: PullOptions, witness: Witness) -> None:
    report = await pull(Config.load(config, {}), to, options, observer=witness)
    witness.found += witness._known.shown_in("report", f"{report!r} {report.to_json()}")


async def errors_of(work: Callable[[], Any]) -> list[BaseException]:
    """The error that `work` raises, and all errors behind it."""
    try:
        await work()
    except BdsError as error:
        return list(chain(error))
    return []


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, its causes, and those contexts that a traceback shows."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_csv_and_fast_runs_show_none_in_process(config: Path, tmp_path: Path, witness: Witness) -> None:
    await pulled(config, tmp_path / "a", PullOptions(publish_as=PublishAs.CSV), witness)
    await asyncio.to_thread(gc.collect)
    await pulled(config, tmp_path / "b", PullOptions(verify=Verify.FAST, data_set=("Users",)), witness)
    assert witness.found == []
    assert witness.looks > 5


def test_a_config_shows_none_of_its_secrets() -> None:
    values = {"client_id": "id", "client_secret": "hush-hush", "refresh_token": "hush-hush"}
    config = Config(bspace_url="https://school.example", **values)
    assert "hush" not in f"{config!r} {config} {config.model_dump()!r} {config.model_dump_json()}"
