"""Offline evaluation. The runner comes with its own issue; datasets are here."""
