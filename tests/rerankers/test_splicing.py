"""Spliced prompts beside whole ones, on a tiny model here and on SmolLM2 in the slow run."""

import asyncio
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from foveate.errors import CallerError, ModelError
from foveate.rerankers.engine import Engine
from foveate.rerankers.layouts import layout
from foveate.rerankers.local import LocalChat
from foveate.rerankers.module_cache import ModuleCache
from foveate.rerankers.prefill_rate import PrefillRate
from foveate.rerankers.prefixes import PrefixStore
from foveate.rerankers.protocols import Sampling
from foveate.rerankers.splice_error import splice_error
from foveate.rerankers.splicing import Segment, Splicer

ROOM = 2**26
NOTES = [f"[{i}] The {word} and its ships are wide and grey, the {word} is terse.\n" for i, word in enumerate("abc")]
VALUES = {"notes": NOTES, "question": "Is the sea wide?"}
DOCUMENTS = Path(__file__).parents[2] / "examples" / "sample" / "documents"


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Engine:
    return Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)


def plain(engine: Engine, tokens: list[int], places: list[int] | None = None) -> torch.Tensor:
    """Logits by one pass of transformers alone."""
    with torch.inference_mode():
        positions = None if places is None else torch.tensor([places])
        logits: torch.Tensor = engine.model(torch.tensor([tokens]), position_ids=positions).logits[0, -1]
    return logits


def joined(segments: list[Segment]) -> list[int]:
    return [token for segment in segments for token in segment.tokens]


def test_segments_are_the_prompt(engine: Engine) -> None:
    segments = Splicer(engine, ModuleCache(ROOM)).segments(layout("answer"), VALUES)
    messages = layout("answer").messages({"notes": "".join(NOTES), "question": VALUES["question"]})
    assert joined(segments) == engine.prompt.encode(messages)
    texts = [engine.prompt.decode(segment.tokens) for segment in segments]
    # Instructions with the frame around them, three notes, and the question with what asks for the reply.
    assert len(segments) == 5
    assert texts[1:4] == [f"Notes:\n{NOTES[0]}", NOTES[1], f"{NOTES[2]}\n"]
    assert [segment.keep for segment in segments] == [True, True, True, True, False]


tokens = st.lists(st.integers(3, 300), min_size=1, max_size=20).map(tuple)
prompts = st.lists(st.builds(Segment, tokens=tokens, keep=st.booleans()), min_size=1, max_size=5)


@given(prompts, prompts)
@settings(max_examples=40, deadline=None)
def test_aligned_is_exact(engine: Engine, one: list[Segment], other: list[Segment]) -> None:
    """Whatever was kept before, however the prompt is cut: the logits of one pass over the whole prompt."""
    splicer = Splicer(engine, ModuleCache(ROOM))
    for segments in (one, [*one, *other], one, [*one, *other]):
        spliced = splicer.run(segments)
        torch.testing.assert_close(spliced.logits, plain(engine, joined(segments)), atol=1e-3, rtol=0)
        kept = sum(len(segment.tokens) for segment in segments[:-1] if segment.keep)
        assert spliced.usage.tokens_in == len(joined(segments))
    # By now all that may be kept is.
    assert spliced.usage.tokens_cached == kept


def test_kept_states_are_not_written_to(engine: Engine) -> None:
    modules = ModuleCache(ROOM)
    splicer = Splicer(engine, modules)
    head = Segment(tokens=tuple(range(3, 40)))
    for end in ((50,), (60, 61), (50,)):
        segments = [head, Segment(tokens=end)]
        torch.testing.assert_close(splicer.run(segments).logits, plain(engine, joined(segments)), atol=1e-3, rtol=0)
    assert (modules.hits, modules.misses) == (2, 1)


@pytest.mark.parametrize("anchor", [0, 1])
def test_a_full_bridge_is_exact(engine: Engine, anchor: int) -> None:
    """A bridge as long as the module computes all of it in its place: no approximation is left."""
    splicer = Splicer(engine, ModuleCache(ROOM), free=True, anchor=anchor, bridge=1000)
    segments = splicer.segments(layout("answer"), VALUES)
    for _ in range(2):
        assert splicer.error(segments).max_difference < 1e-3


def test_one_free_module_is_exact(engine: Engine) -> None:
    """Directly after the anchor there is nothing that it does not see."""
    splicer = Splicer(engine, ModuleCache(ROOM), free=True, anchor=1)
    segments = splicer.segments(layout("answer"), {**VALUES, "notes": NOTES[:1]})
    assert [splicer.error(segments).max_difference < 1e-3 for _ in range(2)] == [True, True]


