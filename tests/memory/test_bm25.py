import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.memory.bm25 import AVERAGE_TERMS, Bm25Terms
from foveate.memory.checks import check_sparse

TERMS = Bm25Terms()


def test_document_weights_are_okapi_by_hand() -> None:
    vector = TERMS.document("A cat, cats and the dog")
    weights = sorted(vector.values)
    shape = 1.2 * (1 - 0.75 + 0.75 * 3 / AVERAGE_TERMS)
    assert weights == pytest.approx([1 * 2.2 / (1 + shape), 2 * 2.2 / (2 + shape)])


def test_a_query_weighs_each_term_once() -> None:
    assert TERMS.query("dogs dog DOG").values == (1.0,)
    assert TERMS.query("dogs").indices == TERMS.document("Dog").indices


def test_ids_are_pinned_because_stored_points_hold_them() -> None:
    """If this fails after an update of the engine, every collection must be indexed again."""
    assert sorted(TERMS.query("The cats are running").indices) == [243905464, 1751422759]


def test_ids_are_the_same_in_another_process() -> None:
    code = "from foveate.memory.bm25 import Bm25Terms; print(Bm25Terms().document('Möwen über Hafen 東京'))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{TERMS.document('Möwen über Hafen 東京')}\n"}


@pytest.mark.parametrize("text", ["", " \n", "the of and", "!?…", "\0"])
def test_text_without_terms_is_an_empty_vector(text: str) -> None:
    assert TERMS.document(text).indices == () and TERMS.query(text).values == ()


@pytest.mark.parametrize(
    "word", ["Möwe", "naïve", "Привет", "東京タワー", "مرحبا", "καλημέρα", "חתול", "ağaç", "Œuvre"]
)
def test_words_of_other_languages_find_themselves(word: str) -> None:
    document = TERMS.document(f"{word.upper()} xyzzy plugh")
    (term,) = TERMS.query(word).indices
    assert term in document.indices


def test_the_same_word_in_other_code_points_is_the_same_term() -> None:
    assert TERMS.query("cafe\u0301") == TERMS.query("caf\u00e9") == TERMS.query("cafe")
    assert TERMS.query("\uff21\uff22\uff23") == TERMS.query("abc")


@given(st.text(st.characters(), max_size=200))
def test_any_text_gives_a_vector_that_stores_take(text: str) -> None:
    for vector in (TERMS.document(text), TERMS.query(text), TERMS.document(text + "\udc80")):
        check_sparse(vector)


def test_a_longer_document_weighs_a_term_less() -> None:
    short, long = TERMS.document("cat"), TERMS.document("cat " + " ".join(f"w{n}" for n in range(200)))
    (term,) = short.indices
    assert long.values[long.indices.index(term)] < short.values[0]


def test_the_mean_length_must_be_positive() -> None:
    for bad in (0, -1, float("nan")):
        with pytest.raises(CallerError):
            Bm25Terms(bad)
