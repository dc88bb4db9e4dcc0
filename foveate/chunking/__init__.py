"""Cutting: passages of text and tiles of pictures."""
