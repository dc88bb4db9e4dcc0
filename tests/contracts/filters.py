"""Hypothesis strategies for filters."""

from datetime import date
from typing import get_args

from hypothesis import strategies as st

from foveate.memory.filters import Condition, DateRange, Filter, OneOf, PathPrefix
from foveate.records import MediaKind, Part

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=1, max_size=12)
_likely = st.sampled_from(["holiday", "holiday/", "my holiday/", "/home/", "/", "é", "IMG_1.png", '"', "\\1", "1."])
_days = st.none() | st.dates(date(2023, 12, 1), date(2024, 7, 1)) | st.dates(date(1, 1, 1), date(9999, 12, 31))


def _one_of() -> st.SearchStrategy[Condition]:
    kinds = st.tuples(st.just("kind"), st.lists(st.sampled_from(get_args(MediaKind)), min_size=1, max_size=3))
    parts = st.tuples(st.just("part"), st.lists(st.sampled_from(get_args(Part)), min_size=1, max_size=3))
    names = st.sampled_from(["gif", "jpg", "jpeg", "pdf", "mp4", "markdown", "x-y.z+1"])
    formats = st.tuples(st.just("format"), st.lists(names, min_size=1, max_size=3))
    media = st.tuples(st.just("media"), st.lists(st.sampled_from(["0" * 32, "A" * 32]), min_size=1, max_size=2))
    return st.builds(
        lambda pair, negated: OneOf(key=pair[0], values=tuple(pair[1]), negated=negated),
        kinds | parts | formats | media,
        st.booleans(),
    )


def _paths() -> st.SearchStrategy[Condition]:
    prefixes = st.lists(_likely | _text, min_size=1, max_size=3)
    return st.builds(lambda them, no: PathPrefix(prefixes=tuple(them), negated=no), prefixes, st.booleans())


def _dates() -> st.SearchStrategy[Condition]:
    ordered = st.tuples(_days, _days).map(
        lambda pair: (min(pair), max(pair)) if None not in pair else pair  # type: ignore[type-var]
    )
    some = ordered.filter(lambda pair: pair != (None, None))
    return st.builds(lambda pair, no: DateRange(first=pair[0], last=pair[1], negated=no), some, st.booleans())


def filters() -> st.SearchStrategy[Filter]:
    """Filters of up to three conditions, likely to fit some of the contract's payloads."""
    return st.lists(_one_of() | _paths() | _dates(), max_size=3).map(lambda them: Filter(tuple(them)))
