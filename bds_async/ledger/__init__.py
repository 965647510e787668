"""What has been delivered to a folder (SQLite)."""
