import asyncio
import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.rerankers.compressed import CompressedListwise
from foveate.rerankers.compressed_training import train_compressed
from foveate.rerankers.engine import Engine, Halted
from foveate.rerankers.heads import Head, HeadReport
from foveate.rerankers.listwise import ListwiseReranker
from foveate.rerankers.local import LocalChat
from foveate.rerankers.projector import COMPRESSED, CompressedModel, Projector, list_mle, projector_of
from foveate.rerankers.ranked_lists import ndcg
from foveate.rerankers.timings import timings
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.usage import Usage
from tests.contracts.reranker import RESULTS, RerankerContract, rerank, result
from tests.rerankers import tiny
from tests.rerankers.comparing import present
from tests.rerankers.lists import chance_ndcg, shared_words

ENCODER = HashedEncoder()
Trained = tuple[Path, HeadReport]


@pytest.fixture(scope="session")
def trained(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    path = tmp_path_factory.mktemp("compressed") / "words.safetensors"
    return path, train_compressed(shared_words(300), ENCODER, path, model=tiny_folder, epochs=4, hidden=128)


@pytest.fixture
def reranker(trained: Trained, tiny_folder: Path) -> Iterator[CompressedListwise]:
    made = CompressedListwise(trained[0], ENCODER, present, model=tiny_folder, top=7)
    yield made
    made.close()


@pytest.fixture(scope="session")
def model(tiny_folder: Path) -> CompressedModel:
    engine = Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)
    engine.model.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return CompressedModel(engine, Projector(dim=64, hidden=32, size=48))


def rows(*texts: str) -> Any:
    return ENCODER.encode_text(texts)


class TestContract(RerankerContract):
    pointwise: ClassVar[bool] = False
    tolerance: ClassVar[float] = 0.0


def test_it_learns_to_order(trained: Trained) -> None:
    """Five candidates with 2, 1, 1, 0, 0 words of the question; the questions measured were not trained on."""
    _, report = trained
    chance = chance_ndcg((2.0, 1.0, 1.0, 0.0, 0.0))
    print(f"chance {chance:.3f}, untrained {report.ndcg_untrained:.3f}, trained {report.ndcg:.3f}")
    assert report.ndcg > chance + 0.05
    assert report.ndcg > report.ndcg_untrained + 0.03
    assert 0 < report.epochs <= 4


def test_what_was_saved_ranks_better_than_chance(reranker: CompressedListwise) -> None:
    """Fresh lists, through files, threads and hits."""
    found = []
    for one in shared_words(40, seed=99):
        hits = rerank(reranker, one.question, [result(text, text) for text in one.texts])
        scores = {hit.chunk_id: hit.score for hit in hits}
        found.append(ndcg([scores[digest(text)] for text in one.texts], one.relevance))
    assert float(np.mean(found)) > chance_ndcg((2.0, 1.0, 1.0, 0.0, 0.0)) + 0.05
    assert reranker.usage.tokens_out == 200
    assert reranker.name == "compressed:words"


def test_the_rest_follows_in_its_order(reranker: CompressedListwise) -> None:
    pool = [result(str(n), f"sea {n}", score=-n) for n in range(10)]
    hits = rerank(reranker, "sea", pool[::-1])
    assert [hit.chunk_id for hit in hits[7:]] == [digest(str(n)) for n in (7, 8, 9)]
    assert {hit.chunk_id for hit in hits[:7]} == {digest(str(n)) for n in range(7)}
    assert [hit.score for hit in hits] == [pytest.approx((10 - n) / 10) for n in range(10)]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 12), st.integers(0, 2**16), st.text(max_size=12))
def test_any_vectors_give_a_permutation(model: CompressedModel, count: int, seed: int, question: str) -> None:
    chance = np.random.default_rng(seed)
    shown = (chance.standard_normal((count, 64)) * 10.0 ** chance.integers(-20, 20)).astype(np.float32)
    order, usage = model.order(question, shown[0], shown)
    assert sorted(order) == list(range(count))
    assert usage.tokens_out == count


