import math
from typing import Any

import numpy as np
import pytest

from foveate.errors import ModelError
from foveate.rerankers.encoded import encoded


class Odd:
    fingerprint = "odd"
    dim = 2

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.asked: list[str] = []

    def encode_text(self, texts: Any) -> Any:
        self.asked = list(texts)
        return self.rows


def test_vectors_of_equal_texts_are_made_once() -> None:
    encoder = Odd(np.array([[1, 2], [3, 4]], np.float64))
    found = encoded(encoder, ["a", "b", "a"])
    assert encoder.asked == ["a", "b"] and found.dtype == np.float32
    assert found.tolist() == [[1, 2], [3, 4], [1, 2]]
    assert encoded(encoder, []).shape == (0, 2)


def test_bad_vectors() -> None:
    with pytest.raises(ModelError, match="'b'"):
        encoded(Odd(np.array([[1, 2], [3, math.nan]])), ["a", "b"])
    with pytest.raises(ModelError, match="2 texts"):
        encoded(Odd(np.zeros((1, 2))), ["a", "b"])
    with pytest.raises(ModelError, match="2 each"):
        encoded(Odd(np.zeros((2, 3))), ["a", "b"])
