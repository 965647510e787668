"""Options that several commands share, their values, and the messages about wrong use."""
