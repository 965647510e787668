"""The access token of a run: one refresher, the two grants, and the token endpoint."""
