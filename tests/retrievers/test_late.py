"""Late interaction by hand, and on mini's own token vectors."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.retrievers.late import EncodesTokens, focused, matches

NOTHING = np.zeros((0, 2), np.float32)


def rows(*angles: float) -> NDArray[np.float32]:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], np.float32).reshape(-1, 2)


def test_by_hand() -> None:
    question, passage = rows(0.0, np.pi / 2), rows(0.0, np.pi / 3)
    assert matches(question, passage) == pytest.approx([1.0, np.cos(np.pi / 6)])
    assert focused(question, NOTHING, passage, share=1.0) == pytest.approx((1 + np.cos(np.pi / 6)) / 2)
    assert focused(question, NOTHING, passage, share=0.5) == pytest.approx(1.0)
    # What the facts ask counts as much as what the question asks.
    assert focused(question, rows(np.pi), passage) == pytest.approx((1.0 + np.cos(np.pi - np.pi / 3)) / 2)
    assert focused(question, rows(np.pi / 3), passage) == pytest.approx(1.0)


def test_nothing_to_compare() -> None:
    assert focused(NOTHING, NOTHING, rows(0.0)) == 0.0
    assert focused(rows(0.0), NOTHING, NOTHING) == 0.0
    with pytest.raises(CallerError, match="do not fit"):
        matches(rows(0.0), np.zeros((1, 3), np.float32))
    with pytest.raises(CallerError, match="share is 0"):
        focused(rows(0.0), NOTHING, rows(0.0), share=0)


@given(st.lists(st.floats(0, 6), min_size=1, max_size=6), st.lists(st.floats(0, 6), min_size=1, max_size=6))
def test_more_focus_never_lowers_a_score(question: list[float], passage: list[float]) -> None:
    scores = [focused(rows(*question), NOTHING, rows(*passage), share=share) for share in (1.0, 0.7, 0.4, 0.1)]
    assert all(wide <= narrow + 1e-6 for wide, narrow in pairwise(scores))
    # The order of tokens does not count.
    turned = focused(rows(*question[::-1]), NOTHING, rows(*passage[::-1]), share=1.0)
    assert turned == pytest.approx(scores[0], abs=1e-6)


def test_mini_has_token_vectors() -> None:
    from foveate.retrievers.encoders.mini import MiniEncoder

    encoder = MiniEncoder()
    assert isinstance(encoder, EncodesTokens)
    texts = ["A red kite nests in tall trees by the coast.", "", "Kites."]
    found = encoder.encode_tokens(texts)
    assert [part.shape[1] for part in found] == [384] * 3 and found[1].shape[0] == 0 and found[2].shape[0] >= 1
    assert np.linalg.norm(found[0], axis=1) == pytest.approx(np.ones(len(found[0])), abs=1e-5)
    # Padding of a shorter text in a batch changes nothing.
    assert np.allclose(found[2], encoder.encode_tokens([texts[2]])[0], atol=1e-5)
    question = encoder.encode_tokens(["Where does the red kite nest?"])[0]
    bread = encoder.encode_tokens(["Bread is baked at 230 degrees."])[0]
    assert focused(question, found[1], found[0]) > focused(question, found[1], bread)
