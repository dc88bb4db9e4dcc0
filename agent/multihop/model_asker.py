"""Pseudo-questions of a language model, for a passage graph: it writes what a passage answers, rules what it raises."""

import logging
from collections.abc import Sequence

from foveate.agent.loop import Loop
from foveate.rerankers.reasoning.asker import ChatAsker, Written
from foveate.retrievers.multihop.pseudo_questions import ClozeAsker, Passage, PseudoQuestion, Questions, keywords, names
from foveate.usage import Usage

__all__ = ["ModelAsker"]

_LOG = logging.getLogger(__name__)


class ModelAsker:
    """An :class:`foveate.retrievers.multihop.pseudo_questions.AsksQuestions`.

    A model that is told to write what a text leaves open writes what it knows already; names that a passage uses
    without being about them are found by rule. A passage about which the model writes nothing usable is asked about
    by rule altogether.
    """

    def __init__(self, chat: ChatAsker, loop: Loop) -> None:
        """Put both together.

        Args:
            chat: writes what a passage answers.
            loop: where it runs; the caller's to close.
        """
        self._chat = chat
        self._loop = loop
        self._rules = ClozeAsker()
        self.name = f"{chat.name}+{self._rules.name}"
        self.usage = Usage()
        """Of all that was asked."""

    def ask(self, passages: Sequence[Passage]) -> list[Questions]:
        """Questions of each passage, in order. Not from within ``loop``."""
        written = self._loop.run(self._chat.ask([_shown(passage) for passage in passages]))
        by_rule = self._rules.ask(passages)
        for one in written:
            self.usage += one.usage
        refused = sum(len(one.refused) for one in written)
        if refused:
            _LOG.info("%d lines of %s were no questions of their passages", refused, self._chat.name)
        return [_joined(one, rules) for one, rules in zip(written, by_rule, strict=True)]


def _shown(passage: Passage) -> str:
    if not passage.text:
        return ""  # tags are the encoder's own guesses, and nothing to ask a model about
    return f"{passage.title}. {passage.text}" if passage.title else passage.text


def _joined(written: Written, rules: Questions) -> Questions:
    asked = tuple(
        PseudoQuestion(text=question, keywords=words, meaning=question)
        for question in written.questions
        if (words := _about(question))
    )
    return Questions(answers=asked or rules.answers, raises=rules.raises)


def _about(question: str) -> tuple[str, ...]:
    """Names in a question, else all its words: edges are made of what a question is about."""
    return tuple(sorted({word for name in names(question) for word in keywords(name)})) or keywords(question)
