"""Plans for questions on anything: relations put into each other, compared, counted, asked of pictures.

What stands in the slots is drawn from WordNet's words and people, so that a plan is learnt as a form, not as a topic.
"""

import random
from collections.abc import Iterator, Sequence

from foveate.evals.reasoning.rows import plan_row
from foveate.evals.reasoning.wordnet import Entry
from foveate.rerankers.lora.completions import Completion

__all__ = ["compositions"]

_ROLES = (
    "author", "founder", "director", "inventor", "designer", "painter", "composer", "owner", "captain", "mayor",
    "architect", "first king", "editor", "builder", "singer", "curator", "translator", "head", "youngest player",
)  # fmt: skip
_WORKS = (
    "the {w} museum", "the {w} book", "the film about the {w}", "the {W} Company", "the {w} festival", "the old {w}",
    "the {w} on page 3", "the {W} Bridge", "the {w} workshop", "the recipe for {w}", "the {w} club",
)  # fmt: skip
_OF_A_PERSON = (
    "When was {x} born?", "Where was {x} born?", "In which town was {x} born?", "In which year did {x} die?",
    "What is the profession of {x}?", "Where did {x} study?", "Whom did {x} marry?", "Which prize did {x} win?",
    "How old is {x}?", "Which language does {x} speak?", "What else did {x} write?", "Where does {x} live?",
)  # fmt: skip
_OF_A_PLACE = (
    "How many people live in {x}?", "Which river flows through {x}?", "Who is the mayor of {x}?", "How old is {x}?",
    "What is the tallest building in {x}?", "Which language is spoken in {x}?", "When was {x} founded?",
    "How far is {x} from the sea?", "What is {x} famous for?",
)  # fmt: skip
_OF_A_THING = (
    "What colour is {x}?", "How heavy is {x}?", "What does {x} cost?", "How tall is {x}?", "How old is {x}?",
    "How long is {x}?", "When was {x} made?", "What is {x} made of?",
)  # fmt: skip
_MEASURES = (
    ("heavier", "How heavy is {x}?", "most"), ("lighter", "How heavy is {x}?", "least"),
    ("taller", "How tall is {x}?", "most"), ("older", "How old is {x}?", "most"),
    ("cheaper", "What does {x} cost?", "least"), ("more expensive", "What does {x} cost?", "most"),
    ("longer", "How long is {x}?", "most"), ("faster", "How fast is {x}?", "most"),
    ("smaller", "How large is {x}?", "least"), ("larger", "How large is {x}?", "most"),
)  # fmt: skip
_SINGLE = (
    "Which picture shows a {w}?", "What does the text say about the {w}?", "How do I clean a {w}?",
    "Who mentions the {w}?", "When did I photograph the {w}?", "Is there a {w} in the picture of the {v}?",
    "Why does the {w} stand beside the {v}?", "How many minutes does the {w} take?", "Where do {w}s live?",
    "What happens after the {w} falls over?", "Find the {w} with the {v}", "What colour is the {w}?",
    "Which ingredients does the {w} need?", "At which temperature does the {w} melt?", "Explain the {w}.",
    "What is shown next to the {v}?", "Does the {w} open on Sundays?", "Tell me about {p}.", "Who was {p}?",
)  # fmt: skip
_IN_PICTURES = ("What is this?", "Which animal is this?", "What is shown here?", "What is this thing called?")
_OF_THE_SEEN = (
    ("What does {s} eat?", "animal"), ("Where does {s} live?", "animal"), ("How old can {s} get?", "animal"),
    ("What is {s} used for?", "thing"), ("Who invented {s}?", "thing"), ("What is {s} made of?", "thing"),
)  # fmt: skip


def compositions(found: Sequence[Entry], rng: random.Random, count: int) -> Iterator[Completion]:
    """``count`` plans."""
    people = [entry.name for entry in found if entry.kind == "person"]
    words = [entry.name for entry in found if entry.kind != "person" and entry.name.islower()]
    makers = (_chained, _place, _compared, _single, _single, _seen, _longer)
    for number in range(count):
        question, steps = makers[number % len(makers)](rng, rng.choice(words), rng.choice(words), rng.choice(people))
        yield plan_row(question, steps, f"composition/{question}")


Plan = tuple[str, list[tuple[str, str, Sequence[int]]]]


def _thing(rng: random.Random, word: str) -> str:
    return rng.choice(_WORKS).format(w=word, W=word.title())


def _inner(template: str, inner: str) -> str:
    return template.format(x=inner)


def _chained(rng: random.Random, word: str, other: str, person: str) -> Plan:
    role, work = rng.choice(_ROLES), _thing(rng, word)
    outer = rng.choice(_OF_A_PERSON)
    first = f"Who {'was' if ' was ' in outer or ' did ' in outer else 'is'} the {role} of {work}?"
    question = _inner(outer, f"the {role} of {work}")
    return question, [("any", first, ()), ("any", _inner(outer, "#1"), (1,))]


def _place(rng: random.Random, word: str, other: str, person: str) -> Plan:
    outer = rng.choice(_OF_A_PLACE)
    inner, first = rng.choice(
        [
            (f"the town where {person} was born", f"In which town was {person} born?"),
            (f"the city where {person} died", f"In which city did {person} die?"),
            (f"the place where {_thing(rng, word)} stands", ""),
            (f"the town that is known for its {word}", f"Which town is known for its {word}?"),
        ]
    )
    if not first:
        first = f"Where does {inner.removeprefix('the place where ').removesuffix(' stands')} stand?"
    return _inner(outer, inner), [("any", first, ()), ("any", _inner(outer, "#1"), (1,))]


def _compared(rng: random.Random, word: str, other: str, person: str) -> Plan:
    adjective, asked, kind = rng.choice(_MEASURES)
    one, two = f"the {word}", f"the {other}"
    question = rng.choice([f"Which is {adjective}, {one} or {two}?", f"Is {one} or {two} {adjective}?"])
    steps: list[tuple[str, str, Sequence[int]]] = [("any", _inner(asked, each), ()) for each in (one, two)]
    return question, [*steps, (kind, f"{one}; {two}", (1, 2))]


def _single(rng: random.Random, word: str, other: str, person: str) -> Plan:
    question = rng.choice(_SINGLE).format(w=word, v=other, p=person)
    if rng.random() < 0.3:
        question = _inner(rng.choice((*_OF_A_PERSON,)), person)
    kind = "image" if "picture" in question.lower() else "any"
    return question, [(kind, question, ())]


def _seen(rng: random.Random, word: str, other: str, person: str) -> Plan:
    outer, what = rng.choice(_OF_THE_SEEN)
    question = outer.format(s=rng.choice([f"this {what}", f"the {what} in the picture", f"the {what} shown here"]))
    first = f"Which {what} is this?"
    if rng.random() < 0.3:
        alone = rng.choice(_IN_PICTURES)
        return alone, [("picture", alone, ())]
    return question, [("picture", first, ()), ("any", outer.format(s="#1"), (1,))]


def _longer(rng: random.Random, word: str, other: str, person: str) -> Plan:
    """Three steps."""
    role, work, outer = rng.choice(_ROLES), _thing(rng, word), rng.choice(_OF_A_PLACE)
    question = _inner(outer, f"the town where the {role} of {work} was born")
    return question, [
        ("any", f"Who was the {role} of {work}?", ()),
        ("any", "In which town was #1 born?", (1,)),
        ("any", _inner(outer, "#2"), (2,)),
    ]
