"""Questions that a passage answers and questions that it raises, made without a model.

HopRAG (Liu et al. 2025, arXiv 2502.12442) has a language model write them. Here they are cloze questions (Lewis,
Denoyer and Riedel, ACL 2019): a statement with one of its names or numbers blanked is a question which the passage
answers, and each name that the passage uses without being about it is a question which it raises.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import snowballstemmer

from foveate.chunking.passages import sentences

__all__ = ["AsksQuestions", "ClozeAsker", "Passage", "PseudoQuestion", "Questions", "keywords", "names"]

_READ_CHARS = 20_000
"""Of a passage; chunks have about 1,000, and a text that was never cut must not cost more than its worth."""
_STATEMENT_CHARS = 300
_TOKEN = re.compile(r"\w+(?:['\u2019.]\w+)*")
_NUMBER = re.compile(r"\d[\d.,]*")
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_LINKS = frozenset("of de da do du del della di la le van von der den al el bin ibn".split())
"""What may stand inside a name in lower case."""
_STEMMER = snowballstemmer.stemmer("english")
_STOP = frozenset(
    "a about after again all also although an and another any are as at be because been before being between both but "
    "by can could did do does during each either every few first for from further had has have he her here hers him "
    "his how however i if in inside into is it its last later many may me meanwhile more most much must my near next "
    "no nor not now of off on once one only or other our out over own same several she should since so some soon "
    "still such than that the their them then there therefore these they this those though through thus to today too "
    "under until up upon us very was we were what when where whether which while who whom whose why will with within "
    "without would you your".split()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """What questions are made of."""

    text: str
    """May be empty where there are ``tags``."""
    title: str = ""
    tags: tuple[str, ...] = ()
    """What a picture that nobody described seems to show."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PseudoQuestion:
    """A question nobody asked."""

    text: str
    keywords: tuple[str, ...]
    """Stems of what it is about, sorted, each once; at least one."""
    meaning: str
    """What an encoder is given. The statement for a cloze, which differs from it in one word: its vector is then
    computed once a statement, not once a blank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """Of one passage."""

    answers: tuple[PseudoQuestion, ...] = ()
    """In-coming: those that the passage answers."""
    raises: tuple[PseudoQuestion, ...] = ()
    """Out-coming: those that it raises and leaves open."""


class AsksQuestions(Protocol):
    """Makes questions of passages."""

    @property
    def name(self) -> str:
        """What the graph's file remembers; another name means other questions."""

    def ask(self, passages: Sequence[Passage]) -> list[Questions]:
        """Questions of each passage, in order; each passage alone, so that company changes nothing. Blocking.

        Raises:
            ModelError, ServiceError: a model failed.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class _Name:
    start: int
    end: int
    text: str
    sure: bool
    """False for a single word at the beginning of its statement, which may have its capital from there."""


class ClozeAsker:
    """Cloze questions by rule."""

    def __init__(self, *, statements: int = 4, answers: int = 8, raises: int = 6) -> None:
        """Set the limits.

        Args:
            statements: of a passage that are used, the first ones; each costs one vector.
            answers: in-coming questions of a passage, at most.
            raises: out-coming ones, at most.
        """
        self._limits = statements, answers, raises
        self.name = f"cloze-1-{statements}-{answers}-{raises}"

    def ask(self, passages: Sequence[Passage]) -> list[Questions]:
        """Questions of each passage, in order."""
        return [self._of(passage) for passage in passages]

    def _of(self, passage: Passage) -> Questions:
        most, answers, raises = self._limits
        subject, statements = _statements(passage, most)
        if not statements:
            return _of_tags(passage.tags)
        capitals = {name for statement in statements for name in names(statement)}
        asked = [_blanked(statement, subject) for statement in statements]
        open_ = [question for one in statements for question in _open(one, subject, capitals)]
        if not open_ and not any(_names(statement) for statement in statements):
            # Captions are often without a name: then the statement as a whole is what they could lead on from.
            open_ = [
                plain for one in statements if (plain := _whole(one, f"What about {_bare(one)}?", _told(one, subject)))
            ]
        return Questions(
            answers=_first(_in_turn(asked), answers),
            raises=_first(_once(open_), raises),
        )


def keywords(text: str) -> tuple[str, ...]:
    """Stems (Porter2) of the words that carry meaning, folded, sorted, each once."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    return tuple(sorted({_stem(word) for word in words if word not in _STOP}))


def names(statement: str) -> list[str]:
    """Runs of capitalised words, in order; a lone word that begins the statement is left out."""
    return [name.text for name in _names(statement) if name.sure]


def _statements(passage: Passage, most: int) -> tuple[str, list[str]]:
    """What the passage is about, and its first statements in one line each."""
    text = passage.text[:_READ_CHARS]
    heading, found = "", []
    for span in sentences(text):
        line = " ".join(text[span.start : span.end].split())
        if line.startswith("#"):
            heading = heading or line.lstrip("# ")
        elif keywords(line):
            found.append(line[:_STATEMENT_CHARS])
        if len(found) == most:
            break
    return heading or passage.title.strip()[:_STATEMENT_CHARS] or _opening(found), found


