"""The process of a command: its event loop, signals, memory, and how it ends."""
