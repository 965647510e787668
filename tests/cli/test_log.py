"""The log on stderr: each line of JSON has its event, and no line of text controls a terminal."""

from __future__ import annotations

import ast
import io
import logging
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import bds_async
from bds_async import events
from bds_async.cli.output.documents import EVENTS
from bds_async.cli.output.log import set_up_logging
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.support.log import event
from tests.support.commands import bds
from tests.support.machine import checked_lines

HOUSE = Path(bds_async.__file__).parent
LOUD = {"info", "warning", "error", "critical", "log"}


def calls(*words: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in those modules of the client whose text contains one of these words, with its place."""
    for path in sorted(HOUSE.rglob("*.py")):
        text = path.read_text("utf-8")
        if path.relative_to(HOUSE).parts[0] != "sandbox" and any(word in text for word in words):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(HOUSE)}:{node.lineno}", node


def texts(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_each_log_call_above_debug_has_an_event() -> None:
    silent = [
        place
        for place, call in calls("logger")
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LOUD
        and ast.unparse(call.func.value) in ("logger", "self._logger")
        and "extra" not in {keyword.arg for keyword in call.keywords}
    ]
    assert silent == []


def test_the_documented_events_are_those_of_the_code() -> None:
    found = {
        "run.warning",
        *(kind.about for kind in vars(events).values() if isinstance(getattr(kind, "about", None), str)),
    }
    for _, call in calls("event(", "Warned(", "Notice("):
        match call.func.id if isinstance(call.func, ast.Name) else None:
            case "event" | "log_event":
                found |= set(texts(call.args[:1]))
            case "Warned":
                found |= set(texts(call.args[1:2]))
            case "Notice":
                found |= set(texts(call.args[2:3]))
    assert found == set(EVENTS)


def test_there_is_one_name_for_loggers() -> None:
    for path in HOUSE.rglob("*.py"):
        names = re.findall(r"^(.*) = logging\.getLogger\(__name__\)", path.read_text("utf-8"), re.MULTILINE)
        assert set(names) <= {"logger"}, path


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=4, scale=0.01)) as running:
        yield running


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path) -> Path:
    sandbox.write_config(tmp_path / "config.json")
    return tmp_path / "config.json"


async def lines_of(*arguments: object) -> dict[str, list[dict[str, Any]]]:
    """The log lines of a command by event, each checked against the schema."""
    done = await bds(*arguments, "--log-format", "json")
    found: dict[str, list[dict[str, Any]]] = {}
    for line in checked_lines("log", done.err):
        found.setdefault(line["event"], []).append(line)
    return found


async def test_a_run_is_lines_with_events_and_fields(sandbox: Sandbox, config: Path, tmp_path: Path) -> None:
    sandbox.play(
        Fault.of("status", on="extracts", data_set="Users", status=404),
        Fault.of("status", on="download", data_set="User Enrollments", status=404),
        Fault.of("status", on="extracts", data_set="Organizational Units", status=503, first=1),
    )
    found = await lines_of("pull", "-v", "--config", config, "--to", tmp_path / "to")
    (planned,), (finished,) = found["run.planned"], found["run.finished"]
    assert (planned["extracts"], planned["skipped"], planned["level"]) == (3, 0, "info")
    assert (finished["exit_code"], finished["downloaded"], finished["folder"]) == (3, 2, str(tmp_path / "to"))
    (failed,), (listing,) = found["extract.failed"], found["list.failed"]
    assert (failed["data_set"], failed["bds_type"], failed["level"]) == ("User Enrollments", "Full", "error")
    assert (listing["data_set"], listing["error"] in listing["message"]) == ("Users", True)
    (retry, *_) = found["brightspace.retry"]
    assert retry["level"] == "debug"


async def test_an_error_is_a_line_with_its_exit_code(config: Path) -> None:
    found = await lines_of("list", "--config", config, "--data-set", "Usres")
    (error,) = found["error"]
    assert (error["exit_code"], error["kind"], error["level"]) == (2, "PatternError", "error")


def logged(monkeypatch: pytest.MonkeyPatch, log_format: str, *arguments: Any, **extra: Any) -> str:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    logger = logging.getLogger("bds_async")
    before = (logger.handlers, logger.propagate, logger.level)
    set_up_logging(0, log_format)
    logging.getLogger("bds_async.somewhere").warning(*arguments, **extra)
    logger.handlers, logger.propagate, logger.level = before
    return stderr.getvalue()


def test_a_text_line_controls_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = logged(monkeypatch, "text", "%s failed\nand so on", "Users\x1b[2J\x9b")
    assert text == "bds-async: warning: Users\ufffd[2J\ufffd failed\nand so on\n"


def test_the_fields_of_an_event_replace_none_of_the_line_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"name": "x", "message": "x", "level": "x", "path": Path("a"), "time": "x", "args": [1]}
    (line,) = checked_lines("log", logged(monkeypatch, "json", "hello", extra=event("run.warning", **fields)))
    assert (line["name"], line["message"], line["level"]) == ("bds_async.somewhere", "hello", "warning")
    assert (line["path"], line["args"]) == ("a", [1])


def test_a_line_without_an_event_gets_its_part_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = checked_lines("log", logged(monkeypatch, "json", "hello"))
    assert line["event"] == "somewhere"
