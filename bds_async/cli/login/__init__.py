"""`bds-async login`: the command, and its use of browser and terminal."""
