"""The embedded sandbox tenant: auth, API and storage on three loopback origins."""
