import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from foveate.evals.metrics.diversity import (
    entropy,
    prompt_map,
    rke,
    scendi,
    schur_complement,
    schur_entropy,
    vendi,
    without_prompt,
)

Matrix = NDArray[np.float64]
seeds = st.integers(0, 500)


def unit(rows: Matrix) -> Matrix:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drawn(seed: int, n: int, d: int) -> Matrix:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


def rotation(seed: int, d: int) -> Matrix:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def test_counts_of_orthogonal_and_of_equal_pictures() -> None:
    assert vendi(np.eye(4)) == pytest.approx(4.0)
    assert rke(np.eye(4)) == pytest.approx(4.0)
    assert vendi(np.ones((5, 1))) == pytest.approx(1.0)
    assert vendi(np.repeat(np.eye(3), 7, axis=0)) == pytest.approx(3.0)


def test_unequal_kinds_by_hand() -> None:
    rows = np.eye(2)[[0, 0, 0, 1]]
    shannon = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert vendi(rows) == pytest.approx(math.exp(shannon))
    assert rke(rows) == pytest.approx(1 / (0.75**2 + 0.25**2))


@given(seeds)
def test_vendi_and_rke_are_entropies_of_the_kernel_matrix(seed: int) -> None:
    rows = drawn(seed, 12, 5)
    kernel = rows @ rows.T / 12  # the papers' form: cosines of all pairs
    shares = np.linalg.eigvalsh(kernel)
    shares = shares[shares > 1e-12]
    assert vendi(rows) == pytest.approx(math.exp(-(shares * np.log(shares)).sum()), rel=1e-7)
    assert rke(rows) == pytest.approx(1 / ((rows @ rows.T) ** 2).mean())
    assert 1.0 <= rke(rows) <= vendi(rows) + 1e-9 <= 5.0 + 1e-6


def test_schur_complement_by_hand() -> None:
    # Four pairs: the text says which of two, and predicts the pictures' first axis up to scale.
    texts = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    images = np.array([[0.6, 0.8, 0.0], [0.6, -0.8, 0.0], [-0.6, 0.0, 0.8], [-0.6, 0.0, -0.8]])
    # C_tt = 1, C_it = (0.6, 0, 0): 0.36 of the first axis is explained, all there is of it.
    assert schur_complement(images, texts) == pytest.approx(np.diag([0.0, 0.32, 0.32]), abs=1e-12)
    assert schur_entropy(images, texts) == pytest.approx(math.log(2))
    assert scendi(images, texts) == pytest.approx(math.exp(0.64 * math.log(2)))
    assert vendi(images) > scendi(images, texts)
    assert prompt_map(images, texts) == pytest.approx(np.array([[0.6], [0.0], [0.0]]))


@given(seeds)
def test_scendi_is_the_published_formula(seed: int) -> None:
    images, texts = drawn(seed, 60, 5), drawn(seed + 1000, 60, 3)
    # As the authors' code has it: pinv, eigenvalues of the complement, exp(-sum l log(l / sum l)).
    cov_tt, cov_ti, cov_ii = texts.T @ texts / 60, texts.T @ images / 60, images.T @ images / 60
    values = np.linalg.eigvalsh(cov_ii - cov_ti.T @ np.linalg.pinv(cov_tt) @ cov_ti)
    assert scendi(images, texts) == pytest.approx(math.exp(-(values * np.log(values / values.sum())).sum()), rel=1e-9)
    assert schur_entropy(images, texts) == pytest.approx(entropy(values), rel=1e-9)


@given(seeds)
def test_rotations_and_order_change_nothing(seed: int) -> None:
    images, texts = drawn(seed, 30, 4), drawn(seed + 1000, 30, 3)
    order = np.random.default_rng(seed).permutation(30)
    others = [
        (images @ rotation(seed, 4), texts),
        (images, texts @ rotation(seed, 3)),
        (images[order], texts[order]),
        (images, 3.0 * texts),
    ]
    for measure in (schur_entropy, scendi):
        for pair in others:
            assert measure(*pair) == pytest.approx(measure(images, texts), rel=1e-7)


