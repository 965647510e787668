"""What the tenant offers, by the new routes or the old ones."""
