"""Durable custody of the refresh token: where it lives, its lock, and the note beside it."""