@given(seeds, st.floats(0.1, 3.0))
def test_what_the_text_explains_raises_nothing(seed: int, much: float) -> None:
    images, texts = drawn(seed, 40, 4), drawn(seed + 1000, 40, 3)
    # A component that is a linear function of the text, on axes of its own. Rows are kept at their old scale, so that
    # what is left can be compared.
    explained = much * texts @ np.random.default_rng(seed).normal(size=(3, 2))
    richer = np.concatenate([images, explained], axis=1)
    wider = np.concatenate([images, np.zeros((40, 2))], axis=1)
    assert schur_complement(richer, texts) == pytest.approx(schur_complement(wider, texts), abs=1e-9)
    assert schur_entropy(richer, texts) == pytest.approx(schur_entropy(images, texts), rel=1e-6)
    # Vendi counts it.
    assert scendi(unit(richer), texts) <= vendi(unit(richer)) + 1e-9


@given(seeds)
def test_bounds(seed: int) -> None:
    images, texts = drawn(seed, 50, 4), drawn(seed + 1000, 50, 3)
    assert 0.0 <= schur_entropy(images, texts) <= math.log(4) + 1e-9
    assert 1.0 <= scendi(images, texts) <= vendi(images) + 1e-9


def test_prompts_that_say_nothing_leave_everything() -> None:
    images = np.repeat(np.eye(4), 3, axis=0) * np.tile([1.0, -1.0, 1.0], 4)[:, None]
    # One text for all explains the mean picture and no more; signs here make the mean small.
    balanced = np.concatenate([images, -images])
    texts = np.ones((24, 1))
    assert scendi(balanced, texts) == pytest.approx(vendi(balanced)) == pytest.approx(4.0)


def test_pictures_that_prompts_explain_wholly_leave_nothing() -> None:
    texts = drawn(0, 50, 4)
    images = texts @ rotation(1, 4)
    assert scendi(images, texts) == 1.0
    assert math.isnan(schur_entropy(images, texts))
    # No more pairs than text dimensions: any pictures at all are explained.
    assert scendi(drawn(2, 3, 6), drawn(3, 3, 8)) == 1.0


def test_texts_of_fewer_directions_than_dimensions() -> None:
    images, texts = drawn(0, 40, 3), drawn(1, 40, 2)
    padded = np.concatenate([texts, texts @ np.ones((2, 2)), np.zeros((40, 1))], axis=1)
    assert scendi(images, padded) == pytest.approx(scendi(images, texts), rel=1e-6)


def test_prompt_is_taken_out_of_embeddings() -> None:
    rng = np.random.default_rng(0)
    motif, mark = rng.normal(size=(200, 4)), rng.integers(0, 2, 200)
    # The watermark is an axis of its own in pictures, and the text names it or not.
    images = unit(np.concatenate([motif, 4.0 * mark[:, None]], axis=1))
    texts = np.stack([mark, 1 - mark], axis=1).astype(np.float64)
    plain = without_prompt(images, texts, prompt_map(images, texts))
    assert np.linalg.norm(plain, axis=1) == pytest.approx(np.ones(200))
    assert abs(plain[mark == 1, 4].mean() - plain[mark == 0, 4].mean()) < 0.1
    assert images[mark == 1, 4].mean() - images[mark == 0, 4].mean() > 0.8
    # What is left is uncorrelated with the texts: the very definition of the map.
    raw = without_prompt(images, texts, prompt_map(images, texts), unit=False)
    assert raw.T @ texts == pytest.approx(np.zeros((5, 2)), abs=1e-9)


def test_one_text_for_all_and_a_row_of_which_nothing_is_left() -> None:
    images = np.array([[1.0, 0.0], [0.0, 1.0]])
    plain = without_prompt(images, np.array([[1.0]]), np.array([[1.0], [0.0]]))
    assert plain == pytest.approx(np.array([[0.0, 0.0], [-(0.5**0.5), 0.5**0.5]]))


def test_float32_rows_are_summed_in_float64() -> None:
    rows = drawn(0, 300, 16)
    assert vendi(rows.astype(np.float32)) == pytest.approx(vendi(rows), rel=1e-5)
