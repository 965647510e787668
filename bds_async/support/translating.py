"""A context manager that translates exceptions, cheap enough for each chunk of a body."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType


class Translating:
    """Raises what `translate` returns for an exception inside; if that is None, the exception passes unchanged.

    The new error has the old one as its cause, unless `hides_cause`. There is no state: enter it as often as you like.
    """

    __slots__ = ("_hides_cause", "_translate")

    def __init__(self, translate: Callable[[Exception], Exception | None], *, hides_cause: bool = False) -> None:
        self._translate = translate
        self._hides_cause = hides_cause

    def __enter__(self) -> None:
        """Begin the work that may raise."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and (other := self._translate(error)) is not None:
            raise other from None if self._hides_cause else error
