"""Pages of a listing, and the format of its dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

from ..web.calls import Call
from .gate import refusal

Item = TypeVar("Item")


class Page(Generic[Item]):
    """One page of `items`; the number in the query's `page` counts from 1."""

    def __init__(self, call: Call, items: Sequence[Item], size: int) -> None:
        self._call, self._size = call, size
        text = call.request.query.get("page", "1")
        if not text.isdecimal() or int(text) < 1:
            raise refusal(400, "Invalid page")
        self._number = int(text)
        start = (self._number - 1) * size
        self.items = items[start : start + size]
        self._more = len(items) > start + size

    @property
    def next_url(self) -> str | None:
        """Absolute URL of the page after this one."""
        return self._url(self._number + 1) if self._more else None

    @property
    def previous_url(self) -> str | None:
        """Absolute URL of the page before this one."""
        return self._url(self._number - 1) if self._number > 1 else None

    def _url(self, number: int) -> str:
        url = str(self._call.request.rel_url.update_query(page=str(number)))
        return self._call.tenant.urls["tenant"] + "/" + url.lstrip("/")


def written(moment: datetime) -> str:
    """Format a moment with milliseconds, as listings do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
