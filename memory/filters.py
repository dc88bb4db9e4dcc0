"""Typed filters, and the small language people type: ``kind:image path:holiday/ date:2024-05..2024-08``."""
