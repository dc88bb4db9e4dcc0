import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foveate.errors import ModelError
from foveate.rerankers.engine import Halted
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.prompt import PLACE, letter_tokens
from foveate.rerankers.injection.rows import SUMS, features, shuffled
from foveate.rerankers.projector import Projector
from tests.rerankers.injection.making import DIM, row


def test_against_plain_transformers(aligned: AlignedModel) -> None:
    """Embeddings laid out in a row by hand, one pass without a cache, the letters' logits at its end."""
    one = row(options=3, choice=1)
    table = aligned.engine.model.get_input_embeddings()
    tokens = [*aligned.places.head, *aligned.places.rest(one.question, one.options)]
    vectors = torch.from_numpy(features(one.vectors))
    with torch.no_grad():
        options, none = aligned.projector(vectors[1:]), aligned.projector(-vectors[0])
        projected = iter([*options, none, aligned.projector(vectors[0], question=True)])
        laid = [next(projected) if token == PLACE else table(torch.tensor(token)) for token in tokens]
        logits = aligned.engine.model(inputs_embeds=torch.stack(laid)[None]).logits[0, -1]
        found = aligned.logits([one])[0]
    torch.testing.assert_close(found, logits[letter_tokens(aligned.engine, 4)], atol=1e-4, rtol=1e-4)


def test_words_alone_are_the_models_own_reply(aligned: AlignedModel) -> None:
    """Without vectors: logits of a prompt of tokens."""
    one = row(options=2)
    tokens = [*aligned.places.head, *aligned.places.rest(one.question, one.options, places=False)]
    with torch.no_grad():
        logits = aligned.engine.model(torch.tensor([tokens])).logits[0, -1]
        found = aligned.logits([one], vectors=False)[0]
        with_vectors = aligned.logits([one])[0]
    torch.testing.assert_close(found, logits[letter_tokens(aligned.engine, 3)], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, with_vectors, atol=1e-2)


def test_a_batch_changes_nothing(aligned: AlignedModel) -> None:
    """Rows of different lengths and options, padded on the left."""
    made = [row(options=4, seed=1), replace(row(options=1, seed=2), question="a longer question " * 5), row(seed=3)]
    with torch.no_grad():
        together = aligned.logits(made)
        for one, found in zip(made, together, strict=True):
            torch.testing.assert_close(found, aligned.logits([one])[0], atol=1e-4, rtol=1e-4)
    assert [len(one) for one in together] == [5, 2, 4]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 99))
def test_rotated_options_rotate_the_answer(aligned: AlignedModel, count: int, by: int, seed: int) -> None:
    """The letters' own share is averaged out over rotations, so it does not matter where an option stood."""
    one = row(options=count, seed=seed)
    order = [(at + by) % count for at in range(count)]
    plain, usage = aligned.probabilities(one, rotate=True)
    turned, _ = aligned.probabilities(shuffled(one, order), rotate=True)
    assert turned[:count] == pytest.approx(plain[order], abs=1e-5)
    assert turned[count] == pytest.approx(plain[count], abs=1e-5)
    assert plain.sum() == pytest.approx(1.0)
    assert usage.tokens_cached == count * len(aligned.places.head)


def test_probabilities_by_hand(aligned: AlignedModel) -> None:
    """The mean of two prompts, each option read at the letter it had."""
    one = row(options=2)
    with torch.no_grad():
        first, second = (aligned.logits([turn])[0].softmax(0).tolist() for turn in (one, shuffled(one, [1, 0])))
    found, usage = aligned.probabilities(one, rotate=True)
    expected = [(first[0] + second[1]) / 2, (first[1] + second[0]) / 2, (first[2] + second[2]) / 2]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    once, alone = aligned.probabilities(one)
    assert once.tolist() == pytest.approx(first, abs=1e-5)
    assert usage.tokens_in == 2 * alone.tokens_in
    assert alone.tokens_in == len(aligned.places.head) + len(aligned.places.rest(one.question, one.options))


def test_only_the_projector_gets_a_gradient(aligned: AlignedModel) -> None:
    torch.stack([one.log_softmax(0)[0] for one in aligned.logits([row(), row(options=1)])]).sum().backward()
    assert all(value.grad is None for value in aligned.engine.model.parameters())
    learning = {name for name, value in aligned.projector.named_parameters() if value.grad is not None}
    # The scale is of another use of the projector.
    assert learning == {name for name, _ in aligned.projector.named_parameters()} - {"length", "scale"}
    aligned.projector.zero_grad()


def test_dropout_spares_the_sums(aligned: AlignedModel) -> None:
    one = row()
    seen: list[torch.Tensor] = []
    hook = aligned.projector.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    aligned.dropout = 0.5
    try:
        with torch.no_grad():
            aligned.logits([one])
    finally:
        aligned.dropout = 0.0
        hook.remove()
    vectors = torch.cat(seen)
    whole = torch.from_numpy(features(one.vectors))[:, DIM:]
    assert torch.equal(vectors[:, DIM:], torch.cat([whole[1:], -whole[:1], whole[:1]]))
    assert 0 < int((vectors[:, :DIM] == 0).sum()) < vectors[:, :DIM].numel()


def test_a_halted_call_ends_between_passes(aligned: AlignedModel) -> None:
    looks = itertools.count()
    with pytest.raises(Halted):
        aligned.probabilities(row(), rotate=True, halted=lambda: next(looks) == 1)
    assert next(looks) == 2


def test_sizes_that_do_not_fit(aligned: AlignedModel) -> None:
    with pytest.raises(ModelError, match="takes 48"):
        AlignedModel(aligned.engine, Projector(dim=DIM + SUMS, hidden=8, size=47))


def test_numbers_that_are_none(aligned: AlignedModel) -> None:
    huge = replace(row(), vectors=np.full((4, DIM), 3e38, np.float32))
    with np.errstate(over="ignore"), pytest.raises(ModelError, match="no number"):
        aligned.probabilities(huge)
