"""The SQL of a mirror, which both databases read in the same way."""
