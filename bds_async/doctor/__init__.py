"""Everything that a run stands on, examined check by check."""
