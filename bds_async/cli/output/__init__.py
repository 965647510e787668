"""The output of commands: the log, tables, machine formats, and the files of a report."""