def test_free_modules_are_reused_in_any_order(engine: Engine) -> None:
    head, one, two, end = (Segment(tokens=tuple(range(at, at + 20))) for at in (3, 40, 90, 200))
    modules = ModuleCache(ROOM)
    splicer = Splicer(engine, modules, free=True)
    splicer.run([head, one, two, end])
    usage = splicer.run([head, two, one, end]).usage
    assert usage.tokens_cached == 60
    assert modules.misses == 3
    error = splicer.error([head, two, one, end])
    # They do not see each other: an approximation, and reported as one.
    assert error.max_difference > 1e-2
    assert error.kl > 1e-5
    aligned = Splicer(engine, ModuleCache(ROOM))
    aligned.run([head, one, two, end])
    assert aligned.run([head, two, one, end]).usage.tokens_cached == 20


@pytest.mark.parametrize("starts", [(None, None, None, None), (0, 20, 64, 100)])
def test_free_states_by_hand(engine: Engine, starts: tuple[int | None, ...]) -> None:
    """Beside one pass over the whole prompt under a mask that hides the modules from each other."""
    segments = [
        Segment(tokens=tuple(range(at, at + 9)), start=start)
        for at, start in zip((3, 40, 90, 200), starts, strict=True)
    ]
    row = joined(segments)
    places = [9 * at + i if start is None else start + i for at, start in enumerate(starts) for i in range(9)]
    seen = torch.block_diag(*[torch.ones(9, 9)] * 4).bool()
    seen[27:] = True
    with torch.inference_mode():
        logits = engine.model(
            torch.tensor([row]), position_ids=torch.tensor([places]), attention_mask=seen.tril()[None, None]
        ).logits[0, -1]
    splicer = Splicer(engine, ModuleCache(ROOM), free=True)
    for _ in range(2):
        torch.testing.assert_close(splicer.run(segments).logits, logits, atol=1e-3, rtol=0)


def test_declared_positions(engine: Engine) -> None:
    """Gaps between aligned modules: the same as transformers gives for these positions."""
    segments = [
        Segment(tokens=tuple(range(3, 20)), start=0),
        Segment(tokens=tuple(range(30, 50)), start=64),
        Segment(tokens=(7, 8, 9), start=128),
    ]
    places = [*range(17), *range(64, 84), *range(128, 131)]
    splicer = Splicer(engine, ModuleCache(ROOM))
    for _ in range(2):
        spliced = splicer.run(segments)
        torch.testing.assert_close(spliced.logits, plain(engine, joined(segments), places), atol=1e-3, rtol=0)
        assert spliced.end == 131


def test_forgotten_modules_are_computed_again(engine: Engine) -> None:
    splicer = Splicer(engine, ModuleCache(ROOM))
    segments = splicer.segments(layout("answer"), VALUES)
    splicer.run(segments)
    one_less = ModuleCache(splicer.modules.size - 1)
    tight = Splicer(engine, one_less)
    for _ in range(3):
        torch.testing.assert_close(tight.run(segments).logits, plain(engine, joined(segments)), atol=1e-3, rtol=0)
    assert one_less.evictions >= 1
    assert one_less.size <= one_less.max_bytes


def test_reply_is_the_engines(engine: Engine) -> None:
    splicer = Splicer(engine, ModuleCache(ROOM))
    segments = splicer.segments(layout("answer"), VALUES)
    messages = layout("answer").messages({"notes": "".join(NOTES), "question": VALUES["question"]})
    wanted = engine.generate(messages, Sampling(max_tokens=9), lambda: False)
    for cached in (0, len(joined(segments[:-1]))):
        reply = splicer.reply(segments, 9)
        assert (reply.text, reply.finish) == (wanted.text, wanted.finish)
        assert (reply.usage.tokens_in, reply.usage.tokens_out) == (wanted.usage.tokens_in, 9)
        assert reply.usage.tokens_cached == cached
    # The engine's own replies tell what a kept prompt spared, too; what was not kept spared nothing.
    engine.prefixes = PrefixStore(1, ROOM)
    try:
        saved = [engine.generate(messages, Sampling(max_tokens=1), lambda: False).usage for _ in range(2)]
    finally:
        engine.prefixes = PrefixStore(0, 0)
    assert saved[0].seconds_saved == 0
    for usage in (reply.usage, saved[1]):
        assert usage.seconds_saved == pytest.approx(engine.rate.saved(usage.tokens_cached), rel=0.5)
        assert usage.seconds_saved is not None and usage.seconds_saved > 0