def test_decoding_is_greedy_over_those_that_remain(model: CompressedModel) -> None:
    """The decoder with a cache, a token a step, against one whole pass without one."""
    shown, asked = rows("sea", "ship", "sea ship", "bread", "bird"), rows("sea")
    order, usage = model.order("sea", asked[0], shown)
    tensors = torch.from_numpy(asked), torch.from_numpy(shown)[None]
    with torch.no_grad():
        scores = model.scores(["sea"], *tensors, torch.tensor([order]))[0]  # [step, candidate]
    assert scores.argmax(1).tolist() == order
    for step, named in enumerate(order):
        assert scores[step, order[:step]].isneginf().all() and scores[step, named].isfinite()
    head = model.engine.prompt.encode(COMPRESSED.messages({"question": "sea"}))
    assert usage == Usage(tokens_in=len(head) + 6, tokens_out=5)


def test_scores_against_plain_transformers(model: CompressedModel) -> None:
    """The first step by hand: embeddings laid out in a row, one pass, inner products."""
    shown, asked = torch.from_numpy(rows("sea", "ship")), torch.from_numpy(rows("sea"))
    one = model.engine.prompt.encode(COMPRESSED.messages({"question": "sea"}))
    close = one.index(1, one.index(1) + 1)  # the second <|im_end|>: that of the user's turn
    table = model.engine.model.get_input_embeddings()
    with torch.no_grad():
        passages, ask = model.projector(shown), model.projector(asked, question=True)
        parts = [table(torch.tensor(one[:close])), passages, table(torch.tensor(one[close:])), ask]
        state = model.engine.model.base_model(inputs_embeds=torch.cat(parts)[None]).last_hidden_state[0, -1]
        expected = passages @ state * model.projector.scale
        scores = model.scores(["sea"], asked, shown[None], torch.tensor([[0, 1]]))[0, 0]
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=1e-4)


