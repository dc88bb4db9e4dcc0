"""Passages as single tokens of a language model: a projector, the prompt around them, decoding that only names them.

Letters: b lists, n candidates, d size of the encoder's vectors, s size of the model's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from foveate.errors import CallerError, ModelError
from foveate.rerankers.engine import Engine, Halted
from foveate.rerankers.layouts import Layout, Module
from foveate.rerankers.sharing import common
from foveate.usage import Usage

__all__ = ["COMPRESSED", "CompressedModel", "Projector", "list_mle", "projector_of", "turn_end"]

COMPRESSED = Layout(
    stage="compressed",
    modules=(
        Module(
            name="instructions",
            role="system",
            text="Rank the candidates, one token each, by how well they match the query, best first.",
            shared_by="stage",
        ),
        Module(name="question", role="user", text="Query: {question}", shared_by="question"),
        # The candidates' tokens follow, then the end of the turn.
        Module(name="candidates", role="user", text="Candidates:", shared_by="nothing"),
    ),
)


class Projector(nn.Module):
    """Two layers from an encoder's vector to an input embedding of the language model (PE-Rank, Liu et al. 2024).

    Rows leave with the mean length of the model's own embeddings, so that a frozen model meets nothing it does not
    know the size of. A learnt shift tells the question's token from the candidates'.
    """

    def __init__(self, *, dim: int, hidden: int, size: int) -> None:
        super().__init__()
        self.settings = {"dim": dim, "hidden": hidden, "size": size}
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, size))
        self.asked = nn.Parameter(torch.zeros(hidden))
        self.scale = nn.Parameter(torch.ones(()))
        self.length = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, rows: Tensor, *, question: bool = False) -> Tensor:
        """[..., d] vectors -> [..., s] embeddings."""
        # Numbers of a unit vector are about 1 / sqrt(d); layers are made for numbers about 1.
        inner = self.layers[0](rows * rows.shape[-1] ** 0.5)
        outer = self.layers[2](self.layers[1](inner + self.asked if question else inner))
        return nn.functional.normalize(outer, dim=-1) * self.length


class CompressedModel:
    """A frozen language model and a projector. Blocking; one thread at a time."""

    def __init__(self, engine: Engine, projector: Projector) -> None:
        """Put them together.

        Raises:
            ModelError: the projector was made for embeddings of another size.
        """
        size = engine.model.get_input_embeddings().weight.shape[1]
        if projector.settings["size"] != size:
            raise ModelError(f"the projector makes {projector.settings['size']} numbers; {engine.name!r} takes {size}")
        self.engine = engine
        self.projector = projector
        self._base: Any = engine.model.base_model
        self._tail = turn_end(engine)

    def order(
        self,
        question: str,
        asked: NDArray[np.float32],
        shown: NDArray[np.float32],
        halted: Callable[[], bool] = lambda: False,
    ) -> tuple[list[int], Usage]:
        """Name the candidates one by one, best first: dynamic constrained decoding (Liu et al. 2024).

        One prompt, then a step of one token each. The next one is, of those not yet named, the one whose embedding
        has the largest inner product with the model's last state; so every answer is a permutation.

        Args:
            question: also in words.
            asked: (d), the question's vector.
            shown: (n, d), the candidates' vectors.
            halted: looked at before each step.

        Returns:
            A permutation of ``range(n)``, and what it cost.

        Raises:
            CallerError: all together do not fit into the context.
            ModelError: the model gave a number that is none.
            Halted: ``halted`` said so.
        """
        head = self._head(question, len(shown))
        with torch.inference_mode():
            passages = self.projector(torch.from_numpy(shown))  # [n, s]
            ask = self.projector(torch.from_numpy(asked)[None], question=True)  # [1, s]
            inputs = torch.cat([self._embed(head), passages, self._embed(self._tail), ask])
            cache = DynamicCache(config=self.engine.model.config)
            order: list[int] = []
            free = torch.ones(len(shown), dtype=torch.bool)
            step = inputs
            while len(order) < len(shown):
                if halted():
                    raise Halted
                state = self._forward(step[None], cache)[0, -1]  # [s]
                scores = (passages @ state * self.projector.scale).masked_fill(~free, -torch.inf)
                if not scores[free].isfinite().all():
                    raise ModelError(f"model {self.engine.name!r} gave a score that is no number")
                order.append(int(scores.argmax()))
                free[order[-1]] = False
                if len(order) == len(shown) - 1:
                    # The last one needs no question.
                    order.append(int(free.nonzero()))
                step = passages[order[-1]][None]
        return order, Usage(tokens_in=len(inputs), tokens_out=len(order))

    def scores(self, questions: Sequence[str], asked: Tensor, shown: Tensor, orders: Tensor) -> Tensor:
        """Scores of all candidates at each step, the right ones fed back (teacher forcing), in one pass.

        Args:
            questions: b of them.
            asked: [b, d].
            shown: [b, n, d].
            orders: [b, n], the order whose steps are looked at.

        Returns:
            [b, n, n]: list, step, candidate; -inf for what was named before.
        """
        heads = [self._head(question, shown.shape[1]) for question in questions]
        cache, mask, starts = self._beginnings(heads)
        passages = self.projector(shown)  # [b, n, s]
        count = passages.shape[1]
        fed = passages.gather(1, orders[:, :-1, None].expand(-1, -1, passages.shape[2]))  # [b, n - 1, s]
        tail = self._embed(self._tail).expand(len(heads), -1, -1)
        rest = torch.cat([passages, tail, self.projector(asked, question=True)[:, None], fed], 1)  # [b, r, s]
        width = rest.shape[1]
        states = self._forward(
            rest,
            cache,
            attention_mask=torch.cat([mask, mask.new_ones(len(heads), width)], 1),
            position_ids=starts[:, None] + torch.arange(width),
        )[:, -count:]  # [b, n, s]
        scores: Tensor = states @ passages.transpose(1, 2) * self.projector.scale  # [b, step, candidate]
        places = orders.argsort(1)  # [b, n]: when each is named
        named = places[:, None, :] < torch.arange(count)[None, :, None]
        return scores.masked_fill(named, -torch.inf)

    def _head(self, question: str, count: int) -> list[int]:
        whole = self.engine.prompt.encode(COMPRESSED.messages({"question": question}))
        head = whole[: len(whole) - len(self._tail)]
        if whole[len(head) :] != self._tail:
            raise ModelError(f"the chat template of {self.engine.name!r} ends a turn in a way that is not known")
        # All candidates, the question, and all of the reply but its last.
        needed = len(whole) + 2 * count
        if needed > self.engine.context:
            raise CallerError(
                f"the question and {count} candidates take {needed} tokens; model {self.engine.name!r} holds "
                f"{self.engine.context}: ask shorter, or rank fewer"
            )
        return head

    def _beginnings(self, heads: Sequence[Sequence[int]]) -> tuple[DynamicCache, Tensor, Tensor]:
        """Keys and values of prompts up to the candidates, padded on the left: no gradient goes through them."""
        width = max(map(len, heads))
        padded = torch.tensor([[0] * (width - len(head)) + list(head) for head in heads])
        starts = torch.tensor([len(head) for head in heads])
        mask = (torch.arange(width) >= width - starts[:, None]).long()
        cache = DynamicCache(config=self.engine.model.config)
        with torch.no_grad():
            places = (mask.cumsum(1) - 1).clamp(min=0)
            self._forward(self._rows(padded), cache, attention_mask=mask, position_ids=places)
        return cache, mask, starts

    def _embed(self, tokens: Sequence[int]) -> Tensor:
        return self._rows(torch.tensor(list(tokens), dtype=torch.long))

    def _rows(self, tokens: Tensor) -> Tensor:
        rows: Tensor = self.engine.model.get_input_embeddings()(tokens).detach()
        return rows

    def _forward(self, embeddings: Tensor, cache: DynamicCache, **options: Any) -> Tensor:
        try:
            out = self._base(inputs_embeds=embeddings, past_key_values=cache, use_cache=True, **options)
        except (RuntimeError, IndexError) as error:
            raise ModelError(f"model {self.engine.name!r} failed: {str(error)[:300]}") from error
        states: Tensor = out.last_hidden_state
        return states


def list_mle(scores: Tensor, relevance: Tensor, orders: Tensor) -> Tensor:
    """ListMLE (Xia et al., ICML 2008): mean cross-entropy of naming a best one of those that remain, in nats.

    Of equally relevant ones any will do, so their probabilities add up; steps where all that remain are alike do not
    count. Without ties it is the published loss, a step.

    Args:
        scores: [b, step, candidate], -inf for what was named before.
        relevance: [b, n].
        orders: [b, n], by falling relevance.
    """
    sorted_relevance = relevance.gather(1, orders)  # [b, step]
    best = relevance[:, None, :] == sorted_relevance[:, :, None]  # [b, step, candidate]
    chances = scores.log_softmax(-1).masked_fill(~best, -torch.inf).logsumexp(-1)  # [b, step]
    counts = sorted_relevance > relevance.min(1, keepdim=True).values
    return -chances[counts].mean()


def projector_of(settings: Mapping[str, int], tensors: Mapping[str, NDArray[np.float32]]) -> Projector:
    """The projector with these weights.

    Raises:
        ModelError: sizes and tensors do not fit each other.
    """
    try:
        # Without memory of its own until the shapes are known to fit: a file may claim any size.
        with torch.device("meta"):
            projector = Projector(**settings)
        copies = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
        projector.load_state_dict(copies, assign=True)
    except (TypeError, RuntimeError, ValueError) as error:
        raise ModelError(f"a projector does not fit its sizes {dict(settings)!r}: {error!s:.200}") from error
    return projector.eval()


def turn_end(engine: Engine) -> list[int]:
    """Tokens that close the user's turn and open the reply: what prompts of different texts end with."""
    *before, last = COMPRESSED.messages({"question": "q"})
    one = engine.prompt.encode([*before, last])
    other = engine.prompt.encode([*before, replace(last, text=f"{last.text} x")])
    return one[len(one) - common(one[::-1], other[::-1]) :]
