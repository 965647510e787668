"""A person consents once: the consent page, the redirect that answers it, and the first refresh token."""
