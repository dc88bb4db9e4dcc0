"""Does the evidence say that the claim is true? One word of a language model, by its log-probabilities.

Nothing is written: each pair is read once, and the three words are weighed against each other. In process the whole
words count, exactly; of a served model the first token and what could have stood there.
"""

import math
from collections.abc import Sequence
from functools import partial

from foveate.errors import CallerError, ModelError, ServiceError
from foveate.rerankers.choices import ScoresOptions
from foveate.rerankers.protocols import ChatModel, Message, Reply, Sampling
from foveate.rerankers.reasoning.entailment import Entailment
from foveate.rerankers.reasoning.prompts import VERDICTS, verify_prompt
from foveate.rerankers.reasoning.verdict_scale import VerdictScale
from foveate.rerankers.together import together
from foveate.rerankers.yesno import TOP, log_sum
from foveate.usage import Usage

__all__ = ["Verifier", "verdict_of"]

_ONE_TOKEN = Sampling(max_tokens=1, top_logprobs=TOP)
# Servers and tokenizers write a leading space in three ways.
_SPACES = " \n\t\u2581\u0120"
_ROUNDING = 1e-3


class Verifier:
    """Claims against evidence, a pair at a time: no pair changes what is said of another.

    Prompts are those of :func:`foveate.rerankers.reasoning.prompts.verify_prompt`. The evidence is data: an
    instruction in it can at most move the three probabilities.
    """

    def __init__(self, chat: ChatModel, scale: VerdictScale | None = None, *, concurrency: int = 8) -> None:
        """Wrap ``chat``; nothing is sent yet.

        Args:
            chat: in process or served; served ones must give log-probabilities.
            scale: makes its probabilities mean what they say.
            concurrency: requests under way at once; a model in process is asked one by one, so that its kept prompt is
                still there for the second look.

        Raises:
            CallerError: fewer than one request at once, or a scale of another model.
        """
        if concurrency < 1:
            raise CallerError(f"concurrency is {concurrency!r}; allowed are whole numbers from 1")
        if scale is not None:
            scale.check(chat.name)
        self.name = chat.name
        self._chat = chat
        self._scale = scale
        self._concurrency = 1 if isinstance(chat, ScoresOptions) else concurrency

    def __repr__(self) -> str:
        return f"Verifier({self.name!r}{'' if self._scale is None else ', calibrated'})"

    async def verify(self, pairs: Sequence[tuple[str, str]]) -> list[Entailment]:
        """One entailment a pair, in order; pairs that are given twice are asked once and cost nothing again.

        Args:
            pairs: (claim, evidence). Evidence without a word is neutral and not asked.

        Raises:
            CallerError: an empty claim, or a pair that exceeds the model's context.
            ModelError: the model gives no numbers.
            ServiceError: a served model failed, or gave no usable log-probabilities.
        """
        if empty := [place for place, (claim, _) in enumerate(pairs) if not claim.strip()]:
            raise CallerError(f"pair {empty[0]}: the claim is empty")
        # Evidence that follows itself shares its part of the prompt with the claim before.
        fresh = sorted({pair for pair in pairs if pair[1].strip()}, key=lambda pair: (pair[1], pair[0]))
        asked = await together([partial(self._verify, claim, text) for claim, text in fresh], self._concurrency)
        known, told, found = dict(zip(fresh, asked, strict=True)), set(), []
        for pair in pairs:
            one = known.get(pair, _NOTHING)
            found.append(_free(one) if pair in told else one)
            told.add(pair)
        return found

    async def _verify(self, claim: str, evidence: str) -> Entailment:
        prompt = verify_prompt(claim, evidence)
        reply = await self._chat.chat(prompt, _ONE_TOKEN)
        said = await self._scored(prompt) if isinstance(self._chat, ScoresOptions) else _read(reply, self.name)
        if said is None:
            return Entailment(entailed=math.nan, contradicted=math.nan, neutral=math.nan, usage=reply.usage)
        return verdict_of(said, self._scale, reply.usage)

    async def _scored(self, prompt: Sequence[Message]) -> tuple[float, ...]:
        assert isinstance(self._chat, ScoresOptions)
        scores = await self._chat.score(prompt, VERDICTS)
        if not all(math.isfinite(score) for score in scores):
            raise ModelError(f"model {self.name!r} gave the log-probabilities {scores!r} to {VERDICTS!r}")
        return tuple(scores)


def verdict_of(logprobs: Sequence[float], scale: VerdictScale | None = None, usage: Usage | None = None) -> Entailment:
    """Three log-probabilities, in the order of the labels, as probabilities that sum to 1; calibrated by ``scale``."""
    top = max(logprobs)
    shares = [math.exp(value - top) for value in logprobs]
    total = sum(shares)
    raw = Entailment(
        entailed=shares[0] / total,
        contradicted=shares[1] / total,
        neutral=shares[2] / total,
        usage=usage or Usage(),
    )
    return raw if scale is None else scale(raw)


_NOTHING = Entailment(entailed=0.0, contradicted=0.0, neutral=1.0)


def _free(one: Entailment) -> Entailment:
    return Entailment(entailed=one.entailed, contradicted=one.contradicted, neutral=one.neutral)


def _read(reply: Reply, name: str) -> tuple[float, ...] | None:
    """Log-probabilities of the words by the tokens they begin with; None where none of them is named.

    A word beyond the named tokens gets the probability of the last of them, the most it can have.
    """
    if not reply.logprobs or not reply.logprobs[0].top:
        raise ServiceError(f"model {name!r} replied without log-probabilities; verifying needs top_logprobs")
    first = reply.logprobs[0]
    # The token that was taken may be missing among the alternatives of some servers.
    shares = dict([*first.top, (first.token, first.logprob)])
    for token, value in shares.items():
        if math.isnan(value) or value > _ROUNDING:
            raise ServiceError(f"model {name!r} gave token {token!r} the log-probability {value!r}")
    finite = {token: value for token, value in shares.items() if math.isfinite(value)}
    sums = [[value for token, value in finite.items() if _begins(word, token)] for word in VERDICTS]
    if not any(sums):
        return None
    floor = min(finite.values())
    return tuple(log_sum(values) if values else floor for values in sums)


def _begins(word: str, token: str) -> bool:
    # The three words differ in their first letter, so no token begins two of them.
    start = token.strip(_SPACES).casefold()
    return bool(start) and word.startswith(start)
