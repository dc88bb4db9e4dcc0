"""A causal language model in this process: prefill, decoding, scoring. Blocking; one thread at a time.

Own loops instead of ``model.generate``: they reuse the keys and values of shared prompt beginnings, can be
halted between tokens, and give natural log-probabilities.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from foveate.errors import CallerError, ModelError
from foveate.rerankers.decoding import TextAssembler
from foveate.rerankers.folders import check_folder
from foveate.rerankers.judging import NextTokens, answer_logprobs
from foveate.rerankers.loading import load_model, load_side
from foveate.rerankers.prefill_rate import PrefillRate
from foveate.rerankers.prefixes import PrefixStore, repeat
from foveate.rerankers.prompts import ChatPrompt
from foveate.rerankers.protocols import Judgement, Message, Reply, Sampling, TokenLogprob
from foveate.rerankers.yesno import AnswerTokens, answer_tokens
from foveate.usage import Usage

__all__ = ["Engine", "Halted"]

# Prompts go in by pieces, so that a cancelled call ends within one: about 1 s of one core for SmolLM2.
# 1,476 tokens took 5.5 to 6.5 CPU seconds in pieces of 128 to 4,096, in no order: the size costs nothing.
_PIECE = 256
# Tokens of options scored in one forward pass; their logits take 4 bytes x vocabulary each (100 MB at 512).
_SCORED_TOKENS = 512


class Halted(Exception):
    """The caller is no longer interested."""


@dataclass(kw_only=True, slots=True)
class _Prefill:
    logits: Tensor
    """[vocabulary], of the token after the prompt."""
    cache: Cache
    cached: int


class Engine:
    """Weights, tokenizer and kept prefixes of one model folder."""

    def __init__(
        self, folder: Path, name: str, *, cached_prompts: int, cache_bytes: int, adapter: Path | None = None
    ) -> None:
        check_folder(folder)
        self.name = name
        tokenizer = load_side(AutoTokenizer, folder)
        self.model = load_model(AutoModelForCausalLM, folder, adapter)
        config = self.model.config.get_text_config()
        layers = DynamicCache(config=config).layers
        if any(type(layer) is not DynamicLayer for layer in layers):
            raise ModelError(
                f"model {name!r} ({config.model_type}) does not keep all tokens in all layers; "
                "it cannot run in this process: serve it with vLLM and use 'openai:MODEL@ADDRESS'"
            )
        self.prompt = ChatPrompt(tokenizer, name)
        self.rate = PrefillRate()
        self.prefixes = PrefixStore(cached_prompts, cache_bytes)
        self._next = NextTokens(self.model, self.prefixes, self._forward)
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self.context: int = config.max_position_embeddings
        self._size: int = config.vocab_size
        ends = self.model.generation_config.eos_token_id
        own_end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self.ends = frozenset([*(ends if isinstance(ends, list) else [ends]), *own_end]) - {None}

    def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        halted: Callable[[], bool],
        emit: Callable[[str], object] = lambda piece: None,
    ) -> Reply:
        """Reply to ``messages``; ``emit`` gets the pieces of text as they become certain."""
        prompt = self._encode(messages)
        with torch.inference_mode():
            begun = self._prefill(prompt, halted)
            text = TextAssembler(self.prompt.decode, sampling.stop)
            picker = _Picker(sampling)
            room = min(sampling.max_tokens, self.context - len(prompt))
            tokens: list[int] = []
            logprobs: list[TokenLogprob] = []
            finish: str | None = None
            for token in self._decode(begun, picker, room, tokens, halted):
                if sampling.top_logprobs:
                    logprobs.append(self._logprob(picker.logits, token, sampling.top_logprobs))
                _emit(emit, text.push(token))
                if text.stopped:
                    finish = "stop"
                    break
            _emit(emit, text.finish())
            self._keep([*prompt, *tokens], begun.cache)
        ended = finish == "stop" or tokens[-1] in self.ends or text.stopped
        usage = self._usage(len(prompt), begun.cached) + Usage(tokens_out=len(tokens))
        return Reply(text=text.text, finish="stop" if ended else "length", usage=usage, logprobs=tuple(logprobs))

    def score(self, messages: Sequence[Message], options: Sequence[str], halted: Callable[[], bool]) -> list[float]:
        """Natural logarithm of the probability that the reply begins with each option."""
        prompt = self._encode(messages)
        rows = [self.prompt.encode_text(option) for option in options]
        for option, row in zip(options, rows, strict=True):
            if not row or len(prompt) + len(row) > self.context:
                raise CallerError(
                    f"option {option!r:.80} has {len(row)} tokens after {len(prompt)} of the prompt; model "
                    f"{self.name!r} scores 1 or more, and holds {self.context}"
                )
        with torch.inference_mode():
            begun = self._prefill(prompt, halted)
            self._keep(prompt, begun.cache)
            first = begun.logits.log_softmax(-1)
            scores = [float(first[row[0]]) for row in rows]
            longer = [at for at, row in enumerate(rows) if len(row) > 1]
            count = max(1, _SCORED_TOKENS // max((len(rows[at]) for at in longer), default=1))
            for start in range(0, len(longer), count):
                if halted():
                    raise Halted
                batch = longer[start : start + count]
                rest = self._score_rest([rows[at] for at in batch], begun.cache)
                for at, value in zip(batch, rest, strict=True):
                    scores[at] += value
        return scores

    def judge(self, prompts: Sequence[Sequence[Message]], halted: Callable[[], bool]) -> list[Judgement]:
        """Whether the reply to each prompt begins with yes or with no, over the whole vocabulary.

        What prompts begin with alike is computed once, and their ends in batches.
        """
        rows = [self._encode(messages) for messages in prompts]

        def check() -> None:
            if halted():
                raise Halted

        with torch.inference_mode():
            seen = self._next.after(rows, self._answers, check)
        made = []
        for row, one in zip(rows, seen, strict=True):
            yes, no = one.values.tolist()
            made.append(Judgement(yes=yes, no=no, usage=self._usage(len(row), one.cached)))
        return made

    @cached_property
    def answers(self) -> AnswerTokens:
        """Tokens that mean yes and no."""
        return answer_tokens(self._vocabulary, self.prompt.encode_text, control=self.prompt.control_ids, name=self.name)

    def next_logprobs(
        self,
        messages: Sequence[Message],
        paths: Sequence[Sequence[int]],
        allowed: Sequence[Sequence[int]],
        halted: Callable[[], bool],
    ) -> list[dict[int, float]]:
        """Log-probability of each allowed token after the prompt and each path; all paths side by side."""
        prompt = self._encode(messages)
        self._check_paths(paths, self.context - len(prompt))
        self._check_tokens(allowed)

        def check() -> None:
            if halted():
                raise Halted

        with torch.inference_mode():
            # The prompt's last token goes with the paths, since an empty path has none of its own.
            ends = [[prompt[-1], *path] for path in paths]
            seen = self._next.beyond(prompt[:-1], ends, lambda logits: logits.log_softmax(-1), check)
        if any(one.values.isnan().any() for one in seen):
            raise ModelError(f"model {self.name!r} gave logits that are no numbers: its weights are damaged")
        picked = [one.values[list(tokens)].tolist() for one, tokens in zip(seen, allowed, strict=True)]
        return [dict(zip(tokens, values, strict=True)) for tokens, values in zip(allowed, picked, strict=True)]

    def _check_paths(self, paths: Sequence[Sequence[int]], room: int) -> None:
        for path in paths:
            if len(path) >= room:
                raise CallerError(
                    f"a path has {len(path)} tokens; after this prompt model {self.name!r} holds {room}, one of them "
                    "for what follows"
                )
        self._check_tokens(paths)

    def _check_tokens(self, rows: Sequence[Sequence[int]]) -> None:
        if bad := [token for row in rows for token in row if not 0 <= token < self._size]:
            raise CallerError(f"token {bad[0]!r} is none of model {self.name!r}; it has 0 to {self._size - 1}")

    def _answers(self, logits: Tensor) -> Tensor:
        return answer_logprobs(logits, self.answers, self.name)

    def logits(self, messages: Sequence[Message]) -> Tensor:
        """Logits of the first token of the reply, [vocabulary]."""
        prompt = self._encode(messages)
        with torch.inference_mode():
            begun = self._prefill(prompt, lambda: False)
            self._keep(prompt, begun.cache)
        return begun.logits

    def _score_rest(self, rows: list[list[int]], cache: Cache) -> list[float]:
        """Log-probabilities of all tokens but the first, one forward pass for all rows.

        Rows are padded on the right, where a causal model's earlier tokens do not see the padding.
        """
        width = max(map(len, rows)) - 1
        padded = [[*row[:-1], *[0] * (width - len(row) + 1)] for row in rows]
        logits = self._forward(padded, repeat(cache, len(rows)), 0)  # [rows, width, vocabulary]
        logprobs = logits.log_softmax(-1)
        return [
            float(sum(logprobs[at, place, token] for place, token in enumerate(row[1:]))) for at, row in enumerate(rows)
        ]

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        prompt = self.prompt.encode(messages)
        if len(prompt) >= self.context:
            raise CallerError(
                f"the prompt has {len(prompt)} tokens; model {self.name!r} holds {self.context}, one of them "
                "at least for the reply: send less evidence"
            )
        return prompt

    def _prefill(self, prompt: list[int], halted: Callable[[], bool]) -> _Prefill:
        cache, cached = self.prefixes.take(prompt)
        logits: Tensor | None = None
        for start in range(cached, len(prompt), _PIECE):
            if halted():
                self._keep(prompt, cache)
                raise Halted
            logits = self._forward([prompt[start : start + _PIECE]], cache, 1)[0, -1]
        if logits is None:
            raise CallerError(f"the chat template of {self.name!r} makes an empty prompt")
        return _Prefill(logits=logits, cache=cache, cached=cached)

    def _decode(
        self, begun: _Prefill, pick: "_Picker", room: int, tokens: list[int], halted: Callable[[], bool]
    ) -> Iterator[int]:
        """Yield the tokens of the text; ``tokens`` also gets the one that ended it."""
        logits = begun.logits
        while True:
            tokens.append(pick(logits))
            if tokens[-1] in self.ends:
                return
            yield tokens[-1]
            if len(tokens) == room:
                return
            if halted():
                raise Halted
            logits = self._forward([tokens[-1:]], begun.cache, 1)[0, -1]

    def _forward(self, rows: list[list[int]], cache: Cache, keep: int) -> Tensor:
        began = time.perf_counter()
        try:
            out = self.model(torch.tensor(rows), past_key_values=cache, use_cache=True, logits_to_keep=keep)
        except (RuntimeError, IndexError) as error:
            raise ModelError(f"model {self.name!r} failed: {str(error)[:300]}") from error
        self.rate.add(sum(map(len, rows)), time.perf_counter() - began)
        logits: Tensor = out.logits
        return logits

    def _usage(self, tokens: int, cached: int) -> Usage:
        return Usage(tokens_in=tokens, tokens_cached=cached, seconds_saved=self.rate.saved(cached))

    def _keep(self, tokens: list[int], cache: Cache) -> None:
        # The last token may not have gone through the model yet.
        self.prefixes.keep(tokens[: cache.get_seq_length()], cache)

    def _logprob(self, logits: Tensor, token: int, count: int) -> TokenLogprob:
        logprobs = logits.log_softmax(-1)
        values, ids = logprobs.topk(min(count, logprobs.numel()))
        top = zip(map(self.prompt.token_text, ids.tolist()), values.tolist(), strict=True)
        return TokenLogprob(token=self.prompt.token_text(token), logprob=float(logprobs[token]), top=tuple(top))


class _Picker:
    """Chooses the next token."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._chance = torch.Generator()
        if sampling.seed is None:
            self._chance.seed()
        else:
            self._chance.manual_seed(sampling.seed)
        self.logits = torch.empty(0)
        """What the last choice was made from, [vocabulary]."""

    def __call__(self, logits: Tensor) -> int:
        self.logits = logits
        peak = logits.max()
        if not peak.isfinite():
            raise ModelError(f"the model gave {float(peak)} as a logit: its weights are damaged")
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        # Shifted by the peak before the division, so that a tiny temperature does not overflow.
        weights = ((logits - peak) / self._sampling.temperature).softmax(-1)
        if self._sampling.top_p < 1:
            ordered, places = weights.sort(descending=True)
            beyond = ordered.cumsum(-1) - ordered >= self._sampling.top_p
            weights = weights.index_fill(0, places[beyond], 0.0)
        return int(weights.multinomial(1, generator=self._chance))


def _emit(emit: Callable[[str], object], piece: str) -> None:
    if piece:
        emit(piece)
