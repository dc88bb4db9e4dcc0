"""What every chat model must do. Subclass ``ChatContract`` and provide the fixture ``model``.

A reply of at least 12 tokens to any prompt is assumed, the same at each call.
"""

import asyncio
from collections.abc import Sequence

import pytest

from foveate.errors import CallerError
from foveate.rerankers.protocols import ChatModel, ImagePart, Message, Reply, Sampling

TALK = (
    Message(role="system", text="You are terse."),
    Message(role="user", text="Write about the sea and its ships."),
)
PICTURE = ImagePart(data=b"\x89PNG\r\n\x1a\n", mime="image/png")


async def streamed(model: ChatModel, messages: Sequence[Message], sampling: Sampling) -> tuple[list[str], Reply]:
    items = [item async for item in model.stream(messages, sampling)]
    pieces, last = items[:-1], items[-1]
    assert isinstance(last, Reply)
    assert all(isinstance(piece, str) and piece for piece in pieces)
    return [str(piece) for piece in pieces], last


class ChatContract:
    """Shared by all three models."""

    def test_stream_joins_to_chat(self, model: ChatModel) -> None:
        async def run() -> None:
            sampling = Sampling(max_tokens=12)
            whole = await model.chat(TALK, sampling)
            pieces, last = await streamed(model, TALK, sampling)
            assert "".join(pieces) == last.text == whole.text
            assert last.finish == whole.finish
            assert last.usage.tokens_out == whole.usage.tokens_out

        asyncio.run(run())

    def test_limit(self, model: ChatModel) -> None:
        reply = asyncio.run(model.chat(TALK, Sampling(max_tokens=3)))
        assert reply.finish == "length"
        assert reply.usage.tokens_out == 3

    def test_stop(self, model: ChatModel) -> None:
        async def run() -> None:
            whole = (await model.chat(TALK, Sampling(max_tokens=12))).text
            stop = whole.strip()[5:8]
            sampling = Sampling(max_tokens=12, stop=("\x00never", stop))
            reply = await model.chat(TALK, sampling)
            assert reply.text == whole[: whole.find(stop)]
            assert reply.finish == "stop"
            pieces, last = await streamed(model, TALK, sampling)
            assert "".join(pieces) == last.text == reply.text

        asyncio.run(run())

    def test_usage(self, model: ChatModel) -> None:
        async def run() -> None:
            short = (await model.chat(TALK, Sampling(max_tokens=2))).usage
            longer = (await model.chat((*TALK, TALK[1]), Sampling(max_tokens=4))).usage
            for usage in (short, longer):
                assert 0 <= usage.tokens_cached <= usage.tokens_in
                assert usage.images_sent == 0
            assert 0 < short.tokens_in < longer.tokens_in
            assert 0 < short.tokens_out < longer.tokens_out

        asyncio.run(run())

    def test_same_seed_same_text(self, model: ChatModel) -> None:
        async def run() -> None:
            sampling = Sampling(max_tokens=10, temperature=1.0, top_p=0.9, seed=7)
            first = await model.chat(TALK, sampling)
            assert (await model.chat(TALK, sampling)).text == first.text

        asyncio.run(run())

    def test_picture_for_a_blind_model(self, model: ChatModel) -> None:
        assert not model.sees
        talk = [Message(role="user", text="What is this?", images=(PICTURE,))]
        with pytest.raises(CallerError, match="sees=True"):
            asyncio.run(model.chat(talk, Sampling()))
        with pytest.raises(CallerError, match="sees=True"):
            asyncio.run(streamed(model, talk, Sampling()))

    @pytest.mark.parametrize(
        "sampling",
        [
            Sampling(max_tokens=0),
            Sampling(max_tokens=2**63),
            Sampling(temperature=float("nan")),
            Sampling(temperature=-1),
            Sampling(top_p=0),
            Sampling(top_logprobs=21),
            Sampling(seed=-1),
            Sampling(stop=("",)),
            Sampling(stop=("x",) * 100_000),
        ],
    )
    def test_bad_sampling(self, model: ChatModel, sampling: Sampling) -> None:
        with pytest.raises(CallerError):
            asyncio.run(model.chat(TALK, sampling))

    def test_nothing_said(self, model: ChatModel) -> None:
        with pytest.raises(CallerError, match="empty"):
            asyncio.run(model.chat([], Sampling()))

    def test_name(self, model: ChatModel) -> None:
        assert model.name
        assert model.name in repr(model)
