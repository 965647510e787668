"""One HTTP session that knows no tenant and no token."""
