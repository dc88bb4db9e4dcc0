"""The suffix array against looking through every text, and what odd texts and damaged files do."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from foveate.chunking.passages import sentences
from foveate.errors import CallerError, CollectionCorrupt, ModelError
from foveate.retrievers.multihop.corpus import Corpus, fingerprint

RELAXED = settings(deadline=None)  # a loaded machine is no failure
TEXTS = st.lists(st.text(alphabet="ab. \n!", max_size=24), max_size=6)
PATHS = st.text(alphabet="ab. ", max_size=5)


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def built(texts: list[str], **options: Any) -> Corpus:
    return Corpus.build([(str(at), text) for at, text in enumerate(texts)], letters, **options)


def places(text: str, path: str) -> list[int]:
    return [at for at in range(len(text) - len(path) + 1) if text.startswith(path, at)]


@RELAXED
@given(TEXTS, PATHS)
def test_follows_like_a_plain_search(texts: list[str], path: str) -> None:
    corpus = built(texts)
    after = Counter(
        ord(text[at + len(path)]) for text in texts for at in places(text, path) if at + len(path) < len(text)
    )
    assert corpus.allowed(letters(path)) == after
    assert list(corpus.allowed(letters(path))) == sorted(after)


@RELAXED
@given(TEXTS, PATHS.filter(bool))
def test_found_like_a_plain_search(texts: list[str], path: str) -> None:
    corpus = built(texts)
    found = [(str(at), offset) for at, text in enumerate(texts) for offset in places(text, path)]
    assert corpus.locate(letters(path)) == found
    assert corpus.count(letters(path)) == len(found)
    limited = corpus.locate(letters(path), limit=2)
    assert len(limited) == min(2, len(found)) and set(limited) <= set(found)


@RELAXED
@given(TEXTS, PATHS)
def test_sentences_like_a_plain_search(texts: list[str], path: str) -> None:
    corpus = built(texts)
    begins = [
        (at, span.start)
        for at, text in enumerate(texts)
        for span in sentences(text)
        if text.startswith(path, span.start)
    ]
    after = Counter(ord(texts[at][where + len(path)]) for at, where in begins if where + len(path) < len(texts[at]))
    assert corpus.allowed(letters(path), opening=True) == after
    assert corpus.count(letters(path), opening=True) == len(begins)
    closing = [(str(at), where) for at, where in begins if where + len(path) == len(texts[at])]
    assert corpus.ended(letters(path)) == (closing if path else [])
    if path:
        assert corpus.sentences(letters(path)) == [(str(at), where) for at, where in begins]


@RELAXED
@given(st.lists(st.lists(st.integers(0, 2**32 - 2), max_size=6), max_size=4))
def test_large_token_ids(rows: list[list[int]]) -> None:
    """Ids of two and of four bytes sort by value, not by byte."""
    left = iter(rows)
    corpus = Corpus.build([(str(at), "x") for at, _ in enumerate(rows)], lambda _: next(left))
    assert corpus.allowed([]) == Counter(token for row in rows for token in row)
    for at, row in enumerate(rows):
        for place in range(len(row)):
            assert (str(at), place) in corpus.locate(row[place:])
    assert [corpus.tokens[at] - 1 for at in corpus.order] == sorted(token for row in rows for token in row)


@RELAXED
@given(TEXTS)
def test_saved_and_read_again(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    corpus = built(texts, tokenizer="letters")
    path = tmp_path_factory.mktemp("corpus") / "corpus.safetensors"
    corpus.save(path)
    again = Corpus.load(path)
    assert (again.ids, again.fingerprint) == (corpus.ids, corpus.fingerprint)
    for name in ("tokens", "order", "begins", "firsts", "starts", "chars"):
        assert np.array_equal(getattr(again, name), getattr(corpus, name))


def test_no_sequence_runs_over_the_end_of_a_text() -> None:
    corpus = built(["ab", "cd"])
    assert corpus.locate(letters("bc")) == [] and corpus.allowed(letters("ab")) == {}
    assert corpus.allowed([-1]) == {} and corpus.locate([-1]) == []


def test_nothing_to_index() -> None:
    for texts in ([], ["", ""]):
        corpus = built(texts)
        assert (len(corpus), corpus.ids, corpus.allowed([]), corpus.locate([7])) == (0, (), {}, [])
        assert corpus.allowed([7], opening=True) == {} and corpus.ended([7]) == []


def test_refuses() -> None:
    with pytest.raises(CallerError, match="'a' twice"):
        Corpus.build([("a", "x"), ("a", "y")], letters)
    with pytest.raises(CallerError, match="path is empty"):
        built(["a"]).locate([])
    for token in (-1, 2**32 - 1):
        with pytest.raises(ModelError, match="allowed are 0"):
            Corpus.build([("a", "x")], lambda _, token=token: [token])


def test_the_fingerprint_tells_what_changed() -> None:
    chunks = [("a", "one"), ("b", "two")]
    kinds = [
        fingerprint(chunks, "t"),
        fingerprint(chunks, "u"),
        fingerprint(chunks[::-1], "t"),
        fingerprint([("a", "one"), ("bt", "wo")], "t"),
        fingerprint([("a", "one"), ("b", "")], "t"),
    ]
    assert len(set(kinds)) == len(kinds)
    assert Corpus.build(chunks, letters, tokenizer="t").fingerprint == kinds[0]


def test_a_crafted_order_leads_nowhere(tmp_path: Path) -> None:
    """In range and yet unsorted: lookups may be wrong, they must not leave the arrays."""
    path = tmp_path / "corpus.safetensors"
    built(["aab. ba.", "bbb"]).save(path)
    arrays = load_file(path)
    arrays["order"] = np.full_like(arrays["order"], len(arrays["tokens"]) - 2)
    save_file(arrays, path, {"format": "1", "fingerprint": ""})
    corpus = Corpus.load(path)
    for text in ("b", "bb", "bbb", "bbbb"):
        assert corpus.allowed(letters(text)) in ({}, {ord("b"): len(corpus)})


def test_long_text_is_quick() -> None:
    text = " ".join(f"Sentence {at} tells of ship {at * 7919 % 1000}." for at in range(3000))[:100_000]
    corpus = Corpus.build([("long", text)], letters)
    began = time.thread_time()  # not the wall: others may use the processor
    for _ in range(100):
        corpus.allowed(letters("Sentence 2"), opening=True)
        corpus.locate(letters("ship 77"))
    assert time.thread_time() - began < 1.0
    assert len(corpus) == len(text)


@pytest.mark.parametrize("change", ["order", "firsts", "tokens", "begins", "ids", "format", "cut", "missing"])
def test_damaged_files(tmp_path: Path, change: str) -> None:
    corpus = built(["ab. ba.", "b"])
    path = tmp_path / "corpus.safetensors"
    corpus.save(path)
    arrays, notes = load_file(path), {"format": "1", "fingerprint": corpus.fingerprint}
    if change in ("order", "firsts", "begins"):
        arrays[change] = arrays[change] + 100
    elif change == "tokens":
        arrays[change] = arrays[change] + np.uint16(1)
    elif change == "ids":
        arrays[change] = np.frombuffer(b'["a"', dtype=np.uint8)
    elif change == "format":
        notes["format"] = "2"
    elif change == "missing":
        del arrays["chars"]
    save_file(arrays, path, notes)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CollectionCorrupt, match="delete it"):
        Corpus.load(path)
