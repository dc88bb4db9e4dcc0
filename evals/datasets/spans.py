"""Stretches of film as published rows give them."""

import math
from typing import cast

from foveate.errors import CallerError
from foveate.evals.samples import Span

__all__ = ["interval"]


def interval(value: object, error: CallerError) -> Span:
    """A pair of numbers, start first.

    Args:
        value: what the file has.
        error: raised when it is no list of two finite numbers with 0 <= start <= end.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise error
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        raise error
    start, end = (float(part) for part in cast(list[float], value))
    if not (math.isfinite(end) and 0.0 <= start <= end):
        raise error
    return start, end
