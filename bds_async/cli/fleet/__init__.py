"""`bds-async fleet`: the command, the members of a fleet, their options and paths."""
