"""Transfer benchmark: bds-async beside other downloaders, on loopback: `python -m tests.benchmarks.transfer --help`."""
