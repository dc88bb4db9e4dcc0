"""Scores of pictures and texts that belong together in pairs (Winoground: Thrush et al., CVPR 2022).

A sample has as many pictures as texts, and ``pairs`` says which belong together. Text score: each picture likes its own
text best. Picture score: each text likes its own picture best. Group score: both. Chance on two pairs: 1/4, 1/4, 1/6.
"""

from collections.abc import Sequence

import numpy as np

from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.samples import Output, Sample

__all__ = ["group_score", "picture_score", "text_score"]


def text_score(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    """(n, 1): 1 where each picture's own text has its strictly highest score."""
    return _rows(samples, outputs, axes=(1,))


def picture_score(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    """(n, 1): 1 where each text's own picture has its strictly highest score."""
    return _rows(samples, outputs, axes=(0,))


def group_score(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    """(n, 1): 1 where both hold."""
    return _rows(samples, outputs, axes=(0, 1))


def _rows(samples: Sequence[Sample], outputs: Sequence[Output], axes: tuple[int, ...]) -> Columns:
    found = [_score(sample, output, axes) for sample, output in zip(samples, outputs, strict=True)]
    return np.array(found, dtype=np.float64).reshape(-1, 1)


def _score(sample: Sample, output: Output, axes: tuple[int, ...]) -> float:
    if not sample.pairs or output.matrix is None:
        return float("nan")
    matrix = np.asarray(output.matrix, dtype=np.float64)  # (pictures, texts)
    if matrix.ndim != 2 or any(i >= matrix.shape[0] or j >= matrix.shape[1] for i, j in sample.pairs):
        return float("nan")
    return float(all(_wins(matrix, i, j, axis) for i, j in sample.pairs for axis in axes))


def _wins(matrix: Columns, i: int, j: int, axis: int) -> bool:
    """Whether entry (i, j) is strictly above all others of its row (axis 1) or column (axis 0): a tie is no win."""
    line = matrix[i] if axis else matrix[:, j]
    others = np.delete(line, j if axis else i)
    return bool(np.all(matrix[i, j] > others))
