"""Probes that explain models instead of ranking them."""
