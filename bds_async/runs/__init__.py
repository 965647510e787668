"""Runs: from a listing to published files and a report; verification, repair, rebuild."""
