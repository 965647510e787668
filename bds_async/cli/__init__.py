"""The command line: commands, shared options, exit codes. Each command's module is imported on demand."""
