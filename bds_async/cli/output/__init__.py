"""What commands write: the log, tables, machine formats, and the files of a report."""
