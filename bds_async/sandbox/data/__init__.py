"""The tenant's data: data sets, their rows, and their extracts over time."""