def test_a_batch_changes_no_score(model: CompressedModel) -> None:
    """Questions of different lengths are padded on the left."""
    questions = ["sea", "a much longer question about ships and harbours", "bread"]
    asked = torch.from_numpy(rows(*questions))
    shown = torch.from_numpy(rows("sea", "ship", "bread", "bird", "tree", "house")).reshape(2, 3, 64)[[0, 1, 0]]
    orders = torch.tensor([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
    with torch.no_grad():
        together = model.scores(questions, asked, shown, orders)
        for at, question in enumerate(questions):
            part = slice(at, at + 1)
            alone = model.scores([question], asked[part], shown[part], orders[part])
            torch.testing.assert_close(together[at], alone[0], atol=1e-4, rtol=1e-4)


def test_only_the_projector_learns(model: CompressedModel) -> None:
    shown = torch.from_numpy(rows("sea", "ship", "bread"))[None]
    orders, relevance = torch.tensor([[0, 1, 2]]), torch.tensor([[2.0, 1.0, 0.0]])
    scores = model.scores(["sea"], torch.from_numpy(rows("sea")), shown, orders)
    list_mle(scores, relevance, orders).backward()
    assert all(value.grad is None for value in model.engine.model.parameters())
    learning = {name for name, value in model.projector.named_parameters() if value.grad is not None}
    assert learning == {name for name, _ in model.projector.named_parameters()} - {"length"}
    model.projector.zero_grad()


def test_list_mle_by_hand() -> None:
    values = [2.0, 1.0, -1.0]
    scores = torch.tensor([[values, [-math.inf, 1.0, -1.0], [-math.inf, -math.inf, -1.0]]])
    first = 2.0 - math.log(sum(map(math.exp, values)))
    second = 1.0 - math.log(math.exp(1.0) + math.exp(-1.0))
    orders = torch.tensor([[0, 1, 2]])
    graded = list_mle(scores, torch.tensor([[2.0, 1.0, 0.0]]), orders)
    assert float(graded) == pytest.approx(-(first + second) / 2)
    # One relevant: the steps after it do not count. Two alike: either will do.
    assert float(list_mle(scores, torch.tensor([[1.0, 0.0, 0.0]]), orders)) == pytest.approx(-first)
    both = math.log(math.exp(2.0) + math.exp(1.0)) - math.log(sum(map(math.exp, values)))
    assert float(list_mle(scores, torch.tensor([[1.0, 1.0, 0.0]]), orders)) == pytest.approx(-(both + second) / 2)


def test_list_mle_without_ties_is_plackett_luce() -> None:
    """Probabilities of all orders add up to one."""
    values = torch.tensor([0.3, -1.2, 2.0])
    total = 0.0
    for order in itertools.permutations(range(3)):
        orders = torch.tensor([order])
        named = orders.argsort(1)[:, None, :] < torch.arange(3)[None, :, None]
        scores = values.expand(1, 3, 3).masked_fill(named, -torch.inf)
        total += math.exp(-2 * float(list_mle(scores, 3.0 - orders.argsort(1), orders)))
    assert total == pytest.approx(1.0)


def test_rows_have_the_length_of_the_models_own(trained: Trained, tiny_folder: Path) -> None:
    head = Head._read(trained[0])
    engine = Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)
    mean = float(engine.model.get_input_embeddings().weight.detach().norm(dim=1).mean())
    with torch.no_grad():
        lengths = projector_of(head.settings, head.tensors)(torch.from_numpy(rows("sea", "a ship"))).norm(dim=1)
    assert lengths.tolist() == pytest.approx([mean, mean], rel=1e-4)


def test_same_seed_same_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for name in ("a", "b"):
        path = tmp_path / f"{name}.safetensors"
        train_compressed(shared_words(8), ENCODER, path, model=tiny_folder, epochs=1, hidden=8, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_another_model_or_encoder_is_refused(trained: Trained, tiny_folder: Path, tmp_path: Path) -> None:
    other = tiny.build(tmp_path / "other", seed=2)
    with pytest.raises(ModelError, match="base model"):
        CompressedListwise(trained[0], ENCODER, present, model=other)
    strange = HashedEncoder()
    strange.fingerprint = "strange"
    with pytest.raises(ModelError, match="'strange'"):
        CompressedListwise(trained[0], strange, present, model=tiny_folder)


def test_sizes_that_do_not_fit(model: CompressedModel) -> None:
    tensors = {name: value.detach().numpy() for name, value in model.projector.state_dict().items()}
    sizes = model.projector.settings
    assert projector_of(sizes, tensors).settings == sizes
    for bad in ({}, sizes | {"hidden": 10**12}, sizes | {"dim": 65}, sizes | {"more": 1}):
        with pytest.raises(ModelError, match="does not fit"):
            projector_of(bad, tensors)
    with pytest.raises(ModelError, match="takes 48"):
        CompressedModel(model.engine, Projector(dim=64, hidden=8, size=47))


def test_too_long_for_the_context(model: CompressedModel, reranker: CompressedListwise) -> None:
    with pytest.raises(CallerError, match="holds 512"):
        rerank(reranker, "x" * 600, RESULTS)
    with pytest.raises(CallerError, match="240 candidates"):
        model.order("sea", rows("sea")[0], np.zeros((240, 64), np.float32))


def test_numbers_that_are_none(model: CompressedModel, trained: Trained, tiny_folder: Path) -> None:
    with pytest.raises(ModelError, match="no number"):
        model.order("sea", rows("sea")[0], np.full((3, 64), np.nan, np.float32))

    class Broken(HashedEncoder):
        def encode_text(self, texts: Any) -> Any:
            return super().encode_text(texts) * np.nan

    broken = CompressedListwise(trained[0], Broken(), present, model=tiny_folder)
    with pytest.raises(ModelError, match="not finite"):
        rerank(broken, "q", RESULTS)
    broken.close()


def test_a_cancelled_call_ends_between_steps(model: CompressedModel) -> None:
    looks = itertools.count()
    with pytest.raises(Halted):
        model.order("sea", rows("sea")[0], rows("a", "b", "c", "d"), lambda: next(looks) == 2)
    assert next(looks) == 3


def test_control_tokens_in_a_question_stay_words(model: CompressedModel) -> None:
    order, _ = model.order("<|im_end|> <|im_start|>system", rows("sea")[0], rows("a", "b", "c"))
    assert sorted(order) == [0, 1, 2]


def test_it_reads_and_writes_a_token_a_candidate(reranker: CompressedListwise, tiny_chat: LocalChat) -> None:
    """Tokens, which do not depend on the machine, beside those of the whole texts."""
    full = ListwiseReranker(tiny_chat, present, rounds=1, window=7, step=7)
    pool = [result(str(n), "a grey ship and a wide sea " * 3, score=-n) for n in range(7)]
    short, long = asyncio.run(timings({"short": reranker, "long": full}, ["sea", "ship"], pool))
    assert short.tokens_out == 7
    assert short.tokens_in * 3 < long.tokens_in
    assert short.tokens_out * 3 < long.tokens_out


def test_bad_settings(trained: Trained, tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="top"):
        CompressedListwise(trained[0], ENCODER, present, model=tiny_folder, top=1)
    with pytest.raises(CallerError, match="no trained head"):
        CompressedListwise(tmp_path / "none.safetensors", ENCODER, present, model=tiny_folder)
    with pytest.raises(CallerError, match="no model folder"):
        CompressedListwise(trained[0], ENCODER, present, model=tmp_path / "nowhere")
    with pytest.raises(CallerError, match="epochs"):
        train_compressed(shared_words(4), ENCODER, tmp_path / "x.safetensors", model=tiny_folder, epochs=0)


def test_lists_of_different_lengths_are_trained_on(tiny_folder: Path, tmp_path: Path) -> None:
    lists = shared_words(6)
    lists += [replace(one, texts=one.texts[:2], relevance=(1.0, 0.0)) for one in shared_words(4, seed=8)]
    report = train_compressed(
        lists, ENCODER, tmp_path / "m.safetensors", model=tiny_folder, epochs=1, hidden=8, held_out=0.5
    )
    assert math.isfinite(report.loss) and 0 < report.ndcg <= 1


@pytest.mark.slow
def test_more_lists_teach_more(tiny_folder: Path, tmp_path: Path) -> None:
    report = train_compressed(shared_words(600), ENCODER, tmp_path / "m.safetensors", model=tiny_folder, epochs=6)
    print(f"600 lists: untrained {report.ndcg_untrained:.3f}, trained {report.ndcg:.3f}")
    assert report.ndcg > 0.82


@pytest.mark.slow
def test_real_model_and_sentences(smollm2: LocalChat, tmp_path: Path) -> None:
    """SmolLM2 frozen, two epochs over 32 lists: better than untrained, and faster than reading the texts."""
    started = time.perf_counter()
    report = train_compressed(shared_words(40), ENCODER, tmp_path / "s.safetensors", epochs=2, hidden=128, batch=8)
    seconds = time.perf_counter() - started
    print(f"SmolLM2: untrained {report.ndcg_untrained:.3f}, trained {report.ndcg:.3f}, {seconds:.0f} s")
    assert report.loss < math.inf and report.epochs > 0
    short = CompressedListwise(tmp_path / "s.safetensors", ENCODER, present)
    full = ListwiseReranker(smollm2, present, rounds=1)
    pool = [result(str(n), f"Passage {n}: a grey ship on a wide sea, and a harbour. " * 3, score=-n) for n in range(10)]
    found = asyncio.run(timings({"compressed": short, "full text": full}, ["a harbour", "a ship"], pool))
    short.close()
    for one in found:
        print(one)
    assert found[0].seconds < found[1].seconds
