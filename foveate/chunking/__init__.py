"""Cutting media into chunks."""
