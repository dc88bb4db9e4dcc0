import asyncio
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.rerankers.heads import Head
from foveate.rerankers.multiview import MultiViewReranker
from foveate.rerankers.multiview_training import train_multiview
from foveate.rerankers.ranked_lists import RankedList
from foveate.rerankers.views import ViewsNetwork, list_net, network_of, orthogonal
from tests.contracts.reranker import RESULTS, RerankerContract, rerank, result
from tests.rerankers.comparing import present
from tests.rerankers.lists import Scattered, half_opposed

SIZES = {"dim": 16, "views": 3, "width": 8, "hidden": 24}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("multiview") / "halves.safetensors"
    return path, train_multiview(half_opposed(120), Scattered(), path, epochs=12)


@pytest.fixture
def network() -> ViewsNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return ViewsNetwork(**SIZES).eval()


def rows(count: int, seed: int = 0) -> torch.Tensor:
    made = torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(made, dim=1)


class TestContract(RerankerContract):
    pointwise: ClassVar[bool] = False
    tolerance: ClassVar[float] = 0.0

    @pytest.fixture
    def reranker(self, trained: Any) -> MultiViewReranker:
        return MultiViewReranker(trained[0], Scattered(), present)


def test_it_learns_what_a_cosine_cannot_see(trained: Any) -> None:
    _, report = trained
    assert report.questions == 120 and report.held_out == 24 and report.epochs > 0
    assert report.ndcg_cosine < 0.7
    assert report.ndcg > report.ndcg_cosine + 0.2
    assert report.ndcg > report.ndcg_untrained + 0.2


def test_what_was_saved_ranks_as_it_was_measured(trained: Any) -> None:
    """Fresh questions, through files, threads and hits: the best candidate comes first in most."""
    reranker = MultiViewReranker(trained[0], Scattered(), present)
    right = 0
    for one in half_opposed(150)[120:]:
        hits = rerank(reranker, one.question, [result(text, text) for text in one.texts])
        right += hits[0].chunk_id == digest(one.texts[one.relevance.index(2.0)])
        assert sum(hit.score for hit in hits) == pytest.approx(1.0)
    assert right >= 18, "chance is 4 of 30"
    assert reranker.usage.tokens_in == 0 and reranker.name == "multiview:halves"


def test_permuted_lists_give_permuted_scores(network: ViewsNetwork) -> None:
    question, candidates, there = rows(1, 1), rows(9, 2)[None], torch.ones(1, 9, dtype=torch.bool)
    scores, anchors = network(question, candidates, there)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    permuted, same = network(question, candidates[:, order], there)
    torch.testing.assert_close(permuted, scores[:, order])
    torch.testing.assert_close(same, anchors)


def test_padding_and_company_of_a_batch_change_nothing(network: ViewsNetwork) -> None:
    questions, candidates = rows(2, 1), torch.stack([rows(9, 2), rows(9, 4)])
    there = torch.ones(2, 9, dtype=torch.bool)
    there[0, 4:] = False
    scores, _ = network(questions, candidates, there)
    alone, _ = network(questions[:1], candidates[:1, :4], there[:1, :4])
    torch.testing.assert_close(scores[0, :4], alone[0])
    assert scores[0, 4:].isneginf().all()


def test_a_score_is_the_mean_inner_product_with_the_anchors(network: ViewsNetwork) -> None:
    question, candidates = rows(1, 1), rows(5, 2)
    scores, anchors = network(question, candidates[None], torch.ones(1, 5, dtype=torch.bool))
    scores, anchors = scores.detach(), anchors.detach()
    views = network._relevance(question, candidates[None])[0].detach()  # [n, m, w]
    by_hand = [sum(float(anchors[0, k] @ views[i, k]) for k in range(3)) / 3 / math.sqrt(8) for i in range(5)]
    assert scores[0].tolist() == pytest.approx(by_hand, abs=1e-5)


def test_list_net_by_hand() -> None:
    scores = torch.tensor([[1.0, 0.0, -torch.inf]])
    relevance = torch.tensor([[1.0, 3.0, 0.0]])
    logs = [1.0 - math.log(math.e + 1.0), -math.log(math.e + 1.0)]
    assert float(list_net(scores, relevance)) == pytest.approx(-(0.25 * logs[0] + 0.75 * logs[1]))


def test_orthogonal_by_hand() -> None:
    alike = torch.tensor([[[1.0, 0.0], [2.0, 0.0]]])
    apart = torch.tensor([[[1.0, 0.0], [0.0, 5.0]]])
    slanted = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    assert [float(orthogonal(one)) for one in (alike, apart, slanted)] == pytest.approx([1.0, 0.0, 0.5], abs=1e-6)
    assert float(orthogonal(alike[:, :1])) == 0.0


