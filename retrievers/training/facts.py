"""Questions on public facts of countries, with the passage that answers each and passages that do not.

From PyPI's countryinfo 1.0.1 (MIT). Only the countries whose hash is even: the other half is kept for measuring.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foveate.retrievers.training.packages import pypi
from foveate.retrievers.training.pairs import Group

__all__ = ["facts", "kept_for_measuring"]

_PASSAGES = {
    "capital": "The capital of {name} is {capital}.",
    "currency": "{name} pays with the currency {currency}.",
    "region": "{name} lies in {subregion}, a part of {region}.",
    "population": "{name} has a population of {population}.",
    "area": "{name} covers an area of {area} square kilometres.",
    "demonym": "A person from {name} is called {demonym}.",
    "tld": "Internet addresses of {name} end with {tld}.",
    "calling": "The calling code of {name} is +{calling}.",
}
_QUESTIONS = {
    "capital": ("What is the capital of {name}?", "Which city is the capital of {name}?", "Capital city of {name}"),
    "currency": ("Which currency is used in {name}?", "What money do people pay with in {name}?"),
    "region": ("Where does {name} lie?", "In which part of the world is {name}?"),
    "population": ("How many people live in {name}?", "What is the population of {name}?"),
    "area": ("How large is {name}?", "What area does {name} cover?"),
    "demonym": ("What is a person from {name} called?", "What do you call people of {name}?"),
    "tld": ("Which internet domain belongs to {name}?", "How do web addresses of {name} end?"),
    "calling": ("What is the phone code of {name}?", "Which number do I dial first to call {name}?"),
}


def kept_for_measuring(country: str) -> bool:
    """Whether nothing may be trained on a country."""
    return int(hashlib.sha256(country.encode()).hexdigest(), 16) % 2 == 1


def facts(cache: Path, rng: random.Random, candidates: int) -> Iterator[Group]:
    """One group a question: the answering passage, others of the same country, the same fact of other countries."""
    told = [_told(entry) for entry in _countries(cache)]
    for country in told:
        for kind in country:
            if kind == "name":
                continue
            question = rng.choice(_QUESTIONS[kind]).format(name=country["name"])
            same = [text for other, text in country.items() if other not in (kind, "name")]
            others = [other[kind] for other in told if kind in other and other["name"] != country["name"]]
            wrong = rng.sample(same, min(len(same), candidates // 2))
            wrong += rng.sample(others, candidates - 1 - len(wrong))
            pairs = [(country[kind], 1), *((text, 0) for text in wrong)]
            rng.shuffle(pairs)
            yield Group(question=question, candidates=tuple(pairs), source="facts")


def _countries(cache: Path) -> Iterator[Mapping[str, Any]]:
    folder = pypi("countryinfo", "1.0.1", cache) / "countryinfo" / "data"
    for path in sorted(folder.glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        if entry.get("name") and not kept_for_measuring(entry["name"]):
            yield entry


def _told(entry: Mapping[str, Any]) -> dict[str, str]:
    values = {
        "name": entry["name"],
        "capital": entry.get("capital"),
        "currency": ", ".join(entry.get("currencies") or ()),
        "region": entry.get("region"),
        "subregion": entry.get("subregion"),
        "population": f"{entry['population']:,}" if entry.get("population") else None,
        "area": f"{entry['area']:,}" if entry.get("area") else None,
        "demonym": entry.get("demonym"),
        "tld": ", ".join(entry.get("tld") or ()),
        "calling": ", ".join(entry.get("callingCodes") or ()),
    }
    said = {kind: text.format_map(values) for kind, text in _PASSAGES.items() if values[kind]}
    return {"name": entry["name"], **said}
