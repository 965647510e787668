"""The tree of errors, its exit codes, and which of several errors decides how a run ends."""

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bds_async
from bds_async import errors
from bds_async.errors import (
    AuthorisationError,
    BdsError,
    CatalogueError,
    ConfigError,
    DestinationError,
    ExtractError,
    FolderBusy,
    RefusedRequest,
    Stopped,
    Throttled,
    TransientError,
    UnreachableError,
    exit_code_of,
    rank,
    weightiest,
)

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, BdsError)}
OF_CODE = {
    130: Stopped("interrupted", 130),
    143: Stopped("terminated", 143),
    1: RuntimeError("a defect"),
    75: FolderBusy("busy"),
    2: ConfigError("config"),
    4: AuthorisationError("refused"),
    6: DestinationError("full"),
    5: UnreachableError("away"),
    3: TransientError("one extract"),
}


def drawn() -> dict[str, tuple[int, set[int]]]:
    """Depth and exit codes of each class in the module's drawing."""
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([│├└─\s]*)(\w+)((?:\s+[\d, ]+)?)", line)
        if match and match[2] in CLASSES:
            found[match[2]] = (len(match[1]) // 4, {int(code) for code in re.findall(r"\d+", match[3])})
    return found


def test_the_drawing_shows_every_class_under_its_base():
    path: list[str] = []
    for name, (depth, _) in drawn().items():
        path[depth:] = [name]
        if depth:
            assert CLASSES[name].__base__ is CLASSES[path[depth - 1]], name
    assert set(drawn()) == set(CLASSES)


def test_the_drawing_tells_the_exit_codes():
    for name, (_, codes) in drawn().items():
        assert not codes or name == "Stopped" or codes == {CLASSES[name].exit_code}, name


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 2),
        (ExtractError, 3),
        (AuthorisationError, 4),
        (UnreachableError, 5),
        (CatalogueError, 5),
        (DestinationError, 6),
        (FolderBusy, 75),
    ],
)
def test_each_kind_leaves_with_the_documented_code(kind, code):
    assert kind("x").exit_code == code


def test_a_stop_brings_its_own_code():
    assert [Stopped("x", code).exit_code for code in (130, 143, 3)] == [130, 143, 3]


def test_what_a_server_said_stays_with_the_error():
    refused, throttled = RefusedRequest("no", "https://storage.example", 403), Throttled("wait", 7.5)
    assert (refused.origin, refused.status, str(refused)) == ("https://storage.example", 403, "no")
    assert (throttled.seconds, str(throttled)) == (7.5, "wait")


def test_a_signal_wins_then_a_defect_then_in_the_documented_order():
    order = [143, 1, 75, 2, 4, 6, 5, 3]
    for place, code in enumerate(order):
        lighter = [OF_CODE[other] for other in reversed(order[place:])]
        assert weightiest(BaseExceptionGroup("all", lighter)) is OF_CODE[code]


def test_a_single_error_is_its_own_weightiest():
    assert weightiest(OF_CODE[5]) is OF_CODE[5]


def test_a_foreign_exception_counts_as_a_defect():
    """Even one that is no Exception, such as a cancellation from a task of a group."""
    stray = asyncio.CancelledError()
    assert weightiest(BaseExceptionGroup("all", [OF_CODE[2], stray, OF_CODE[6]])) is stray


nested = st.recursive(
    st.sampled_from(list(OF_CODE.values())),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda some: BaseExceptionGroup("group", some)),
    max_leaves=8,
)


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


@given(nested)
def test_however_the_groups_are_nested_one_of_the_leaves_with_the_first_code_is_chosen(error):
    """Of two signals either may win, since one is enough to stop a run."""
    found = weightiest(error)
    assert any(found is leaf for leaf in leaves(error))
    assert rank(exit_code_of(found)) == min(rank(exit_code_of(leaf)) for leaf in leaves(error))


#: Parts whose texts are only for the command line.
PROMISED = r"`[^`]*`|--as zip|--delete-limit"
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
OF_THE_COMMAND_LINE = (
    *("cli", "watching", "doctor", "recipes", "sandbox", "brightspace/auth", "brightspace/login"),
    "planning/suggested_command.py",
)


def texts(text: str) -> Iterator[str]:
    """Every string literal in the text of a module, except its docstrings."""
    tree = ast.parse(text)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | FUNCTION)]
    docs = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            docs |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_no_message_of_the_library_names_an_option_of_the_command_line() -> None:
    """It names the parameter, such as `to`, which the command line shows as --to. Suggested commands have options.

    What the run report says about an extract or a table names the option: PROMISED.
    """
    root = Path(bds_async.__file__).parent
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    modules = {
        name: path.read_text("utf-8") for name, path in paths.items() if not name.startswith(OF_THE_COMMAND_LINE)
    }
    said = [(name, text) for name, module in modules.items() if "--" in module for text in texts(module)]
    assert [each for each in said if re.search(r"(?<![\w-])--[a-z]", re.sub(PROMISED, "", each[1]))] == []
