"""The auth service: grants, tokens, the consent page."""
