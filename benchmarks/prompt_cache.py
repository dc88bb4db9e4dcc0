"""What kept prompts save: time to first token cold and warm, in process and on vLLM, and reranking with grouping.

Real text throughout: the sample's documents are the notes, its pictures' captions the candidates, and the agent's own
layouts make the prompts. Cold is an empty cache (in process a new one; on vLLM a tenant never seen, so that no block
may be reused); warm is another question on the same notes. Every figure is the median of several repetitions, cold and
warm in turns. Run: ``python -m benchmarks.prompt_cache [--quick] [--vllm PYTHON | --url URL --key KEY]``; the quick
form leaves vLLM out.
"""

import argparse
import asyncio
import csv
import itertools
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import finish
from foveate.agent.nodes.answer import prompt
from foveate.chunking.passages import passages
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.layouts import layout
from foveate.rerankers.local import LocalChat
from foveate.rerankers.module_cache import ModuleCache
from foveate.rerankers.prefixes import PrefixStore
from foveate.rerankers.protocols import ChatModel, Message, Reply, Sampling
from foveate.rerankers.sentences import statements
from foveate.rerankers.sharing import batches, common
from foveate.rerankers.splicing import Splicer

EXAMPLES = Path(__file__).parent.parent / "examples"
MODEL = "smollm2"
PREFIX_TOKENS = 1500
CANDIDATES = 50
CACHE_BYTES = 512 * 2**20
QUESTIONS = (
    "When does the museum open?",
    "Where do red kites nest?",
    "How hot must the oven be?",
    "Who kept the lighthouse?",
    "When is high water?",
    "Who founded the museum?",
)
ASKED = "Which pictures show the bird that came back to the valley?"
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("aligned", {}),
    ("free", {"free": True}),
    ("bridged", {"free": True, "bridge": 16}),
)
GOAL_IN_PROCESS = 10.0
GOAL_VLLM = 15.0
GOAL_SHARE = 0.4


def main() -> None:
    """Measure all parts in one run; print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, no vLLM")
    parser.add_argument("--vllm", type=Path, help="python of an environment that has vLLM; .venv/vllm's if it is there")
    parser.add_argument("--url", help="a vLLM server that runs already, as http://127.0.0.1:8000/v1")
    parser.add_argument("--key", help="its key")
    options = parser.parse_args()
    chat = LocalChat(MODEL)
    asyncio.run(chat.load())
    engine = chat._loaded()
    notes = evidence(lambda kept: len(engine.prompt.encode(prompt("", kept))))
    facts = tell("in process:", in_process(chat, notes, repetitions=2 if options.quick else 5))
    kinds = KINDS[:1] if options.quick else KINDS
    facts |= tell("modules:", modules(chat, notes, kinds, repetitions=1 if options.quick else 3))
    count = 20 if options.quick else CANDIDATES
    facts |= tell("reranking:", reranking(chat, count, repetitions=1 if options.quick else 3))
    chat.close()
    if not options.quick:
        facts |= tell("vLLM:", on_vllm(options, notes, repetitions=5))
    ratio = facts.pop("in_process_ratio")
    good = ratio >= GOAL_IN_PROCESS and facts["rerank_share"] <= GOAL_SHARE
    finish(
        "prompt_cache",
        ratio,
        "times faster to the first token, shared prefix kept, in process",
        goal=GOAL_IN_PROCESS,
        baseline=None,
        higher=True,
        ok=good and (options.quick or (facts["vllm_ratio"] or 0) >= GOAL_VLLM),
        rerank_goal=GOAL_SHARE,
        vllm_goal=GOAL_VLLM,
        **facts,
    )


def evidence(tokens: Callable[[Sequence[str]], int]) -> list[str]:
    """Notes of the sample's documents that together make a prompt of about 1,500 tokens."""
    kept: list[str] = []
    for path in sorted((EXAMPLES / "sample" / "documents").glob("*.[mt][dx]*")):
        text = path.read_text(encoding="utf-8")
        for span in passages(text, max_chars=400):
            if tokens(kept) >= PREFIX_TOKENS:
                return kept
            kept.append(f"Document {path.name!r}: {text[span.start : span.end]}")
    raise SystemExit("the sample's documents are too short")


