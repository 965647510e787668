"""The destination: its parts, its lock, and server text made safe for names."""
