"""The share of the lines and branches of `bds_async` that the tests run; CI requires a minimum.

The workers of xdist measure it by slipcover, which costs much less than a tracer: it instruments modules as they are
imported. Processes that tests start are not measured.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import slipcover

#: Required percentage of lines and branches together.
DEMANDED = 90.0
#: Lines that are not counted, as regular expressions.
EXCLUDED = ["if TYPE_CHECKING:", r"\.\.\.$"]


class Worker:
    """The coverage of one worker, from the creation of this object on."""

    def __init__(self) -> None:
        source = str(Path(find_spec("bds_async").origin or "").parent)
        # -1: removing probes costs more than leaving them in.
        self._measured = slipcover.Slipcover(branch=True, source=[source], exclude_also=EXCLUDED, d_miss_threshold=-1)
        slipcover.ImportManager(self._measured, slipcover.FileMatcher(sources=[source])).__enter__()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the coverage to the controller."""
        output = session.config.workeroutput  # type: ignore[attr-defined]
        output["coverage"] = json.dumps(self._measured.get_coverage())


class Controller:
    """The coverage of all workers."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}

    def pytest_testnodedown(self, node: Any) -> None:
        """Add the coverage of a worker; a crashed worker sends none."""
        if sent := getattr(node, "workeroutput", {}).get("coverage"):
            coverage = json.loads(sent)
            self._whole = slipcover.merge_coverage(self._whole, coverage) if self._whole else coverage

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run of all tests if the coverage is too low."""
        if self._whole and is_of_all_tests(session.config) and self.share < DEMANDED:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    @property
    def share(self) -> float:
        """Percentage of lines and branches that were run."""
        return self._whole["summary"]["percent_covered"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Print the modules without full coverage, and the verdict."""
        if not self._whole:
            return
        terminalreporter.section("coverage of lines and branches")
        slipcover.print_coverage(self._whole, outfile=terminalreporter, skip_covered=True, missing_width=60)
        demanded = f"; {DEMANDED:g} % are demanded" if is_of_all_tests(config) else ""
        terminalreporter.write_line(f"{self.share:.1f} % of the lines and branches were run{demanded}.")


def is_of_all_tests(config: pytest.Config) -> bool:
    """Whether all tests run: no part of them was selected."""
    return config.args_source is config.ArgsSource.TESTPATHS and not config.option.keyword
