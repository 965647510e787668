"""One extract under way: its pieces, their ranges, and fetching one."""
