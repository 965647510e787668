"""The forms in which extracts are published: how each is staged and checked."""
