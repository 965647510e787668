"""Every Brightspace Data Set out of a D2L Brightspace tenant, in parallel, verified, and nothing lost."""

__version__ = "0.1.0"
