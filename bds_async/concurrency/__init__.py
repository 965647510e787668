"""Working together in order: the bounded pool, orderly stops, work that a cancellation waits for, threads for zips."""
