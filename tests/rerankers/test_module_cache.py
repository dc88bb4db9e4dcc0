"""Kept modules: bytes, order of forgetting, counters, keys."""

from collections import OrderedDict

import torch
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.module_cache import ModuleCache, ModuleStates, module_key

TOKEN_BYTES = 2 * 4 * 3 * 2  # keys and values, float32, size 3, two layers


def states(tokens: int) -> ModuleStates:
    part = torch.zeros(1, 1, tokens, 3)
    return ModuleStates(start=0, layers=((part, part.clone()), (part.clone(), part.clone())))


def test_sizes() -> None:
    assert states(5).tokens == 5
    assert states(5).size == 5 * TOKEN_BYTES


steps = st.lists(st.tuples(st.sampled_from(["get", "put"]), st.sampled_from("abcde"), st.integers(1, 6)), max_size=40)


@given(steps, st.integers(0, 12))
def test_against_a_plain_lru(found: list[tuple[str, str, int]], room: int) -> None:
    cache = ModuleCache(room * TOKEN_BYTES)
    kept: OrderedDict[str, int] = OrderedDict()
    hits = misses = evictions = 0
    for what, key, tokens in found:
        if what == "get":
            got = cache.get(key)
            assert (None if got is None else got.tokens) == kept.get(key)
            hits, misses = hits + (key in kept), misses + (key not in kept)
            if key in kept:
                kept.move_to_end(key)
        else:
            cache.put(key, states(tokens))
            if tokens <= room:
                kept.pop(key, None)
                kept[key] = tokens
                while sum(kept.values()) > room:
                    kept.popitem(last=False)
                    evictions += 1
        assert cache.size == sum(kept.values()) * TOKEN_BYTES <= cache.max_bytes
        assert len(cache) == len(kept)
    assert (cache.hits, cache.misses, cache.evictions) == (hits, misses, evictions)
    cache.clear()
    assert len(cache) == cache.size == 0


modules = st.tuples(st.lists(st.integers(0, 300), max_size=4), st.integers(0, 50), st.text("ab", max_size=3))


@given(modules, modules)
def test_keys_tell_all_apart(one: tuple[list[int], int, str], other: tuple[list[int], int, str]) -> None:
    assert (module_key(*one) == module_key(*other)) == (one == other)


def test_repr_counts() -> None:
    cache = ModuleCache(10**6)
    cache.put("a", states(2))
    cache.get("a")
    cache.get("b")
    assert repr(cache) == f"ModuleCache(1 modules, {2 * TOKEN_BYTES} of 1000000 bytes, 1 hits, 1 misses, 0 evictions)"
