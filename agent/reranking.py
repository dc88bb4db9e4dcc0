"""Rerankers by name: one string, as settings and the command line write it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from foveate.agent.showing import Look, as_pixels, in_words
from foveate.errors import ConfigError, FoveateError
from foveate.records import Chunk
from foveate.rerankers import shipped
from foveate.rerankers.calibration import Calibrator
from foveate.rerankers.cutoff import CutOff
from foveate.rerankers.open_chat import open_chat
from foveate.rerankers.protocols import ChatModel, Present, Reranker, YesNoModel
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.protocols import Encoder
from foveate.settings import Settings

__all__ = ["RERANKERS", "open_reranker"]

_LOCAL = "local:smollm2"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """What rerankers are made of."""

    settings: Settings
    encoder: Encoder
    look: Look

    def chat(self, spec: str) -> ChatModel:
        """The chat model of a reranker; the server's key and eyes are those of the generator's settings."""
        if not spec.startswith("openai:"):
            return open_chat(spec or _LOCAL)
        key = self.settings.api_key.get_secret_value() if self.settings.api_key else None
        return open_chat(spec, api_key=key, sees=self.settings.generator_sees)

    def present(self, sees: bool) -> Present:
        """How candidates are shown to a model."""
        return as_pixels(self.look) if sees else in_words(self.look, self.encoder)


def open_reranker(spec: str, settings: Settings, encoder: Encoder, look: Look) -> Reranker:
    """The reranker that ``spec`` names; language models are loaded at their first judgement.

    Args:
        spec: a name of :data:`RERANKERS`, with what it needs after a colon.
        settings: key and eyes of a served model, and the budget of a cascade.
        encoder: of the collection.
        look: pixels of a chunk.

    Raises:
        ConfigError: an unknown name, or a name without what it needs.
        CallerError: the calibrator of the settings is missing, or another reranker's.
        ModelMissing: a model was never fetched; the message has the command.
    """
    kind, _, rest = spec.partition(":")
    if kind not in RERANKERS:
        raise ConfigError(f"unknown reranker {spec!r}; choose one of: {', '.join(sorted(RERANKERS))}")
    reranker = RERANKERS[kind](rest, _Parts(settings=settings, encoder=encoder, look=look))
    if settings.calibrator is None:
        return reranker
    return CutOff(reranker, Calibrator.load(settings.calibrator, model=reranker.name), settings.cut_at)


def _sentences(rest: str, parts: _Parts) -> Reranker:
    return SentenceReranker(parts.encoder.encode_text)


def _pointwise(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.blended import Blend, BlendedReranker
    from foveate.rerankers.pointwise import PointwiseReranker

    judge = _judge(rest or shipped.NAME, parts)
    reranker = PointwiseReranker(judge, parts.present(judge.sees))
    if rest in ("", shipped.NAME) and isinstance(parts.encoder, MiniEncoder):
        return BlendedReranker(reranker, Blend.load(shipped.BLEND))
    return reranker


def _judge(spec: str, parts: _Parts) -> YesNoModel:
    """``mini``, ``local:MODEL+ADAPTER`` or ``openai:MODEL@URL``."""
    from foveate.rerankers.local_judge import LocalJudge
    from foveate.rerankers.served_judge import ServedJudge

    if spec == shipped.NAME:
        return LocalJudge("smollm2", shipped.ADAPTER)
    if spec.startswith("local:"):
        model, _, adapter = spec.removeprefix("local:").partition("+")
        return LocalJudge(model, adapter or None)
    if spec.startswith("openai:"):
        return ServedJudge(parts.chat(spec))
    raise ConfigError(f"unknown judge {spec!r}; write mini, local:MODEL, local:MODEL+ADAPTER or openai:MODEL@URL")


def _pairwise(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.choices import ChatChoices
    from foveate.rerankers.pairwise import PairwiseReranker

    chat = parts.chat(rest)
    return PairwiseReranker(ChatChoices(chat), parts.present(chat.sees))


def _listwise(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.listwise import ListwiseReranker

    chat = parts.chat(rest)
    return ListwiseReranker(chat, parts.present(chat.sees))


def _batch(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.batch_prompting import BatchReranker

    chat = parts.chat(rest)
    return BatchReranker(chat, parts.present(chat.sees))


def _compressed(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.compressed import CompressedListwise

    return CompressedListwise(_file(rest, "compressed"), parts.encoder, parts.present(False))


def _multiview(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.multiview import MultiViewReranker

    return MultiViewReranker(_file(rest, "multiview"), parts.encoder, parts.present(False))


def _cross_encoder(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.cross_encoder import CrossEncoderReranker

    if not rest:
        raise ConfigError("cross-encoder needs a folder or a name: cross-encoder:MODEL")
    return CrossEncoderReranker(Path(rest).expanduser() if Path(rest).expanduser().is_dir() else rest)


def _frames(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.frames import FrameReranker

    encoder = parts.encoder
    return FrameReranker(encoder.encode_text, encoder.encode_images, _tiles(parts.look), pooled=False)


def _subimages(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.subimages import SubimageReranker

    return SubimageReranker(parts.encoder.encode_text, parts.encoder.encode_images, _tiles(parts.look))


def _intersection(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.composed import IntersectionReranker

    return IntersectionReranker()


def _cascade(rest: str, parts: _Parts) -> Reranker:
    from foveate.rerankers.cascade import Budget, Cascade

    whole = parts.settings.model_copy(update={"calibrator": None})  # the cut is for the cascade, not for its parts
    dear = open_reranker(rest or "pointwise", whole, parts.encoder, parts.look)
    budget = Budget(calls=parts.settings.budget.judgements)
    return Cascade([_sentences("", parts), dear], budget=budget)


def _file(rest: str, kind: str) -> Path:
    path = Path(rest).expanduser()
    if not rest or not path.is_file():
        raise ConfigError(f"{kind} needs a trained head: {kind}:HEAD.safetensors; no file at {rest!r}")
    return path


def _tiles(look: Look) -> Callable[[Chunk], Sequence[Image]]:
    """A picture and its quarters; nothing for a text."""
    from foveate.rerankers.subimages import grid

    def pictures(chunk: Chunk) -> Sequence[Image]:
        if chunk.part not in ("picture", "tile", "page", "frame"):
            return ()
        try:
            picture = look(chunk)
        except (FoveateError, OSError):
            return ()  # gone or broken since it was indexed
        return (picture, *grid(picture, (2,)))

    return pictures


RERANKERS: dict[str, Callable[[str, _Parts], Reranker]] = {
    "batch": _batch,
    "cascade": _cascade,
    "compressed": _compressed,
    "cross-encoder": _cross_encoder,
    "frames": _frames,
    "intersection": _intersection,
    "listwise": _listwise,
    "multiview": _multiview,
    "pairwise": _pairwise,
    "pointwise": _pointwise,
    "sentences": _sentences,
    "subimages": _subimages,
}
"""Name -> how it is made of what stands after the colon."""
