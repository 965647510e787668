"""`bds-async fleet`, the members of a fleet, their options and places."""