def _opening(statements: Sequence[str]) -> str:
    """The name that a text without a title begins with; empty where something else comes first."""
    for name in _names(statements[0]) if statements else []:
        return "" if keywords(statements[0][: name.start]) else name.text
    return ""


def _names(statement: str) -> list[_Name]:
    """Every run of capitalised words, joined by a blank, a hyphen or a link word."""
    found: list[_Name] = []
    run: list[re.Match[str]] = []
    links: list[re.Match[str]] = []
    tokens = list(_TOKEN.finditer(statement))
    for token in tokens:
        word = token[0]
        last = (links or run)[-1] if run else None
        joined = last is not None and statement[last.end() : token.start()] in (" ", "-")
        if word[0].isupper() and word.casefold() not in _STOP:
            if not joined:
                found += _closed(statement, run, tokens)
                run = []
            run += [*links, token] if joined else [token]
            links = []
        elif joined and word in _LINKS:
            links.append(token)
        else:
            found += _closed(statement, run, tokens)
            run, links = [], []
    return found + _closed(statement, run, tokens)


def _closed(statement: str, run: Sequence[re.Match[str]], tokens: Sequence[re.Match[str]]) -> list[_Name]:
    if not run:
        return []
    start, end = run[0].start(), run[-1].end()
    sure = len(run) > 1 or run[0] is not tokens[0]
    return [_Name(start=start, end=end, text=statement[start:end], sure=sure)]


def _blanked(statement: str, subject: str) -> list[PseudoQuestion]:
    """The statement with each of its names and numbers blanked; as a whole where it has none."""
    found = _names(statement)
    # (start, end, word that asks); a number inside a name belongs to the name.
    blanks = [(name.start, name.end, "what") for name in found]
    for number in _NUMBER.finditer(statement):
        if not any(name.start <= number.start() < name.end for name in found):
            what = "which year" if _YEAR.fullmatch(number[0].rstrip(".,")) else "which number"
            blanks.append((number.start(), number.start() + len(number[0].rstrip(".,")), what))
    about, told = set(keywords(subject)), _told(statement, subject)
    asked = []
    for start, end, what in sorted(blanks):
        answer = set(keywords(statement[start:end]))
        others = (name.text for name in found if name.start != start)
        left = about.union(*(keywords(name) for name in others)) - answer
        if left:
            text = f"{told}{_bare(statement[:start] + what + statement[end:])}?"
            asked.append(PseudoQuestion(text=text, keywords=tuple(sorted(left)), meaning=told + statement))
    return asked or [one for one in [_whole(statement, f"What of this: {told}{_bare(statement)}?", told)] if one]


def _open(statement: str, subject: str, capitals: set[str]) -> Iterator[PseudoQuestion]:
    """A question for each name that the passage is not about."""
    about, told = set(keywords(subject)), _told(statement, subject)
    for name in _names(statement):
        words = keywords(name.text)
        if words and not set(words) <= about and (name.sure or name.text in capitals):
            text = f"What about {name.text}? {told}{statement}"
            yield PseudoQuestion(text=text, keywords=words, meaning=told + statement)


def _told(statement: str, subject: str) -> str:
    """What the statement needs before it to be understood alone: the subject, where it does not name it."""
    return "" if set(keywords(subject)) <= set(keywords(statement)) else f"{subject}: "


def _whole(statement: str, text: str, told: str = "") -> PseudoQuestion | None:
    words = keywords(told + statement)
    return PseudoQuestion(text=text, keywords=words, meaning=told + statement) if words else None


def _of_tags(tags: Iterable[str]) -> Questions:
    """A picture answers what shows a thing, and raises what the thing is."""
    named = [(tag, words) for tag in tags if (words := keywords(tag))]
    meaning = f"a picture of {', '.join(tag for tag, _ in named)}"

    def asked(wording: str) -> tuple[PseudoQuestion, ...]:
        return tuple(PseudoQuestion(text=wording.format(tag), keywords=words, meaning=meaning) for tag, words in named)

    return Questions(answers=asked("What shows {}?"), raises=asked("What about {}?"))


def _in_turn(groups: Sequence[Sequence[PseudoQuestion]]) -> Iterator[PseudoQuestion]:
    """The first of each group, then the second of each, so that a limit leaves every statement its share."""
    for place in range(max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if place < len(group))


def _once(questions: Iterable[PseudoQuestion]) -> Iterator[PseudoQuestion]:
    """One question a name: the first statement that has it."""
    seen: set[tuple[str, ...]] = set()
    for question in questions:
        if question.keywords not in seen:
            seen.add(question.keywords)
            yield question


def _first(questions: Iterable[PseudoQuestion], most: int) -> tuple[PseudoQuestion, ...]:
    return tuple({question.text: question for question in questions}.values())[:most]


def _bare(statement: str) -> str:
    return statement.rstrip(" .!?:;\u2026\u3002\uff01\uff1f")


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    stem: str = _STEMMER.stemWord(word)
    return stem
