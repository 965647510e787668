"""Zips: their structure, their check in one pass, the CSV out of one."""