def in_process(chat: LocalChat, notes: Sequence[str], *, repetitions: int) -> dict[str, Any]:
    """Seconds until ``LocalChat`` streams its first piece of text."""
    cold, warm = [], []
    for cold_question, warm_question in pairs(repetitions):
        forget(chat)
        cold.append(asyncio.run(first_piece(chat, prompt(cold_question, notes)))[0])
        seconds, reply = asyncio.run(first_piece(chat, prompt(warm_question, notes)))
        warm.append(seconds)
    return {
        "in_process_ratio": statistics.median(cold) / statistics.median(warm),
        "cold_s": median(cold),
        "warm_s": median(warm),
        "prompt_tokens": reply.usage.tokens_in,
        "cached_tokens": reply.usage.tokens_cached,
        "told_saved_s": None if reply.usage.seconds_saved is None else round(reply.usage.seconds_saved, 3),
    }


def modules(
    chat: LocalChat, notes: Sequence[str], kinds: Sequence[tuple[str, dict[str, Any]]], *, repetitions: int
) -> dict[str, Any]:
    """The same with kept modules: seconds until the logits of the first token, and how near free splicing comes."""
    engine, made = chat._loaded(), layout("answer")
    numbered = [f"[{number}] {' '.join(note.split())}\n" for number, note in enumerate(notes, 1)]
    found: dict[str, Any] = {}
    for kind, settings in kinds:
        cold, warm = [], []
        for cold_question, warm_question in pairs(repetitions):
            splicer = Splicer(engine, ModuleCache(CACHE_BYTES), **settings)
            for seconds, question in ((cold, cold_question), (warm, warm_question)):
                began = time.perf_counter()
                splicer.run(splicer.segments(made, {"notes": numbered, "question": question}))
                seconds.append(time.perf_counter() - began)
        error = splicer.error(splicer.segments(made, {"notes": numbered, "question": QUESTIONS[0]}))
        found[f"modules_{kind}"] = {
            "ratio": round(statistics.median(cold) / statistics.median(warm), 2),
            "cold_s": median(cold),
            "warm_s": median(warm),
            "max_logit_difference": round(error.max_difference, 6),
            "kl": round(error.kl, 6),
        }
    return found


def reranking(chat: LocalChat, count: int, *, repetitions: int) -> dict[str, Any]:
    """Seconds to judge captioned pictures for the question of a second hop, in a group and one by one.

    Beside them, for what sharing alone does: the same batches of whole prompts.
    """
    engine = chat._loaded()
    fact = (EXAMPLES / "sample" / "documents" / "red_kite.txt").read_text(encoding="utf-8")
    told = [fact[span.start : span.end] for span in statements(fact)]
    # As condensed retrieval asks in its second round.
    query = f"{ASKED} {' '.join(max(told[:10], key=len).split())}"
    prompts = [layout("rerank").messages({"question": query, "candidate": text}) for text in captions(count)]
    rows = [engine.prompt.encode(messages) for messages in prompts]
    timed: dict[str, list[float]] = {"grouped": [], "apart": [], "batched": []}

    def judge(some: Sequence[Sequence[Message]]) -> list[float]:
        forget(chat)
        return [one.probability for one in asyncio.run(chat.judge(some))]

    for _ in range(repetitions):
        grouped = clocked(timed["grouped"], lambda: judge(prompts))
        apart = clocked(timed["apart"], lambda: [judge([messages])[0] for messages in prompts])
        clocked(timed["batched"], lambda: whole_batches(engine, rows))
        if max(abs(one - other) for one, other in zip(grouped, apart, strict=True)) > 1e-4:
            raise SystemExit("grouping changed a judgement")
    return {
        "rerank_share": round(statistics.median(timed["grouped"]) / statistics.median(timed["apart"]), 4),
        "rerank_share_of_batches": round(statistics.median(timed["grouped"]) / statistics.median(timed["batched"]), 4),
        "rerank_s": median(timed["grouped"]),
        "rerank_apart_s": median(timed["apart"]),
        "rerank_candidates": len(prompts),
        "rerank_shared_tokens": min(common(one, other) for one, other in itertools.pairwise(rows)),
        "rerank_prompt_tokens": round(statistics.mean(map(len, rows)), 1),
    }


def captions(count: int) -> list[str]:
    """What people wrote about the sample's pictures."""
    with (EXAMPLES / "sample.tsv").open(encoding="utf-8", newline="") as stream:
        told = [row["caption"] for row in csv.DictReader(stream, delimiter="\t") if row["caption"]]
    return list(dict.fromkeys(told))[:count]


