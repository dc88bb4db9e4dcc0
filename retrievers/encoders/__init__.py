"""Encoders: text and pictures to vectors of one space."""

from foveate.retrievers.encoders.presets import ENCODERS, load_encoder

__all__ = ["ENCODERS", "load_encoder"]
