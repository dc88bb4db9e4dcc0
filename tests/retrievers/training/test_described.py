import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foveate.rerankers.lora.pairs import read_pairs
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.training import facts as facts_module
from foveate.retrievers.training.described import (
    Asker,
    Library,
    among,
    asked,
    described,
    neighbours,
    picks,
    plain_english,
    same_concept,
    worth_saying,
)
from foveate.retrievers.training.facts import facts, kept_for_measuring
from foveate.retrievers.training.pairs import Group, write_pairs

WORDS = frozenset({"cat", "red", "dog", "sun", "pet", "a"})


def library(count: int = 300, seed: int = 0) -> Library:
    rng = np.random.default_rng(seed)
    names = ("cat", "dog", "sun")
    middles = rng.normal(size=(3, 1280)) * 3
    kinds = np.arange(count) % 3
    return Library(
        features=(middles[kinds] + rng.normal(size=(count, 1280))).astype(np.float32),
        thumbs=rng.integers(0, 256, (count, 32, 32, 4)).astype(np.uint8),
        captions=tuple((f"{'red ' if i % 2 else ''}{names[kind]}", "pet") for i, kind in enumerate(kinds)),
        concepts=tuple(f"test|{i}" for i in range(count)),
    )


@pytest.fixture(scope="module")
def encoder() -> Iterator[MiniEncoder]:
    yield MiniEncoder()


def test_pictures_that_are_stamps_are_found() -> None:
    whole = library()
    noise = np.random.default_rng(9).normal(size=(2, 1280)).astype(np.float32)
    again = whole.features[[7, 100]] + 0.01 * noise
    assert list(np.flatnonzero(among(whole, again))) == [7, 100]
    assert len(whole.select(~among(whole, again)).captions) == 298


def test_questions_are_english_and_not_too_common() -> None:
    assert plain_english("red cat", WORDS)
    assert (
        not plain_english("gatto rosso", WORDS) and not plain_english("cat 3", WORDS) and not plain_english("", WORDS)
    )
    chosen = picks(library(), WORDS, 40, random.Random(0))
    assert chosen and {caption for caption, _ in chosen} <= {"cat", "red cat", "dog", "red dog", "sun", "red sun"}
    assert "pet" in worth_saying(library(), WORDS)


def test_a_caption_is_asked_as_people_do() -> None:
    rng = random.Random(0)
    assert {asked("apple", rng) for _ in range(50)} == {"apple", "An apple.", "a picture of apple"}


def test_words_come_from_others_of_the_library(encoder: MiniEncoder) -> None:
    whole = library()
    near = neighbours(whole, frozenset({"cat", "dog", "sun"}))
    lines = described(encoder, near, whole, whole)
    right = sum(caption[0].split()[-1] in line for caption, line in zip(whole.captions, lines, strict=True))
    assert right > 280
    assert same_concept(whole, whole).trace() == 300


def test_groups_hold_right_and_wrong_and_never_both(encoder: MiniEncoder, tmp_path: Path) -> None:
    whole = library()
    lines = [f"{' '.join(captions)} number {i}" for i, captions in enumerate(whole.captions)]
    rng = random.Random(0)
    groups = list(Asker(encoder, whole, lines).groups([("cat", 0), ("red dog", 1)], rng, False))
    for group, caption in zip(groups, ("cat", "red dog"), strict=True):
        right = [words for words, label in group.candidates if label]
        assert right and all(words.startswith(f"{caption} pet") for words in right)
        assert not any(words.startswith(f"{caption} pet") for words, label in group.candidates if not label)
    assert write_pairs(groups, tmp_path / "pairs.jsonl") == sum(len(group.candidates) for group in groups)
    assert len(read_pairs(tmp_path / "pairs.jsonl")) == sum(len(group.candidates) for group in groups)


def countries(folder: Path) -> None:
    data = folder / "countryinfo" / "data"
    data.mkdir(parents=True)
    for number in range(60):
        name = f"Land {number}"
        entry = {
            "name": name,
            "capital": f"City {number}",
            "region": "Europe",
            "subregion": "South",
            "area": number + 1,
        }
        (data / f"{number:02d}.json").write_text(json.dumps(entry))


def test_facts_keep_half_of_the_countries_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    countries(tmp_path)
    monkeypatch.setattr(facts_module, "pypi", lambda name, version, cache: tmp_path)
    groups = list(facts(tmp_path, random.Random(0), 5))
    trained = {number for number in range(60) if not kept_for_measuring(f"Land {number}")}
    assert 15 < len(trained) < 45 and len(groups) == 3 * len(trained)
    for group in groups:
        assert [label for _, label in group.candidates].count(1) == 1 and len(group.candidates) == 5
        assert not any(f"Land {n} " in words for words, _ in group.candidates for n in range(60) if n not in trained)


def test_held_out_groups_say_so(tmp_path: Path) -> None:
    group = Group(question="q", candidates=(("a", 1), ("b", 0)), source="facts", held_out=True)
    write_pairs([group], tmp_path / "pairs.jsonl")
    assert {pair.split for pair in read_pairs(tmp_path / "pairs.jsonl")} == {"dev"}