def whole_batches(engine: Any, rows: Sequence[Sequence[int]]) -> None:
    """Judge without sharing, in batches like those of grouping."""
    nothing = PrefixStore(0, 0).take([0])[0]
    with torch.inference_mode():
        for batch in batches([len(row) for row in rows], shared=0, tokens=1024, positions=65_536):
            engine._next._ends([list(rows[at]) for at in batch], nothing)


def on_vllm(options: argparse.Namespace, notes: Sequence[str], *, repetitions: int) -> dict[str, Any]:
    """Seconds until vLLM streams its first piece of text; each cold question is a new tenant's."""
    with server(options) as address:
        if address is None:
            return {"vllm_ratio": None, "vllm": "not here: python .ci/prepare_vllm.py"}
        url, key = address
        cold, warm = [], []
        secret = secrets.token_bytes(32)
        # One question beforehand: the first of a process also warms the machine up.
        asyncio.run(asked(url, key, "warm-up", secret, prompt(QUESTIONS[0], notes[:3])))
        for number, (cold_question, warm_question) in enumerate(pairs(repetitions)):
            tenant = f"tenant {number}"
            seconds, first = asyncio.run(asked(url, key, tenant, secret, prompt(cold_question, notes)))
            if first.usage.tokens_cached:
                raise SystemExit(f"a new tenant found {first.usage.tokens_cached} cached tokens")
            cold.append(seconds)
            seconds, reply = asyncio.run(asked(url, key, tenant, secret, prompt(warm_question, notes)))
            warm.append(seconds)
    return {
        "vllm_ratio": round(statistics.median(cold) / statistics.median(warm), 2),
        "vllm_cold_s": median(cold),
        "vllm_warm_s": median(warm),
        "vllm_prompt_tokens": reply.usage.tokens_in,
        "vllm_cached_tokens": reply.usage.tokens_cached,
    }


async def asked(
    url: str, key: str | None, tenant: str, secret: bytes, messages: Sequence[Message]
) -> tuple[float, Reply]:
    """One question of a tenant, over a connection of its own."""
    model = OpenAIChat(MODEL, url, api_key=key, tenant=tenant, tenant_key=secret, vllm=True)
    try:
        return await first_piece(model, messages)
    finally:
        await model.aclose()


async def first_piece(model: ChatModel, messages: Sequence[Message]) -> tuple[float, Reply]:
    """Seconds until the first piece of text, and the whole reply."""
    began = time.perf_counter()
    first: float | None = None
    async for item in model.stream(messages, Sampling(max_tokens=4)):
        if first is None:
            first = time.perf_counter() - began
        if isinstance(item, Reply):
            return first, item
    raise SystemExit(f"{model.name} said nothing")


@contextmanager
def server(options: argparse.Namespace) -> Iterator[tuple[str, str | None] | None]:
    """A vLLM server: the one that was named, or one that runs as long as the block does."""
    if options.url:
        yield options.url, options.key
        return
    python = options.vllm or Path(".venv/vllm/bin/python")
    if not python.exists():
        yield None
        return
    from foveate.serving.vllm import state
    from foveate.serving.vllm.launch import Launch, folder_of
    from foveate.serving.vllm.server import down, free_port, start

    with tempfile.TemporaryDirectory() as home:
        folder = state.state_folder(Path(home))
        launch = Launch(
            model=folder_of(MODEL), served_name=MODEL, port=free_port(), python=python.absolute(), context=4096
        )
        started = start(launch, folder)
        try:
            yield started.base_url, started.key
        finally:
            down(folder)


def pairs(repetitions: int) -> Iterator[tuple[str, str]]:
    """Questions in turns: one that finds nothing kept, and another one on the same notes."""
    questions = itertools.cycle(QUESTIONS)
    for _ in range(repetitions):
        yield next(questions), next(questions)


def forget(chat: LocalChat) -> None:
    """Begin with an empty cache."""
    engine = chat._loaded()
    engine.prefixes = PrefixStore(4, CACHE_BYTES)
    engine._next._prefixes = engine.prefixes


def clocked(seconds: list[float], job: Callable[[], Any]) -> Any:
    """Note how long a job takes."""
    began = time.perf_counter()
    result = job()
    seconds.append(time.perf_counter() - began)
    return result


def tell(part: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Show what a part found, on standard error: the whole takes minutes."""
    print(part, json.dumps(facts), file=sys.stderr, flush=True)
    return facts


def median(seconds: Sequence[float]) -> float:
    """Median, in milliseconds' precision."""
    return round(statistics.median(seconds), 4)


if __name__ == "__main__":
    main()
