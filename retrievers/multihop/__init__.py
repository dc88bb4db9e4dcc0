"""Structures that multi-hop retrieval walks: a graph of passages, an index of the text itself."""
