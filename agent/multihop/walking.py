"""Monte Carlo tree search over a collection's own sentences: a model writes their beginnings, token by token.

After FREESON's corpus-traversing search (Kim and Lee, "Retriever-Free Retrieval-Augmented Reasoning via
Corpus-Traversing MCTS", 2025). A model on a CPU reads many tokens in the time it writes one, hence all children of a
beginning are followed side by side, tokens without an alternative are not asked for, and a walk ends as soon as it is
clear which chunks it leads to.
"""

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from foveate.agent.multihop.tree import Node, Walk, backpropagate, close, select
from foveate.errors import CallerError
from foveate.rerankers.constrained import Constrained, Continuation
from foveate.rerankers.protocols import Message
from foveate.retrievers.multihop.corpus import Corpus

__all__ = ["Limits", "Reached", "Walking"]

_MANY = 32
"""Sentences beyond which it is not even looked whether they stand in a few chunks."""

Judge = Callable[[Mapping[str, float]], Awaitable[Mapping[str, float]]]
"""Chunk ids with the likelihood of the walk there -> values in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a search goes."""

    rollouts: int = 6
    """Beginnings looked into, per hop; each is followed with all its children."""
    branch: int = 6
    """Children of a beginning: the likeliest tokens."""
    length: int = 16
    """Tokens of a walk at most."""
    few: int = 2
    """A walk ends when it is down to so many chunks."""
    c: float = 1.0
    """Weight of exploring in UCT; 0 goes by the values alone."""
    temperature: float = 0.0
    """0 follows the likeliest token and is reproducible; above, tokens are drawn with ``seed``."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rollouts", "branch", "length", "few"):
            if getattr(self, name) < 1:
                raise CallerError(f"{name} is {getattr(self, name)!r}; allowed are whole numbers from 1")
        for name in ("c", "temperature"):
            if not 0 <= getattr(self, name) < math.inf:
                raise CallerError(f"{name} is {getattr(self, name)!r}; allowed are numbers from 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A chunk that a walk led to."""

    chunk_id: str
    char: int
    """Where the sentence walked along begins in the text that was indexed, in characters."""
    walk: Walk
    value: float


