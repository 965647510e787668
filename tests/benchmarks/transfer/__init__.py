"""Transfer benchmark: bds-async and other downloaders, on loopback: `python -m tests.benchmarks.transfer --help`."""