def test_the_orthogonal_loss_parts_the_views(tmp_path: Path) -> None:
    found = []
    for weight in (0.0, 3.0):
        path = tmp_path / f"{weight}.safetensors"
        train_multiview(half_opposed(40), Scattered(), path, width=6, epochs=15, orthogonality=weight, hidden=32)
        head = Head.load(path, kind="multiview", encoder=Scattered.fingerprint)
        network = network_of(head.settings, head.tensors)
        _, anchors = network(rows(20, 1), torch.stack([rows(8, n) for n in range(20)]), torch.ones(20, 8).bool())
        found.append(float(orthogonal(anchors).detach()))
    assert found[1] < found[0] / 2


def test_same_seed_same_bytes_and_the_generator_is_left_alone(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for name in ("a", "b"):
        train_multiview(half_opposed(12), Scattered(), tmp_path / f"{name}.safetensors", epochs=2, seed=4)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_it_ends_when_nothing_gets_better(tmp_path: Path) -> None:
    """Relevance without a pattern: the best epoch is an early one, and training does not go on for long."""
    chance = np.random.default_rng(1)
    noise = [replace(one, relevance=tuple(chance.permutation(one.relevance))) for one in half_opposed(60)]
    report = train_multiview(noise, Scattered(), tmp_path / "n.safetensors", epochs=500, patience=2)
    assert report.epochs < 50


def test_it_does_not_fit_another_encoder(trained: Any) -> None:
    other = Scattered()
    other.fingerprint = "other"
    with pytest.raises(ModelError, match="'other'"):
        MultiViewReranker(trained[0], other, present)


@pytest.mark.parametrize("settings", [{}, SIZES | {"hidden": 10**12}, SIZES | {"views": -1}, SIZES | {"more": 1}])
def test_sizes_that_do_not_fit(network: ViewsNetwork, settings: dict[str, int]) -> None:
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    assert torch.equal(network_of(SIZES, tensors).ask, network.ask)
    with pytest.raises(ModelError, match="does not fit"):
        network_of(settings, tensors)


def test_numbers_that_are_none(trained: Any) -> None:
    class Broken(Scattered):
        def encode_text(self, texts: Any) -> Any:
            return super().encode_text(texts) * np.nan

    with pytest.raises(ModelError, match="not finite"):
        rerank(MultiViewReranker(trained[0], Broken(), present), "q", RESULTS)


def test_bad_training_settings(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="different questions"):
        train_multiview(half_opposed(1), Scattered(), tmp_path / "h.safetensors")
    with pytest.raises(CallerError, match="views"):
        train_multiview(half_opposed(4), Scattered(), tmp_path / "h.safetensors", views=0)


@pytest.mark.slow
def test_real_sentences_with_and_without(tmp_path: Path) -> None:
    """MiniLM, things never trained on: "without a cup" is nearest to cups; the head learns that it is not."""
    from foveate import models
    from foveate.errors import ModelMissing
    from foveate.retrievers.encoders.backbones import TEXT_DIM, MiniLM

    try:
        inner = MiniLM(models.path("mini") / "minilm")
    except ModelMissing as error:
        pytest.skip(str(error))

    class Mini:
        fingerprint = "minilm"
        dim = TEXT_DIM

        def encode_text(self, texts: Any) -> Any:
            return inner.encode(texts)

    things = (
        "cup dog cat chair lamp tree boat car bicycle horse clock piano guitar book mirror window carpet fire "
        "bird fish flag ladder bridge tower kite drum bed table sofa plant bottle basket"
    ).split()
    lists = []
    for at, thing in enumerate(things):
        others = [things[(at + step) % len(things)] for step in (3, 7, 11, 19)]
        having = [f"a room with a {thing} and a {other}" for other in others[:3]]
        lacking = [f"a room with a {others[n]} and a {others[n + 1]}" for n in range(3)]
        for word, right in (("with", having), ("without", lacking)):
            texts = tuple(having + lacking)
            relevance = tuple(float(text in right) for text in texts)
            lists.append(RankedList(question=f"a room {word} a {thing}", texts=texts, relevance=relevance))
    started = time.perf_counter()
    report = train_multiview(lists, Mini(), tmp_path / "without.safetensors")
    seconds = time.perf_counter() - started
    print(f"with and without: cosine {report.ndcg_cosine:.3f}, trained {report.ndcg:.3f}, {seconds:.1f} s")
    assert report.ndcg > report.ndcg_cosine + 0.1
    reranker = MultiViewReranker(tmp_path / "without.safetensors", Mini(), present)
    pool = [result("has", "a room with a violin and a cup"), result("lacks", "a room with a cup and a bed")]
    hits = {
        word: asyncio.run(reranker.rerank(f"a room {word} a violin", pool))[0].chunk_id for word in ("with", "without")
    }
    assert hits == {"with": digest("has"), "without": digest("lacks")}
