"""The command line: commands, shared options, exit codes. Each command's module is imported when it is asked for."""

from .main import main

__all__ = ["main"]
