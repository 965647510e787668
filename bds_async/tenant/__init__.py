"""Authorised requests to one tenant: the origin rule, what statuses mean, the gate."""
