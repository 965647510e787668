"""The partial file of an extract and the ranges that it holds."""
