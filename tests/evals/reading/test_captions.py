"""Pictures with captions, turned to three directions."""

from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.reading.captions import Captioned, arranged

COUNTS = st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=6)


def items(counts: list[int]) -> list[Captioned]:
    return [
        Captioned(
            id=f"p{n}",
            path=f"/p{n}.jpg",
            captions=tuple((f"{n}-{c}", f"text {n} {c}") for c in range(count)),
            slices={"kind": str(n % 2)},
        )
        for n, count in enumerate(counts)
    ]


@given(COUNTS, st.integers(min_value=0, max_value=8))
def test_both_searches_hold_the_same_pairs(counts: list[int], each: int) -> None:
    by_text, pictures = arranged(items(counts), "text_to_image", each)
    by_picture, texts = arranged(items(counts), "image_to_text", each)
    pairs = {(next(iter(sample.relevant)), sample.id) for sample in by_text}
    assert pairs == {(sample.id, caption) for sample in by_picture for caption in sample.relevant}
    assert len(by_text) == len(texts) == sum(min(count, each) if each else count for count in counts)
    assert [document.image for document in pictures] == [sample.images[0] for sample in by_picture]
    assert {(document.group, document.id) for document in texts} == pairs
    assert [document.text for document in texts] == [sample.text for sample in by_text]
    assert all(sample.group in sample.relevant for sample in by_text)


@given(COUNTS, st.integers(min_value=0, max_value=8))
def test_descriptions_keep_every_reference(counts: list[int], each: int) -> None:
    samples, documents = arranged(items(counts), "caption", each)
    assert [len(sample.answers) for sample in samples] == counts
    assert documents == []
    assert [sample.slices["kind"] for sample in samples] == [str(n % 2) for n in range(len(counts))]
