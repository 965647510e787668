"""One extract under way: its pieces, its partial file, and the fetch of one piece."""