def test_bad_input(engine: Engine) -> None:
    splicer = Splicer(engine, ModuleCache(ROOM))
    one = Segment(tokens=(5, 6, 7))
    for segments, told in (
        ([], "there are 0 segments"),
        ([one, Segment(tokens=())], "one token or more"),
        ([one, Segment(tokens=(1,), start=2)], "segment 1 begins at position 2, before the end of the one before"),
        ([one, Segment(tokens=(1,), start=511)], "512 positions; model 'tiny' holds 512"),
    ):
        with pytest.raises(CallerError, match=told):
            splicer.run(segments)
    with pytest.raises(CallerError, match="max_tokens is 0"):
        splicer.reply([one], 0)
    with pytest.raises(CallerError, match="no value for 'question'"):
        splicer.segments(layout("answer"), {"notes": ""})
    with pytest.raises(CallerError, match="send less evidence"):
        splicer.segments(layout("answer"), {"notes": "sea " * 600, "question": ""})
    with pytest.raises(CallerError, match="bridge is -1"):
        Splicer(engine, ModuleCache(ROOM), bridge=-1)


def test_learnt_positions_cannot_be_moved(engine: Engine) -> None:
    """GPT-2 has no rotation to undo: refused, while aligned modules are exact all the same."""

    class Other:
        name = "gpt2"
        context = 64
        ends = frozenset({0})
        prompt = engine.prompt
        rate = PrefillRate()
        model = GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=16, n_layer=2, n_head=2, n_positions=64)).eval()

    other: Engine = Other()  # type: ignore[assignment]
    with pytest.raises(ModelError, match="'gpt2' has 0 rotary embeddings"):
        Splicer(other, ModuleCache(ROOM), free=True)
    segments = [Segment(tokens=(5, 6, 7)), Segment(tokens=(9, 9))]
    splicer = Splicer(other, ModuleCache(ROOM))
    for _ in range(2):
        torch.testing.assert_close(splicer.run(segments).logits, plain(other, joined(segments)), atol=1e-3, rtol=0)


def test_error_by_hand() -> None:
    exact, spliced = torch.tensor([0.0, 0.0]), torch.tensor([0.0, 3.0]).log1p()
    error = splice_error(exact, spliced)  # (1/2, 1/2) beside (1/5, 4/5)
    assert error.max_difference == pytest.approx(1.3862943)
    assert error.kl == pytest.approx(0.5 * torch.log(torch.tensor(2.5 * 0.625)).item(), abs=1e-6)
    assert splice_error(exact, exact).kl == 0
    assert not splice_error(torch.tensor([1.0, 0.0]), spliced).same_token


def test_rate() -> None:
    rate = PrefillRate()
    assert rate.saved(10) is None and rate.saved(0) == 0
    rate.add(8, 100.0)  # too short to say anything
    assert rate.saved(10) is None
    rate.add(100, 1.0)
    rate.add(300, 2.0)
    assert rate.saved(40) == pytest.approx(0.3)
    # The machine is three times as fast from here on: the estimate follows.
    for _ in range(40):
        rate.add(1000, 2.5)
    assert rate.saved(40) == pytest.approx(0.1, rel=0.01)


@pytest.mark.slow
def test_smollm2(smollm2: LocalChat) -> None:
    """Real documents: aligned within 1e-3, and free splicing's error is there, finite, and smaller with a bridge."""
    asyncio.run(smollm2.load())
    engine = smollm2._loaded()
    names = ("tides.md", "red_kite.txt", "lighthouse.txt", "museum.md")
    texts = [" ".join((DOCUMENTS / name).read_text(encoding="utf-8").split())[:600] for name in names]
    notes = [f"[{i}] {text}\n" for i, text in enumerate(texts, 1)]
    values = {"notes": notes, "question": "When does the museum open?"}
    aligned = Splicer(engine, ModuleCache(2**28))
    segments = aligned.segments(layout("answer"), values)
    for _ in range(2):
        assert aligned.error(segments).max_difference < 1e-3
    assert aligned.run(segments).usage.tokens_cached > 400
    kl = {
        bridge: Splicer(engine, ModuleCache(2**28), free=True, bridge=bridge).error(segments).kl for bridge in (0, 32)
    }
    assert 0 < kl[32] < kl[0] < 3
