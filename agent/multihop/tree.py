"""A tree of beginnings, and which of them to look into next."""

import math
from dataclasses import dataclass, field

__all__ = ["Node", "Walk", "backpropagate", "close", "select"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """A beginning of a sentence, as tokens, and how likely the model took its turns."""

    path: tuple[int, ...] = ()
    logshare: float = 0.0
    """Sum of natural logarithms of the shares of its turns; tokens without an alternative are no turns."""
    turns: int = 0

    @property
    def likelihood(self) -> float:
        """Geometric mean of the shares, in [0, 1]; 1 where there was nothing to choose."""
        return math.exp(self.logshare / self.turns) if self.turns else 1.0


@dataclass(kw_only=True, slots=True, eq=False)
class Node:
    """A beginning in the tree."""

    walk: Walk
    prior: float
    """The model's share for it among its siblings, in [0, 1]."""
    ends: bool = False
    """Whether it names what it leads to, so that nothing is to be chosen after it."""
    parent: "Node | None" = field(default=None, repr=False)
    children: "list[Node] | None" = field(default=None, repr=False)
    """None until it was looked into."""
    visits: int = 0
    total: float = 0.0
    """Of the values that came back through it."""
    closed: bool = False
    """Whether everything below it was seen."""

    @property
    def mean(self) -> float:
        """Mean value, 0 before the first."""
        return self.total / self.visits if self.visits else 0.0


def select(root: Node, c: float) -> Node | None:
    """The beginning to look into next, None when all was seen.

    UCT with the model's share as prior (PUCT: Rosin, AMAI 2011; Silver et al., Nature 2017): mean value plus
    ``c * prior * sqrt(visits of the parent) / (1 + visits)``; ties go to the likelier, then to the smaller path.
    """
    node = root
    while not node.closed:
        if node.children is None:
            return node
        reach = c * math.sqrt(max(node.visits, 1))
        node = min(
            (child for child in node.children if not child.closed),
            key=lambda child: (-child.mean - reach * child.prior / (1 + child.visits), -child.prior, child.walk.path),
        )
    return None


def backpropagate(node: Node, value: float) -> None:
    """Count a value for a beginning and all it begins with."""
    at: Node | None = node
    while at is not None:
        at.visits += 1
        at.total += value
        at = at.parent


def close(node: Node) -> None:
    """Never choose this one again, nor what has nothing else below it."""
    at: Node | None = node
    while at is not None and (at is node or all(child.closed for child in at.children or ())):
        at.closed = True
        at = at.parent
