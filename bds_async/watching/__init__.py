"""Observers of a run: progress, summary, metrics, health check, report file."""
