"""All that knows D2L: HTTP, retry policy, gate, tenant, catalogue, tokens, login."""
