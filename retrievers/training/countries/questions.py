"""Questions over the knowledge base: what is asked, the plan, what each step should find and where it stands."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from foveate.retrievers.training.countries import phrasings
from foveate.retrievers.training.countries.facts import City, Country, World, fold, with_article
from foveate.retrievers.training.countries.passages import TOPICS, Passage, slug
from foveate.retrievers.training.countries.wordings import number

__all__ = ["COUNTS", "KINDS", "Question", "questions"]

COUNTS = {"one_hop": 1200, "two_hop": 1500, "three_hop": 400, "comparison": 400, "picture": 600}
"""Questions of a kind, half of them a half of the world, balanced over relations."""
KINDS = tuple(COUNTS)
_COUNTRY_FACTS = ("capital", "currency", "subregion", "area", "population", "demonym", "tld", "calling")
_CITY_FACTS = ("country", "population", "timezone")
# Facts that stand in the same document as the bridge would make one hop of two.
_SAME_DOCUMENT = {
    "city": (),
    "capital": ("capital", "currency"),
    "demonym": ("demonym", "population"),
    "tld": ("tld", "calling"),
    "calling": ("tld", "calling"),
    "flag": (),
}
_APART = 1.25
"""Numbers that are compared differ by at least this factor."""

PlanStep = tuple[str, str, tuple[int, ...]]
"""Kind, question, numbers of the steps it needs: those of :mod:`foveate.rerankers.reasoning.plans`, from 1."""
Facts = tuple[tuple[str, int], ...]
"""(document, sentence) pairs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question with what is right."""

    id: str
    text: str
    picture: str | None
    """Name of the picture that belongs to it, without folder and suffix."""
    answers: tuple[str, ...]
    """Accepted forms, the one in the documents first."""
    kind: str
    """One of :data:`KINDS`."""
    relation: str
    """"currency", "city>currency", "city>capital>timezone", "more_people", "flag>currency"."""
    countries: tuple[str, ...]
    """Names of all countries that it is about."""
    plan: tuple[PlanStep, ...]
    replies: tuple[str, ...]
    """Right answer of each step."""
    facts: tuple[Facts, ...]
    """Of each step, where its answer stands; empty for ``most`` and ``least``."""
    half: str
    """``train`` or ``held_out``."""
    phrasing: str
    """``seen`` or ``unseen``: whether questions to train on are worded so."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def questions(
    world: World, passages: Iterable[Passage], flags: Collection[str], counts: Mapping[str, int] = COUNTS
) -> tuple[Question, ...]:
    """All questions, by id.

    Args:
        world: the facts.
        passages: the documents that state them.
        flags: names of the countries whose flags look like no other.
        counts: questions of a kind; at most, half of them for each half.
    """
    asker = _Asker(world, {passage.id: passage for passage in passages}, flags)
    by_kind: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in asker.all():
        by_kind[question.kind, question.half].append(question)
    chosen = [one for (kind, _), found in by_kind.items() for one in balanced(found, counts[kind] // 2)]
    return tuple(sorted(chosen, key=lambda question: question.id))


def balanced(found: Sequence[Question], count: int) -> list[Question]:
    """At most ``count`` of them, in turn from each relation, in an order that hashes decide."""
    turns: dict[str, int] = defaultdict(int)
    order = []
    for question in sorted(found, key=lambda question: number("order", question.id)):
        order.append((turns[question.relation], question.relation, question))
        turns[question.relation] += 1
    return [question for *_, question in sorted(order, key=lambda row: row[:2])[:count]]


@dataclass(frozen=True, slots=True)
class _Step:
    kind: str
    query: str
    answers: tuple[str, ...]
    facts: Facts
    after: tuple[int, ...] = ()


class _Asker:
    def __init__(self, world: World, passages: Mapping[str, Passage], flags: Collection[str]) -> None:
        self._countries = [country for country in world.countries]
        self._by_name = {country.name: country for country in world.countries}
        self._cities = world.cities
        self._capitals = {city.country: city for city in world.cities if city.is_capital}
        self._passages = passages
        self._flags = flags

    def all(self) -> Iterator[Question]:
        """Every question that can be asked."""
        yield from self._one_hop()
        yield from self._two_hop()
        yield from self._three_hop()
        yield from self._comparisons()
        yield from self._pictures()

    def _one_hop(self) -> Iterator[Question]:
        for country in self._countries:
            for fact in _COUNTRY_FACTS:
                if step := self._of_country(country, fact, country.the):
                    yield self._asked("one_hop", fact, country.name, [country], [step], fact, country.the)
        for city in self._cities:
            country = self._by_name[city.country]
            for fact in _CITY_FACTS:
                step = self._of_city(city, fact, city.name)
                relation = fact if fact == "timezone" else f"city_{fact}"
                yield self._asked("one_hop", relation, city.name, [country], [step], fact, city.name)

    def _two_hop(self) -> Iterator[Question]:
        for bridge in ("capital", "demonym", "tld", "calling"):
            for country in self._countries:
                if first := self._bridge(country, bridge):
                    yield from self._through("two_hop", bridge, country, first, country.name)
        for city in self._cities:
            if not city.is_capital:
                country = self._by_name[city.country]
                first = self._of_city(city, "country", city.name)
                yield from self._through("two_hop", "city", country, first, city.name)

    def _pictures(self) -> Iterator[Question]:
        for country in self._countries:
            if country.name in self._flags:
                first = _Step("picture", phrasings.FLAG[0], _place_forms(country.name), ((_flag(country), 0),))
                yield self._asked("picture", "flag", country.name, [country], [first], "flag", "")
                yield from self._through("picture", "flag", country, first, country.name)

    def _through(self, kind: str, bridge: str, country: Country, first: _Step, value: str) -> Iterator[Question]:
        """Facts of a country that is not named."""
        for fact in _COUNTRY_FACTS:
            second = self._of_country(country, fact, "#1", after=(1,))
            if second and fact not in _SAME_DOCUMENT[bridge]:
                said = value if bridge in ("city", "flag") else _value(country, bridge)
                relation = f"{bridge}>{fact}"
                yield self._asked(kind, relation, value, [country], [first, second], fact, said or "", bridge)

    def _three_hop(self) -> Iterator[Question]:
        for city in self._cities:
            capital = self._capitals.get(city.country)
            if city.is_capital or not capital:
                continue
            country = self._by_name[city.country]
            first = self._of_city(city, "country", city.name)
            second = self._of_country(country, "capital", "#1", after=(1,))
            for fact in ("timezone", "population"):
                third = self._of_city(capital, fact, "#2", after=(2,))
                if second:
                    relation = f"city>capital>{fact}"
                    steps = [first, second, third]
                    yield self._asked("three_hop", relation, city.name, [country], steps, fact, city.name, "city", True)

    def _comparisons(self) -> Iterator[Question]:
        for half in ("train", "held_out"):
            countries = [country for country in self._countries if country.half == half]
            cities = [city for city in self._cities if self._by_name[city.country].half == half]
            for relation, (fact, kind, _) in phrasings.COMPARED.items():
                for one, other in _pairs(countries, relation):
                    steps = [self._of_country(place, fact, place.the) for place in (one, other)]
                    sizes = [getattr(place, "area_km2" if fact == "area" else fact) for place in (one, other)]
                    yield from self._compared(
                        relation, relation, kind, [one, other], steps, sizes, (one.the, other.the)
                    )
            for town, rival in _pairs(cities, "cities"):
                homes = [self._by_name[place.country] for place in (town, rival)]
                both = [self._of_city(place, "population", place.name) for place in (town, rival)]
                sizes = [town.population, rival.population]
                names = (town.name, rival.name)
                yield from self._compared("more_people", "more_people_city", "most", homes, both, sizes, names)

    def _compared(
        self,
        phrased: str,
        relation: str,
        kind: str,
        countries: Sequence[Country],
        steps: Sequence[_Step | None],
        sizes: Sequence[int | None],
        names: tuple[str, str],
    ) -> Iterator[Question]:
        first, second = steps
        small, large = sorted(size or 0 for size in sizes)
        if not (first and second and small) or large < _APART * small:
            return
        won = (max if kind == "most" else min)(range(2), key=lambda i: sizes[i] or 0)
        bare = [name.removeprefix("the ") for name in names]
        last = _Step(kind, "; ".join(bare), _place_forms(bare[won]), (), (1, 2))
        subject = "+".join(bare)
        yield self._made(
            kind="comparison",
            relation=relation,
            subject=subject,
            countries=countries,
            steps=[first, second, last],
            wordings=[phrasings.COMPARED[phrased][2]],
            fill=lambda texts: texts[0].replace("{a}", names[0]).replace("{b}", names[1]),
        )

    def _asked(
        self,
        kind: str,
        relation: str,
        subject: str,
        countries: Sequence[Country],
        steps: Sequence[_Step],
        fact: str,
        value: str,
        bridge: str | None = None,
        of_capital: bool = False,
    ) -> Question:
        wordings = [phrasings.FLAG if fact == "flag" else phrasings.ASKED[fact]]
        wordings += [phrasings.BRIDGES[bridge][1]] if bridge else []

        def fill(texts: Sequence[str]) -> str:
            known = texts[1].replace("{v}", value) if bridge else value
            return texts[0].replace("{x}", f"the capital of {known}" if of_capital else known)

        return self._made(
            kind=kind,
            relation=relation,
            subject=subject,
            countries=countries,
            steps=steps,
            wordings=wordings,
            fill=fill,
        )

    def _made(
        self,
        *,
        kind: str,
        relation: str,
        subject: str,
        countries: Sequence[Country],
        steps: Sequence[_Step],
        wordings: Sequence[tuple[str, ...]],
        fill: Any,
    ) -> Question:
        name = f"{kind}/{relation}/{slug(subject)}"
        half = countries[0].half
        new = half == "held_out" and number("phrasing", name) % 2 == 1
        lists = [(phrasings.unseen if new else phrasings.seen)(texts) for texts in wordings]
        texts = [texts[number(name, str(i)) % len(texts)] for i, texts in enumerate(lists)]
        return Question(
            id=name,
            text=fill(texts),
            picture=_picture(countries[0]) if kind == "picture" else None,
            answers=steps[-1].answers,
            kind=kind,
            relation=relation,
            countries=tuple(country.name for country in countries),
            plan=tuple((step.kind, step.query, step.after) for step in steps),
            replies=tuple(step.answers[0] for step in steps),
            facts=tuple(step.facts for step in steps),
            half=half,
            phrasing="unseen" if new else "seen",
        )

    def _of_country(self, country: Country, fact: str, said: str, after: tuple[int, ...] = ()) -> _Step | None:
        value = _value(country, fact)
        if value is None or (fact == "capital" and fold(value) in fold(country.name)):
            return None
        query = phrasings.ASKED[fact][0].replace("{x}", said)
        return _Step("any", query, _forms(fact, value), self._where(_document(country, fact), fact), after)

    def _of_city(self, city: City, fact: str, said: str, after: tuple[int, ...] = ()) -> _Step:
        value = {"country": city.country, "population": f"{city.population:,}", "timezone": city.timezone}[fact]
        query = phrasings.ASKED[fact][0].replace("{x}", said)
        return _Step("any", query, _forms(fact, value), self._where(f"cities/{slug(city.name)}", fact), after)

    def _bridge(self, country: Country, fact: str) -> _Step | None:
        """The step that finds a country by a fact; None where the fact gives the name away or is not its alone."""
        value = _value(country, fact)
        same = [other for other in self._countries if value and fold(_value(other, fact) or "") == fold(value)]
        if value is None or len(same) > 1 or (fact == "capital" and _gives_away(value, country.name)):
            return None
        query = phrasings.BRIDGES[fact][0].replace("{v}", value)
        return _Step("any", query, _place_forms(country.name), self._where(_document(country, fact), fact))

    def _where(self, document: str, fact: str) -> Facts:
        return ((document, self._passages[document].facts[fact]),)


def _pairs(places: Sequence[Any], relation: str) -> Iterator[tuple[Any, Any]]:
    """Neighbours in an order that hashes decide."""
    yield from pairwise(sorted(places, key=lambda place: number("pairs", relation, place.name)))


def _value(country: Country, fact: str) -> str | None:
    if fact == "area":
        return None if country.area_km2 is None else f"{country.area_km2:,} square kilometres"
    if fact == "population":
        return f"{country.population:,}"
    value: str | None = getattr(country, fact)
    return value


def _forms(fact: str, value: str) -> tuple[str, ...]:
    """Accepted forms of an answer; exact match looks at neither case, articles nor punctuation."""
    if fact == "area":
        bare = value.split()[0]
        return (value, bare, f"{bare} km2", f"{bare} km²", f"{bare} sq km")
    if fact == "population":
        return (value, f"{value} people", f"{value} inhabitants")
    return _place_forms(value) if fact in ("capital", "country") else (value,)


def _place_forms(name: str) -> tuple[str, ...]:
    """With and without accents."""
    return tuple(dict.fromkeys((name, with_article(name), _unaccented(name))))


def _unaccented(name: str) -> str:
    return "".join(fold(letter).upper() if letter.isupper() else fold(letter) or letter for letter in name)


def _gives_away(value: str, name: str) -> bool:
    return fold(value) in fold(name) or fold(name) in fold(value)


def _document(country: Country, fact: str) -> str:
    topic = next(topic for topic, facts in TOPICS.items() if fact in facts)
    return f"countries/{slug(country.name)}-{topic}"


def _flag(country: Country) -> str:
    return f"pictures/flag-{slug(country.name)}"


def _picture(country: Country) -> str:
    return f"flag-{slug(country.name)}"
