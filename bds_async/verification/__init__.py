"""Published files against the ledger and their own CRCs."""
