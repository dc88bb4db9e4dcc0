"""Encoders, search, fusion, ingest."""
