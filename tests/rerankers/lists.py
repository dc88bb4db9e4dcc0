"""Small ranking tasks with a known answer, and an encoder for them."""

import random
from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from foveate.ids import digest
from foveate.rerankers.ranked_lists import RankedList, ndcg

WORDS = "sea ship harbour crane bread museum ticket ferry kite bird tree house".split()


class Scattered:
    """Every text a random unit vector of its own, the same in every run."""

    fingerprint = "scattered-16"
    dim = 16

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [np.random.default_rng(int(digest(text), 16)).standard_normal(self.dim) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32).reshape(len(texts), self.dim)


def half_opposed(count: int, each: int = 8) -> list[RankedList]:
    """The best candidate is like the question in one half of its numbers and unlike it in the other.

    A cosine adds both halves up and knows nothing.
    """
    encoder, signs = Scattered(), np.repeat([1.0, -1.0], 8)
    made = []
    for at in range(count):
        texts = tuple(f"candidate {at} {n}" for n in range(each))
        order = np.argsort(-(encoder.encode_text(texts) * signs) @ encoder.encode_text([f"question {at}"])[0])
        relevance = [0.0] * each
        relevance[order[0]], relevance[order[1]] = 2.0, 1.0
        made.append(RankedList(question=f"question {at}", texts=texts, relevance=tuple(relevance)))
    return made


def shared_words(count: int, seed: int = 1) -> list[RankedList]:
    """Questions of two words; a candidate is as relevant as it has words of the question."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        a, b, c, d, e = chance.sample(WORDS, 5)
        pairs = [(f"{a} {b}", 2.0), (f"{a} {c}", 1.0), (f"{d} {b}", 1.0), (f"{c} {d}", 0.0), (f"{e} {c}", 0.0)]
        chance.shuffle(pairs)
        texts, relevance = zip(*pairs, strict=True)
        made.append(RankedList(question=f"{a} {b}", texts=texts, relevance=relevance))
    return made


def chance_ndcg(relevance: Sequence[float]) -> float:
    """Mean nDCG over all orders."""
    every = list(permutations(range(len(relevance))))
    return sum(ndcg(order, relevance) for order in every) / len(every)
