"""Train the projector of :class:`foveate.rerankers.compressed.CompressedListwise`; language model and encoder stay.

PE-Rank (Liu et al. 2024) first aligns the projector by reconstructing texts, then trains it and the language model on
lists. Here the model is frozen and small, so the question goes in as a token of its own beside its words, and one
stage on lists is all. SmolLM2-135M took 43 s for 32 lists of five candidates and two epochs on a busy core.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from foveate.errors import CallerError
from foveate.rerankers.encoded import EncodesText, encoded
from foveate.rerankers.engine import Engine
from foveate.rerankers.heads import Head, HeadReport
from foveate.rerankers.lora.bases import base_digest, base_folder
from foveate.rerankers.projector import CompressedModel, Projector, list_mle
from foveate.rerankers.ranked_lists import RankedList, ndcg, split_lists

__all__ = ["train_compressed"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Example:
    question: str
    asked: Tensor
    """[d]."""
    shown: Tensor
    """[n, d]."""
    relevance: Tensor
    """[n]."""


def train_compressed(
    lists: Sequence[RankedList],
    encoder: EncodesText,
    out: Path,
    *,
    model: str | Path = "smollm2",
    hidden: int = 256,
    epochs: int = 30,
    patience: int = 5,
    held_out: float = 0.2,
    learning_rate: float = 3e-3,
    batch: int = 16,
    seed: int = 0,
) -> HeadReport:
    """Fit the projector with ListMLE; keep the weights of the best epoch.

    Candidates are shown in a new order each time, so that none is learnt by its place.

    Args:
        lists: of two different questions or more; those with equally many candidates are computed together.
        encoder: its vectors are read; it is not trained.
        out: a ``.safetensors`` file.
        model: a folder, or the name of a fetched model.
        hidden: numbers between the projector's layers.
        epochs: the most.
        patience: epochs without a lower held-out loss, after which it ends.
        held_out: share of the questions that only choose the epoch and give the figures.
        learning_rate: of AdamW.
        batch: lists a step.
        seed: of the weights, the split and the orders.

    Raises:
        CallerError: too few questions, a number that is too small, or a list that exceeds the context.
    """
    if min(hidden, epochs, patience, batch) < 1:
        raise CallerError("hidden, epochs, patience and batch must be 1 or more")
    kept, held = split_lists(lists, held_out, seed)
    folder = model if isinstance(model, Path) else base_folder(model)
    training, testing = _encoded(kept, encoder), _encoded(held, encoder)
    chance = torch.Generator().manual_seed(seed)
    compressed = _begin(folder, encoder.dim, hidden, seed)
    projector = compressed.projector
    trained = [value for value in projector.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=0.01)
    untrained = _measure(compressed, testing, batch, seed)
    best, since = (*untrained, 0, _weights(projector)), 0
    for epoch in range(1, epochs + 1):
        for part in _batches(training, batch, chance):
            loss = _loss(compressed, part, chance)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
        loss_now, quality = _measure(compressed, testing, batch, seed)
        _log.info("epoch %d: held-out loss %.4f, nDCG %.4f", epoch, loss_now, quality)
        since += 1
        if loss_now < best[0]:
            best, since = (loss_now, quality, epoch, _weights(projector)), 0
        if since == patience:
            break
    report = HeadReport(
        questions=len({one.question for one in lists}),
        held_out=len({one.question for one in held}),
        epochs=best[2],
        loss=best[0],
        ndcg_cosine=_mean([ndcg(one.shown @ one.asked, one.relevance) for one in testing]),
        ndcg_untrained=untrained[1],
        ndcg=best[1],
    )
    Head(
        kind="compressed",
        tensors=best[3],
        encoder=encoder.fingerprint,
        base=base_digest(folder),
        settings=projector.settings,
        report=report.to_dict(),
    ).save(out)
    return report


def _begin(folder: Path, dim: int, hidden: int, seed: int) -> CompressedModel:
    engine = Engine(folder, folder.name, cached_prompts=0, cache_bytes=0)
    engine.model.requires_grad_(False)
    rows = engine.model.get_input_embeddings().weight
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        projector = Projector(dim=dim, hidden=hidden, size=rows.shape[1])
    projector.length.fill_(float(rows.norm(dim=1).mean()))
    return CompressedModel(engine, projector)


def _encoded(lists: Sequence[RankedList], encoder: EncodesText) -> list[_Example]:
    rows = torch.from_numpy(encoded(encoder, [text for one in lists for text in (one.question, *one.texts)]))
    made, start = [], 0
    for one in lists:
        end = start + 1 + len(one.texts)
        relevance = torch.tensor(one.relevance, dtype=torch.float32)
        made.append(
            _Example(question=one.question, asked=rows[start], shown=rows[start + 1 : end], relevance=relevance)
        )
        start = end
    return made


def _batches(examples: Sequence[_Example], size: int, chance: torch.Generator) -> Iterator[list[_Example]]:
    """Examples with equally many candidates together, in a random order."""
    shuffled = [examples[int(at)] for at in torch.randperm(len(examples), generator=chance)]
    shuffled.sort(key=lambda one: len(one.shown))
    for _, group in groupby(shuffled, key=lambda one: len(one.shown)):
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _loss(compressed: CompressedModel, examples: Sequence[_Example], chance: torch.Generator) -> Tensor:
    """Of candidates in a random order, of which the best is named first."""
    places = [torch.randperm(len(one.shown), generator=chance) for one in examples]
    shown = torch.stack([one.shown[place] for one, place in zip(examples, places, strict=True)])  # [b, n, d]
    relevance = torch.stack([one.relevance[place] for one, place in zip(examples, places, strict=True)])
    orders = relevance.argsort(dim=1, descending=True, stable=True)
    asked = torch.stack([one.asked for one in examples])
    scores = compressed.scores([one.question for one in examples], asked, shown, orders)
    return list_mle(scores, relevance, orders)


def _measure(compressed: CompressedModel, examples: Sequence[_Example], size: int, seed: int) -> tuple[float, float]:
    """Mean loss, the same random orders each time, and nDCG at 10 of what is decoded."""
    chance = torch.Generator().manual_seed(seed)
    losses, qualities = [], []
    with torch.inference_mode():
        for part in _batches(examples, size, chance):
            losses += [float(_loss(compressed, part, chance))] * len(part)
    for one in examples:
        place = torch.randperm(len(one.shown), generator=chance)
        order, _ = compressed.order(one.question, one.asked.numpy(), one.shown[place].numpy())
        scores = torch.empty(len(order))
        scores[place[torch.tensor(order)]] = -torch.arange(len(order), dtype=torch.float32)
        qualities.append(ndcg(scores, one.relevance))
    return _mean(losses), _mean(qualities)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _weights(projector: Projector) -> dict[str, np.ndarray]:
    # A copy: the tensors go on changing.
    return {name: np.array(value.detach().numpy()) for name, value in projector.state_dict().items()}
