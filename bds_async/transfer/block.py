"""A block of a body: the chunks as they arrived, which are written together."""

from __future__ import annotations


class Block:
    """Chunks of a body in order; `size` is their total in bytes."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Append a chunk."""
        if chunk:
            self.chunks.append(chunk)
            self.size += len(chunk)

    def cut(self, size: int) -> None:
        """Keep only the first `size` bytes."""
        while self.size > size:
            last = self.chunks.pop()
            self.size -= len(last)
            self.add(last[: max(0, size - self.size)])

    def head(self, size: int) -> bytes:
        """The first `size` bytes, or all if there are fewer."""
        head = b""
        for chunk in self.chunks:
            head += chunk[: size - len(head)]
            if len(head) == size:
                break
        return head
