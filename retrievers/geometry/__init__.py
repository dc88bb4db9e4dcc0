"""Where a vector lies among its kind."""

from foveate.retrievers.geometry.geometry import Geometry

__all__ = ["Geometry"]
