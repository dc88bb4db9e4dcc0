"""Metrics: pure functions over what a system said and what is right."""
