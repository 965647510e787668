"""Where extracts land: publishing them through the ledger, and recovery after a kill."""
