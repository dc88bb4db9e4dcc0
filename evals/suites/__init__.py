"""Suites that ship with foveate."""
