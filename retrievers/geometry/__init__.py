"""Where a vector lies among its kind."""

from foveate.retrievers.geometry.signals import Geometry

__all__ = ["Geometry"]
