"""Metrics and intervals: pure functions of arrays."""
