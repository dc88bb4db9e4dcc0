"""The network of :mod:`foveate.rerankers.multiview`: relevance vectors, anchors, scores.

Letters: b lists, n candidates, d size of the encoder's vectors, m views, w size of a view.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import ModelError

__all__ = ["ViewsNetwork", "list_net", "network_of", "orthogonal"]


class ViewsNetwork(nn.Module):
    """Multi-view scoring (MVP, Na et al., EMNLP 2025) over an encoder's vectors.

    MVP reads question and passage with a T5 encoder that has one extra token a view; here a two-layer network reads
    both vectors, their product, their distance and their cosine. The rest is as published: from each view's vectors
    of all candidates attention makes one anchor, and a candidate scores by its inner products with the anchors, in
    one step. Nothing knows a candidate's place, so that a permuted list gives permuted scores.
    """

    def __init__(self, *, dim: int, views: int, width: int, hidden: int) -> None:
        super().__init__()
        self.settings = {"dim": dim, "views": views, "width": width, "hidden": hidden}
        self.read = nn.Sequential(nn.Linear(4 * dim + 1, hidden), nn.GELU(), nn.Linear(hidden, views * width))
        self.even = nn.LayerNorm(width)
        self.ask = nn.Parameter(torch.randn(views, width) / width**0.5)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.even_anchor = nn.LayerNorm(width)

    def forward(self, questions: Tensor, candidates: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [b, n], -inf where nobody stands, and anchors [b, m, w].

        Args:
            questions: [b, d].
            candidates: [b, n, d], filled up with anything.
            there: [b, n], True for a candidate.
        """
        views = self._relevance(questions, candidates)  # [b, n, m, w]
        width = views.shape[-1]
        weights = torch.einsum("mw,bnmw->bnm", self.ask, self.key(views)) / width**0.5
        shares = weights.masked_fill(~there[..., None], -torch.inf).softmax(1)  # [b, n, m]
        pooled = torch.einsum("bnm,bnmw->bmw", shares, self.value(views))
        anchors = self.even_anchor(self.ask + pooled)  # [b, m, w]
        scores = torch.einsum("bmw,bnmw->bn", anchors, views) / (width**0.5 * len(self.ask))
        return scores.masked_fill(~there, -torch.inf), anchors

    def _relevance(self, questions: Tensor, candidates: Tensor) -> Tensor:
        # Numbers of a unit vector are about 1 / sqrt(d); layers are made for numbers about 1.
        scale = questions.shape[-1] ** 0.5
        asked = (questions * scale)[:, None].expand_as(candidates)  # [b, n, d]
        shown = candidates * scale
        product = asked * shown
        joined = torch.cat([asked, shown, product, (asked - shown).abs(), product.mean(-1, keepdim=True)], -1)
        views = self.read(joined).unflatten(-1, self.ask.shape)  # [b, n, m, w]
        even: Tensor = self.even(views)
        return even


def list_net(scores: Tensor, relevance: Tensor) -> Tensor:
    """ListNet (Cao et al., ICML 2007), mean over lists, in nats: cross-entropy of the top-one probabilities.

    The target gives a candidate its share of the list's relevance.

    Args:
        scores: [b, n], -inf where nobody stands.
        relevance: [b, n], 0 where nobody stands.
    """
    target = relevance / relevance.sum(1, keepdim=True)
    logs = scores.log_softmax(1)
    # 0 * -inf is NaN: what has no share says nothing.
    return -torch.where(target > 0, target * logs, 0.0).sum(1).mean()


def orthogonal(anchors: Tensor) -> Tensor:
    """Mean squared cosine between different anchors, in [0, 1]; 0 for a single view.

    Args:
        anchors: [b, m, w].
    """
    unit = nn.functional.normalize(anchors, dim=-1)
    cosines = unit @ unit.transpose(1, 2)  # [b, m, m]
    count = anchors.shape[1]
    apart = cosines - torch.eye(count)
    return (apart**2).sum() / max(1, len(anchors) * count * (count - 1))


def network_of(settings: Mapping[str, int], tensors: Mapping[str, NDArray[np.float32]]) -> ViewsNetwork:
    """The network with these weights.

    Raises:
        ModelError: sizes and tensors do not fit each other.
    """
    try:
        # Without memory of its own until the shapes are known to fit: a file may claim any size.
        with torch.device("meta"):
            network = ViewsNetwork(**settings)
        network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in tensors.items()}, assign=True)
    except (TypeError, RuntimeError, ValueError) as error:
        raise ModelError(f"a multi-view head does not fit its sizes {dict(settings)!r}: {error!s:.200}") from error
    return network.eval()
