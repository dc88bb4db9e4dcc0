"""One yes/no judgement a candidate: the second stage of SETR and RagVL, over whatever model judges."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from foveate.errors import CallerError
from foveate.records import Hit, Result
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.layouts import layout
from foveate.rerankers.metered import Metered
from foveate.rerankers.protocols import Candidate, ImagePart, Message, Present, YesNoModel
from foveate.rerankers.shown import Cut, present_all
from foveate.usage import Usage

__all__ = ["CUT_MARK", "PointwiseReranker", "check_seen", "in_words", "prompt_of", "shortened"]

_log = logging.getLogger(__name__)

CUT_MARK = " [...]"
"""Stands at the end of a text that was cut."""
_CANDIDATE_TOKENS = 512


def in_words(results: Sequence[Result]) -> list[Candidate]:
    """Each result as the text of its chunk, or the title of its file where it has none. Titles are not file names."""
    return [Candidate(id=one.chunk.id, text=one.chunk.text or one.chunk.title or "") for one in results]


class PointwiseReranker(Metered):
    """Asks a model of each candidate by itself whether it matches the query.

    The score is the share of yes in yes and no, in [0, 1]; it depends on nothing but the question and the candidate.
    Text, pages, pictures, regions and frames stand in one list, each shown as ``present`` shows it. Equal candidates
    are judged once.
    """

    def __init__(
        self,
        model: YesNoModel,
        present: Present = in_words,
        *,
        candidate_tokens: int = _CANDIDATE_TOKENS,
        name: str | None = None,
    ) -> None:
        """Wrap ``model``; nothing is computed yet.

        Args:
            model: in process or served.
            present: what the model is shown of a result; the default shows its words.
            candidate_tokens: the most of one candidate's text. What is longer is cut, marked ``[...]`` and logged.
            name: of this reranker; ``pointwise:MODEL`` by default.

        Raises:
            CallerError: ``candidate_tokens`` is below 1.
        """
        super().__init__()
        if candidate_tokens < 1:
            raise CallerError(f"candidate_tokens is {candidate_tokens!r}; allowed are whole numbers from 1")
        self.name = name or f"pointwise:{model.name}"
        self.model = model
        self._present = present
        self._tokens = candidate_tokens

    def __repr__(self) -> str:
        return f"PointwiseReranker({self.name!r})"

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first, ties by id; one a result.

        A model that reads only goes by the words of the question, without ``images``.

        Raises:
            CallerError: a chunk comes twice, or a candidate is a picture and the model reads only.
            ModelError: the model fails, or ``present`` gave other candidates than asked for.
            ServiceError: the server of the model fails.
        """
        check_distinct(results)
        if not results:
            return []
        if images and not self.model.sees:
            _log.info("%s: %d picture(s) of the question are not looked at: %r reads only", self.name, len(images),
                      self.model.name)  # fmt: skip
            images = ()
        prompts = await self._prompts(question, results, images)
        unique = list(dict.fromkeys(prompts))
        judged = dict(zip(unique, await self.model.judge(unique), strict=True))
        self._spend(sum((judgement.usage for judgement in judged.values()), Usage()))
        scores = [(one.chunk.id, judged[prompt].probability) for one, prompt in zip(results, prompts, strict=True)]
        return ranked(scores, by=self.name)

    async def _prompts(
        self, question: str, results: Sequence[Result], images: Sequence[ImagePart]
    ) -> list[tuple[Message, ...]]:
        candidates = await present_all(self._present, results)
        for candidate in candidates:
            check_seen(candidate, model=self.model.name, sees=self.model.sees)
        # Tokenizers take their time with long pages; the event loop stays free.
        short = await asyncio.to_thread(lambda: [shortened(one, self.model.cut, self._tokens) for one in candidates])
        return [prompt_of(question, candidate, images) for candidate in short]


def check_seen(candidate: Candidate, *, model: str, sees: bool) -> None:
    """Refuse what a model could not judge: a picture that it does not see, or nothing at all.

    Raises:
        CallerError: names the candidate and the cures.
    """
    if candidate.images and not sees:
        raise CallerError(
            f"candidate {candidate.id!r} is shown to {model!r} as {len(candidate.images)} picture(s), and that model "
            "only reads text; use a model that sees, or a 'present' that tells pictures in words"
        )
    if not candidate.images and not candidate.text.strip():
        words = "" if sees else "tells it in words, or a model that sees with one that "
        raise CallerError(
            f"candidate {candidate.id!r} has neither words nor a picture to show to {model!r}; "
            f"give a 'present' that {words}hands over its pixels"
        )


def shortened(candidate: Candidate, cut: Cut, tokens: int) -> Candidate:
    """The candidate with at most ``tokens`` tokens of text, and a mark where something was left out."""
    text = cut(candidate.text, tokens)
    if len(text) >= len(candidate.text):
        return candidate
    _log.info("candidate %r: %d of %d characters are shown", candidate.id, len(text), len(candidate.text))
    return replace(candidate, text=text.rstrip() + CUT_MARK)


def prompt_of(question: str, candidate: Candidate, images: Sequence[ImagePart]) -> tuple[Message, ...]:
    """The prompt of one candidate; adapters are trained on the very same."""
    asked, told = question, candidate.text
    if images:
        # Pictures stand at the end of the prompt, so the words have to say which is whose.
        asked = _numbered(question, 1, len(images))
        told = _numbered(told, len(images) + 1, len(candidate.images))
    return layout("rerank").messages({"question": asked, "candidate": told}, (*images, *candidate.images))


def _numbered(text: str, first: int, count: int) -> str:
    return " ".join([text, *(f"(picture {number})" for number in range(first, first + count))]).strip()
