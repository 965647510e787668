"""The structure of the package: imports go one way, parts are small, and public names have docstrings."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeAlias

import pytest

import bds_async

HOUSE = Path(bds_async.__file__).parent
Function = ast.FunctionDef | ast.AsyncFunctionDef

README = Path(__file__).parents[1] / "README.md"


def layers() -> list[set[str]]:
    """The rows of the README's table, from the top: a module imports from its own row and from those below."""
    rows = re.findall(r"^\| (`[^|]+) \|[^|]*\|$", README.read_text("utf-8"), re.MULTILINE)
    table = [row for row in rows if re.fullmatch(r"(`[a-z_]+/?`(, )?)+", row)]
    return [{name.rstrip("/") for name in re.findall(r"`([^`]+)`", row)} for row in table]


LAYERS = layers()
#: These may write to a person; all others return, raise or tell an observer.
SPEAKERS = {"cli", "watching"}
LONGEST_MODULE, LONGEST_BODY, LONG_BODY = 250, 50, 25


@cache
def house() -> dict[str, ast.Module]:
    """Every module by its dotted name below the package, parsed."""
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


def client() -> dict[str, ast.Module]:
    return {name: tree for name, tree in house().items() if part(name) != "sandbox"}


def part(module: str) -> str:
    """The module, or the subpackage that it is in."""
    return module.partition(".")[0]


def is_placed(module: str) -> bool:
    return any(part(module) in names for names in LAYERS)


def layer(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if part(module) in names)


def without_type_checking(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs, so not those under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from without_type_checking(node)


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, including imports in functions."""
    found: set[str] = set()
    for node in without_type_checking(house()[module]):
        if isinstance(node, ast.Import):
            found |= {resolved(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = base_of(module, node)
            found |= {resolved(f"{base}.{alias.name}") for alias in node.names}
    return frozenset(found - {"", module})


def base_of(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = ["bds_async", *module.split(".")]
    is_package = HOUSE.joinpath(*parts[1:]).is_dir()
    package = parts[: len(parts) - node.level + is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def resolved(name: str) -> str:
    """The module of the package that contains an absolute name; empty for a name of another package."""
    if not f"{name}.".startswith("bds_async."):
        return ""
    below = name.split(".")[1:]
    while below and ".".join(below) not in house():
        below.pop()
    return ".".join(below) or "__init__"


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_length(function: Function) -> int:
    """Lines from the first statement after the docstring to the end."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_setter(function: Function) -> bool:
    """Whether it is a setter, which needs no docstring: its property has one."""
    return any(ast.unparse(decorator).endswith(".setter") for decorator in function.decorator_list)


#: What may have a docstring.
Documented: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module | ast.ClassDef, name: str) -> Iterator[tuple[str, Documented]]:
    """A module or class and the public names in it; names inside functions are private."""
    yield name, tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node, f"{name}.{node.name}")
        elif isinstance(node, Function) and not node.name.startswith("_") and not is_setter(node):
            yield f"{name}.{node.name}", node


class TestLayers:
    def test_every_module_has_its_place(self):
        """A module that fails here is new: put it into the README's table."""
        placed = [name for names in LAYERS for name in names]
        assert len(placed) == len(set(placed)), "a module is in two layers"
        assert {part(name) for name in client()} - set(placed) == set(), "not in the README's table yet"
        assert set(placed) - {part(name) for name in client()} == set(), "in the README's table, but gone"

    def test_imports_go_one_way(self):
        for module in filter(is_placed, client()):
            upwards = {other for other in imports(module) if is_placed(other) and layer(other) < layer(module)}
            assert upwards == set(), f"{module} imports from a layer above its own"

    def test_there_is_no_circle(self):
        graph = {module: imports(module) - {"__init__"} for module in house()}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


class TestSandbox:
    def test_it_imports_nothing_of_the_client(self):
        """So that a client can be tested against the sandbox."""
        for module in house():
            if part(module) == "sandbox":
                assert {part(other) for other in imports(module)} <= {"sandbox", "registry"}, module

    def test_nothing_but_the_command_line_imports_it(self):
        for module in client():
            if part(module) != "cli":
                assert "sandbox" not in {part(other) for other in imports(module)}, module


def place(module: str, node: ast.AST) -> str:
    return f"{module}, line {getattr(node, 'lineno', 0)}"


def is_voice(node: ast.AST) -> bool:
    """Whether it is `print`, `sys.stdout` or `sys.stderr`."""
    if isinstance(node, ast.Attribute):
        return node.attr in {"stdout", "stderr"} and isinstance(node.value, ast.Name) and node.value.id == "sys"
    return isinstance(node, ast.Name) and node.id == "print"


class TestVoices:
    def test_only_the_command_line_and_observers_print(self):
        silent = [name for name in house() if part(name) not in SPEAKERS]
        for module, node in ((name, node) for name in silent for node in ast.walk(house()[name])):
            assert not is_voice(node), place(module, node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert not {name.split(".")[0] for name in names} & {"click", "rich"}, place(module, node)


class TestMeasure:
    def test_no_module_is_too_long(self):
        lengths = {path: len(path.read_text("utf-8").splitlines()) for path in HOUSE.rglob("*.py")}
        assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}

    def test_no_function_is_too_long(self):
        bodies = {place(module, one): body_length(one) for module, tree in house().items() for one in functions(tree)}
        assert {where: length for where, length in bodies.items() if length > LONGEST_BODY} == {}

    def test_nine_functions_of_ten_are_short(self):
        lengths = [body_length(function) for tree in house().values() for function in functions(tree)]
        assert sum(length < LONG_BODY for length in lengths) >= 0.9 * len(lengths)


class TestNames:
    def test_every_public_name_says_what_it_is(self):
        named = (pair for module, tree in house().items() for pair in public(tree, module))
        assert [name for name, node in named if not ast.get_docstring(node)] == []

    def test_what_is_offered_is_what_is_there(self):
        assert sorted(bds_async.__all__) == sorted(dir(bds_async))
        for name in bds_async.__all__:
            assert getattr(bds_async, name) is not None, name

    def test_type_checkers_see_the_same_names(self):
        block = next(node for node in house()["__init__"].body if isinstance(node, ast.If))
        seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert seen == set(bds_async.__all__) - {"__version__"}

    def test_another_name_is_not_there(self):
        with pytest.raises(AttributeError, match="no attribute 'pulled'"):
            _ = bds_async.pulled

    def test_every_error_that_stops_a_run_is_offered(self):
        errors = importlib.import_module("bds_async.errors")
        kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
        stops = {name for name in kinds if not issubclass(getattr(errors, name), errors.ExtractError)}
        assert stops - set(bds_async.__all__) == set()

    def test_importing_the_package_imports_nothing_heavy(self):
        assert imports("__init__") == frozenset()
