"""Long evidence read to its end, piece by piece; each note is told as soon as its piece is read."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from foveate.agent.deps import Deps
from foveate.agent.events import Margin
from foveate.agent.multihop.protocols import Found
from foveate.agent.reading.sentences import Read, read_sentences
from foveate.agent.state import QuoteRef
from foveate.errors import CallerError, ModelError, ServiceError
from foveate.records import Chunk
from foveate.rerankers.reasoning import margins as writing
from foveate.rerankers.reasoning.margins import Margins
from foveate.usage import Usage

__all__ = ["read_margins"]


async def read_margins(question: str, found: Sequence[Found], step: int, deps: Deps, deadline_s: float) -> Read:
    """Relevant margins of all that was gathered, in reading order: best chunk first.

    Pictures that nobody described have no margins; where nothing else was found they are told in words, as
    :func:`read_sentences` does, and so is everything where the model fails before it wrote anything down.
    """
    chunks = {one.chunk.id: one.chunk for one in found}
    texts = [(one.chunk.id, one.chunk.text) for one in found if (one.chunk.text or "").strip()]
    if not texts or deps.reasoner is None:
        return await read_sentences(question, found, step, deps)
    # An embedded model decodes slowly: it judges sentences that the encoder picks, and copies none.
    reader = Margins(deps.reasoner, note="quote" if deps.drafts else "sentence", encode=deps.encoder.encode_text)
    kept: list[writing.Margin] = []
    usage = Usage()
    pieces = reader.write(question, [(name, text or "") for name, text in texts], deadline_s=deadline_s)
    failed = ""
    try:
        async with aclosing(pieces):  # type: ignore[type-var]  # an async generator, typed as an iterator
            async for margin in pieces:
                usage += margin.usage
                kept.append(margin)
                deps.emit(_event(margin, chunks[margin.chunk_id]))
    except (ModelError, ServiceError, CallerError) as error:
        failed = f"{type(error).__name__}: {error}"
    quotes = [
        QuoteRef(chunk_id=margin.chunk_id, start=span.start, end=span.end, words="", step=step)
        for margin in writing.relevant(kept)
        for span in margin.spans
    ]
    if failed and not quotes:
        read = await read_sentences(question, found, step, deps)
        return replace(read, failed=failed, usage=read.usage + usage)
    return Read(quotes=tuple(quotes), failed=failed, usage=usage)


def _event(margin: writing.Margin, chunk: Chunk) -> Margin:
    return Margin(
        chunk_id=margin.chunk_id,
        source=chunk.path,
        text=margin.text,
        relevant=margin.relevant,
        index=margin.index,
        of=margin.of,
    )
