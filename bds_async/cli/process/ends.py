"""The end of a command by an error: the message, the exit code, and the kind of error."""

from __future__ import annotations

from dataclasses import dataclass

from ... import __version__
from ...errors import BdsError
from ...support.limits import machine_limit


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run by an error; `message` holds no secret, `kind` is the name of the error's class."""

    message: str
    exit_code: int
    kind: str


def end_of(error: Exception) -> End:
    """Return the end that an error causes: by an expected error, a limit of the machine, or a defect."""
    known = error if isinstance(error, BdsError) else machine_limit(error)
    if known is not None:
        return End(str(known), known.exit_code, type(known).__name__)
    return End(_defect(error), BdsError.exit_code, type(error).__name__)


def _defect(error: Exception) -> str:
    """Return where a defect occurred, without the text of the exception, which may quote a secret."""
    lines = [f"This is a defect in bds-async {__version__}, please report it: {type(error).__name__}"]
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(f"  at {code.co_filename}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return "\n".join(lines)
