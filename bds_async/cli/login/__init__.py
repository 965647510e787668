"""`bds-async login`, the browser and the terminal that it works with."""
