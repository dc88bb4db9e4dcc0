"""Train the head of :class:`foveate.rerankers.multiview.MultiViewReranker`: seconds on a CPU, the encoder stays."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from foveate.errors import CallerError
from foveate.rerankers.encoded import EncodesText, encoded
from foveate.rerankers.heads import Head, HeadReport
from foveate.rerankers.ranked_lists import RankedList, ndcg, split_lists
from foveate.rerankers.views import ViewsNetwork, list_net, orthogonal

__all__ = ["train_multiview"]

_log = logging.getLogger(__name__)

_Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Questions [b, d], candidates [b, n, d], there [b, n], relevance [b, n]."""


def train_multiview(
    lists: Sequence[RankedList],
    encoder: EncodesText,
    out: Path,
    *,
    views: int = 4,
    width: int = 32,
    hidden: int = 128,
    epochs: int = 60,
    patience: int = 6,
    held_out: float = 0.2,
    orthogonality: float = 0.1,
    learning_rate: float = 1e-3,
    batch: int = 16,
    seed: int = 0,
) -> HeadReport:
    """Fit the head with ListNet plus the orthogonal loss; keep the weights of the best epoch.

    Args:
        lists: of two different questions or more.
        encoder: its vectors are read; it is not trained.
        out: a ``.safetensors`` file.
        views: how many (m).
        width: numbers of a view (w).
        hidden: numbers between both layers.
        epochs: the most.
        patience: epochs without a lower held-out loss, after which it ends.
        held_out: share of the questions that only choose the epoch and give the figures.
        orthogonality: weight of the orthogonal loss.
        learning_rate: of AdamW.
        batch: lists a step.
        seed: of the weights, the split and the order.

    Raises:
        CallerError: too few questions, or a number that is too small.
    """
    if min(views, width, hidden, epochs, patience, batch) < 1:
        raise CallerError("views, width, hidden, epochs, patience and batch must be 1 or more")
    kept, held = split_lists(lists, held_out, seed)
    settings = {"dim": encoder.dim, "views": views, "width": width, "hidden": hidden}
    training, testing = _encoded(kept, encoder), _encoded(held, encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ViewsNetwork(**settings)
        optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.01)
        untrained = _measure(network, testing)
        best, since = (untrained[0], untrained[1], 0, _weights(network)), 0
        for epoch in range(1, epochs + 1):
            order = torch.randperm(len(training)).tolist()
            for start in range(0, len(order), batch):
                lists_now = [training[at] for at in order[start : start + batch]]
                _step(network, optimizer, _joined(lists_now), orthogonality)
            loss, quality = _measure(network, testing)
            _log.info("epoch %d: held-out loss %.4f, nDCG %.4f", epoch, loss, quality)
            since += 1
            if loss < best[0]:
                best, since = (loss, quality, epoch, _weights(network)), 0
            if since == patience:
                break
    report = HeadReport(
        questions=len(training) + len(testing),
        held_out=len(testing),
        epochs=best[2],
        loss=best[0],
        ndcg_cosine=_mean_ndcg([(one[1][0] @ one[0][0], one[3][0]) for one in testing]),
        ndcg_untrained=untrained[1],
        ndcg=best[1],
    )
    Head(
        kind="multiview",
        tensors=best[3],
        encoder=encoder.fingerprint,
        base="",
        settings=settings,
        report=report.to_dict(),
    ).save(out)
    return report


def _encoded(lists: Sequence[RankedList], encoder: EncodesText) -> list[_Batch]:
    """Each list as a batch of one."""
    rows = encoded(encoder, [text for one in lists for text in (one.question, *one.texts)])
    made, start = [], 0
    for one in lists:
        end = start + 1 + len(one.texts)
        part = torch.from_numpy(rows[start:end].copy())
        there = torch.ones(1, len(one.texts), dtype=torch.bool)
        made.append((part[:1], part[None, 1:], there, torch.tensor([one.relevance], dtype=torch.float32)))
        start = end
    return made


def _joined(lists: Sequence[_Batch]) -> _Batch:
    longest = max(there.shape[1] for _, _, there, _ in lists)

    def fill(value: Tensor) -> Tensor:
        filled = value.new_zeros(1, longest, *value.shape[2:])
        filled[:, : value.shape[1]] = value
        return filled

    questions = torch.cat([one[0] for one in lists])
    candidates, there, relevance = (torch.cat([fill(one[at]) for one in lists]) for at in (1, 2, 3))
    return questions, candidates, there, relevance


def _step(network: ViewsNetwork, optimizer: torch.optim.Optimizer, batch: _Batch, orthogonality: float) -> None:
    questions, candidates, there, relevance = batch
    scores, anchors = network(questions, candidates, there)
    loss = list_net(scores, relevance) + orthogonality * orthogonal(anchors)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _measure(network: ViewsNetwork, lists: Sequence[_Batch]) -> tuple[float, float]:
    """Mean ListNet loss and nDCG at 10."""
    with torch.inference_mode():
        scores = [network(*one[:3])[0] for one in lists]
        losses = [float(list_net(given, one[3])) for given, one in zip(scores, lists, strict=True)]
    return float(np.mean(losses)), _mean_ndcg([(given[0], one[3][0]) for given, one in zip(scores, lists, strict=True)])


def _mean_ndcg(lists: Sequence[tuple[Tensor, Tensor]]) -> float:
    return float(np.mean([ndcg(scores.numpy(), relevance.numpy()) for scores, relevance in lists]))


def _weights(network: ViewsNetwork) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
