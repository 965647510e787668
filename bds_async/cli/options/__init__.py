"""Options that several commands share, their values, and what is said where they are misused."""