class Walking:
    """One search. Deterministic at temperature 0, and with a seed above."""

    def __init__(
        self,
        corpus: Corpus,
        model: Constrained,
        messages: Sequence[Message],
        *,
        judge: Judge,
        over: Callable[[], bool],
        limits: Limits,
    ) -> None:
        """Prepare.

        Args:
            corpus: what may be written.
            model: who writes.
            messages: what it is asked.
            judge: values chunks; asked about each chunk once.
            over: whether time is up; asked before each call of the model.
            limits: of this search.
        """
        self._corpus = corpus
        self._model = model
        self._messages = messages
        self._judge = judge
        self._over = over
        self._limits = limits
        self._chance = random.Random(limits.seed)
        self._known: dict[tuple[int, ...], list[Continuation]] = {}
        self._reached: dict[str, Reached] = {}
        self._values: dict[str, float] = {}
        self.tokens = 0
        """That the model read along paths."""

    async def run(self) -> list[Reached]:
        """Chunks reached, best value first, ties by id; each once, with its likeliest walk."""
        root = Node(walk=Walk(), prior=1.0)
        if not self._corpus.allowed((), opening=True):
            return []
        for _ in range(self._limits.rollouts):
            node = select(root, self._limits.c)
            if node is None or self._over():
                break
            await self._look_into(node)
        valued = [replace(one, value=self._values[one.chunk_id]) for one in self._reached.values()]
        return sorted(valued, key=lambda one: (-one.value, one.chunk_id))

    async def _look_into(self, node: Node) -> None:
        """Expansion, simulation of every child, values, and back."""
        node.children = await self._children(node)
        open_ends = [child for child in node.children if not child.ends]
        walks = dict(zip(map(id, open_ends), await self._follow([one.walk for one in open_ends]), strict=True))
        places = [self._places(child, walks.get(id(child))) for child in node.children]
        await self._value(places)
        for child, reached in zip(node.children, places, strict=True):
            backpropagate(child, max((self._values[one.chunk_id] for one in reached), default=0.0))
            if child.ends:
                close(child)

    async def _children(self, node: Node) -> list[Node]:
        options = (await self._options([node.walk.path]))[0][: self._limits.branch]
        made = []
        for option in options:
            walk = self._forced(_turn(node.walk, option, len(options)))
            made.append(Node(walk=walk, prior=option.share, ends=self._ends(walk.path), parent=node))
        # A text may end where another goes on: "cat" and "cat on a mat".
        if node.walk.path and self._corpus.ended(node.walk.path, limit=1):
            made.append(Node(walk=node.walk, prior=1.0 / (1 + len(made)), ends=True, parent=node))
        return made

    async def _follow(self, walks: list[Walk]) -> list[Walk]:
        """Each walk to its end, all of them a token at a time."""
        while (going := [at for at, walk in enumerate(walks) if not self._ends(walk.path)]) and not self._over():
            for at, options in zip(going, await self._options([walks[at].path for at in going]), strict=True):
                walks[at] = self._forced(_turn(walks[at], self._pick(options), len(options)))
        return walks

    async def _options(self, paths: Sequence[tuple[int, ...]]) -> list[list[Continuation]]:
        """What may follow each path, likeliest first; asked for once."""
        fresh = [path for path in dict.fromkeys(paths) if path not in self._known]
        if fresh:
            allowed = [list(self._corpus.allowed(path, opening=True)) for path in fresh]
            found = await self._model.continuations(self._messages, fresh, allowed)
            self.tokens += sum(len(path) + 1 for path in fresh)
            self._known |= zip(fresh, found, strict=True)
        return [self._known[path] for path in paths]

    def _pick(self, options: Sequence[Continuation]) -> Continuation:
        if not self._limits.temperature:
            return options[0]
        best = options[0].logprob
        weights = [math.exp((one.logprob - best) / self._limits.temperature) for one in options]
        return self._chance.choices(options, weights)[0]

    def _forced(self, walk: Walk) -> Walk:
        """The walk, with the tokens that have no alternative."""
        while not self._ends(walk.path):
            allowed = self._corpus.allowed(walk.path, opening=True)
            if len(allowed) != 1 or self._corpus.ended(walk.path, limit=1):
                break
            walk = replace(walk, path=(*walk.path, *allowed))
        return walk

    def _ends(self, path: tuple[int, ...]) -> bool:
        if len(path) >= self._limits.length:
            return True
        if not path:
            return False
        if not self._corpus.allowed(path, opening=True):
            return True
        if self._corpus.count(path, opening=True) > _MANY:
            return False
        return len({name for name, _ in self._corpus.sentences(path)}) <= self._limits.few

    def _places(self, child: Node, followed: Walk | None) -> list[Reached]:
        """Where a child led to: at most ``few`` chunks."""
        walk = followed or child.walk
        if child.parent and walk.path == child.parent.walk.path:
            places = self._corpus.ended(walk.path, limit=_MANY)
        else:
            places = self._corpus.sentences(walk.path, limit=_MANY)
        first: dict[str, Reached] = {}
        for name, char in places:
            if len(first) < self._limits.few or name in first:
                first.setdefault(name, Reached(chunk_id=name, char=char, walk=walk, value=0.0))
        for name, one in first.items():
            known = self._reached.get(name)
            if known is None or one.walk.likelihood > known.walk.likelihood:
                self._reached[name] = one
        return list(first.values())

    async def _value(self, places: Sequence[Sequence[Reached]]) -> None:
        fresh = {
            one.chunk_id: one.walk.likelihood for some in places for one in some if one.chunk_id not in self._values
        }
        if fresh:
            found = await self._judge(fresh)
            self._values |= {name: found.get(name, 0.0) for name in fresh}


def _turn(walk: Walk, option: Continuation, options: int) -> Walk:
    path = (*walk.path, option.token)
    if options == 1:
        return replace(walk, path=path)
    return Walk(path=path, logshare=walk.logshare + math.log(max(option.share, 1e-30)), turns=walk.turns + 1)
