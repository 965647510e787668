"""Requests and answers: routing, bodies, ranges, connections."""
