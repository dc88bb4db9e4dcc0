"""How sentences of the knowledge base word a fact, and which wording a sentence takes."""

import hashlib
from collections.abc import Sequence

__all__ = ["SENTENCES", "chosen", "number", "shuffled_by"]

SENTENCES: dict[str, tuple[str, ...]] = {
    "capital": (
        "The capital of {x} is {v}.",
        "{v} is the capital of {x}.",
        "The capital city of {x} is called {v}.",
        "In {x}, the capital is {v}.",
    ),
    "currency": (
        "The currency of {x} is the {v}.",
        "People in {x} pay with the {v}.",
        "The {v} is the money of {x}.",
        "In {x}, the currency is the {v}.",
    ),
    "region": (
        "{x} lies in {v}.",
        "{x} is part of {v}.",
        "The region of {x} is {v}.",
        "On the map, {x} is found in {v}.",
    ),
    "subregion": (
        "The subregion of {x} is {v}.",
        "{x} belongs to the subregion {v}.",
        "{x} is counted among the places of the subregion {v}.",
        "The subregion in which {x} lies is {v}.",
    ),
    "area": (
        "{x} covers {v} square kilometres.",
        "The area of {x} is {v} square kilometres.",
        "{x} has an area of {v} square kilometres.",
        "The land of {x} measures {v} square kilometres.",
    ),
    "neighbours": (
        "{x} borders {v}.",
        "{x} shares a land border with {v}.",
        "On land, {x} has a border with {v}.",
    ),
    "alone": (
        "{x} has no land border.",
        "No country borders {x} on land.",
        "On land, {x} has no neighbour.",
    ),
    "population": (
        "{x} has {v} inhabitants.",
        "The population of {x} is {v}.",
        "{v} people live in {x}.",
        "The number of people who live in {x} is {v}.",
    ),
    "demonym": (
        "A person from {x} is called {v}.",
        "The demonym of {x} is {v}.",
        "{v} is the word for a person from {x}.",
        "Somebody who comes from {x} is called {v}.",
    ),
    "tld": (
        "The internet domain {v} belongs to {x}.",
        "The internet domain of {x} is {v}, as web addresses show.",
        "Web addresses that end with {v} belong to {x}.",
        "{x} uses {v} as its internet domain.",
    ),
    "calling": (
        "The calling code of {x} is {v}.",
        "{x} has the calling code {v}.",
        "Calls to {x} from abroad start with {v}.",
        "The number {v} is the calling code of {x}.",
    ),
    "country": (
        "{x} lies in {v}.",
        "{x} is a place in {v}.",
        "The country in which {x} lies is {v}.",
        "In {v} lies {x}.",
    ),
    "timezone": (
        "The time zone of {x} is {v}.",
        "Clocks in {x} follow the time zone {v}.",
        "{x} keeps the time zone {v}.",
        "{v} is the time zone of {x}.",
    ),
}
"""Fact -> wordings: ``{x}`` is the subject, ``{v}`` the value. Cities share ``population`` with countries."""


def chosen(wordings: Sequence[str], *key: str) -> str:
    """The wording of a subject: always the same one, another one for the next."""
    return wordings[number(*key) % len(wordings)]


def shuffled_by(items: Sequence[str], *key: str) -> list[str]:
    """Items in an order that the key decides, so that their place tells nothing."""
    return sorted(items, key=lambda item: number(*key, item))


def number(*key: str) -> int:
    """A large number that the key alone decides."""
    return int(hashlib.sha256("\x1f".join(key).encode()).hexdigest(), 16)
