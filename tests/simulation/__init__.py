"""A year of a tenant and of a scheduled job in short time: the real command, with a simulated clock."""
