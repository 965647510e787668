"""What the tenant holds: data sets, their rows, their extracts over time."""
