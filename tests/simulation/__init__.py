"""A year of a tenant and of a scheduled job, compressed: the real command, with a clock that moves."""
