"""One extract under way: its pieces, its partial file, and the fetch of one piece."""

from .bodies import Bodies
from .download import LARGE, Download, Piece
from .fetch import Transfer
from .links_ahead import LinksAhead
from .partial import Partial, clear_away, drop_unzipped, sweep
from .rate_limit import RateLimit

__all__ = [
    "LARGE",
    "Bodies",
    "Download",
    "LinksAhead",
    "Partial",
    "Piece",
    "RateLimit",
    "Transfer",
    "clear_away",
    "drop_unzipped",
    "sweep",
]
