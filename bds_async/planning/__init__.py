"""Which extracts to fetch: pure, no I/O but the ledger that is passed in."""
