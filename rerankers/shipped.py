"""The adapters that ship with foveate, and what was fitted with them."""

from pathlib import Path

__all__ = ["ADAPTER", "BLEND", "FIRST", "NAME", "REASONER"]

_FOLDER = Path(__file__).with_name("adapters")
NAME = "mini"
"""What people write: ``pointwise:mini``."""
ADAPTER = _FOLDER / "mini_reranker"
"""A LoRA adapter of SmolLM2-135M that reads pictures in the words of the ``mini`` encoder."""
BLEND = _FOLDER / "mini_reranker_blend.json"
"""Weights that join its word with ``z_image`` of ``mini``."""
FIRST = _FOLDER / "mini_first_blend.json"
"""Weights that join the sentence reranker over those words with ``z_image``: the cheap stage of a cascade."""
REASONER = _FOLDER / "mini_reasoner"
"""LoRA adapter of ``smollm2`` that plans, reads, quotes and verifies."""
