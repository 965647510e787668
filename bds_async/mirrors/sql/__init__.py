"""The SQL of a mirror, which both databases understand in the same way."""
