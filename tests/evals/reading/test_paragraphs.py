"""Paragraphs of multi-hop benchmarks, and what holds for any file in HotpotQA's form."""

from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.reading.paragraphs import Paragraphs, hotpot_samples
from foveate.evals.reading.rows import Row

titles = st.sampled_from(["A", "B", "C", "A/B", "A#1"])
sentences = st.lists(st.sampled_from(["one.", "two.", "three."]), max_size=2)
contexts = st.lists(st.tuples(titles, sentences).map(list), max_size=4)
facts = st.lists(st.tuples(titles, st.integers(0, 3)).map(list), max_size=3)


@given(st.lists(st.tuples(contexts, facts), min_size=1, max_size=4), st.booleans())
def test_candidates_are_documents_with_the_published_text(
    questions: list[tuple[list[list[object]], list[list[object]]]], pooled: bool
) -> None:
    rows = [
        Row({"_id": f"q{number}", "question": "Q?", "context": context, "supporting_facts": gold}, f"entry {number}")
        for number, (context, gold) in enumerate(questions)
    ]
    samples, documents = hotpot_samples(rows, Paragraphs(), pooled=pooled, glue=" ")
    known = {document.id: document for document in documents}
    assert len(known) == len(documents)
    for sample, (context, gold) in zip(samples, questions, strict=True):
        published = {(title, " ".join(map(str, parts))) for title, parts in context}  # type: ignore[call-overload]
        assert {(known[name].title, known[name].text) for name in sample.candidates} == published
        assert len(sample.facts) == len(gold)
        assert set(sample.relevant) == {fact.document for fact in sample.facts}
        given_titles = {title for title, _ in published}
        for fact, (title, number) in zip(sample.facts, gold, strict=True):
            assert fact.sentence == number
            if title in given_titles:
                assert known[fact.document].title == title
                assert fact.document in sample.candidates
    if pooled:
        assert len({(document.title, document.text) for document in documents}) == len(documents)


@given(st.lists(st.tuples(titles, st.sampled_from(["one", "two", "three"])), max_size=12))
def test_one_document_a_distinct_text(added: list[tuple[str, str]]) -> None:
    pool = Paragraphs()
    ids = [pool.add(title, title, text) for title, text in added]
    assert len(pool.all()) == len(set(added)) == len(set(ids))
    texts = {document.id: document.text for document in pool.all()}
    assert [texts[name] for name in ids] == [text for _, text in added]


def test_a_fact_names_the_first_paragraph_of_its_title() -> None:
    context = [["A", ["one."]], ["A", ["two."]]]
    row = Row({"_id": "q", "question": "Q?", "context": context, "supporting_facts": [["A", 0]]}, "entry 0")
    (sample,), _ = hotpot_samples([row], Paragraphs(), pooled=False, glue=" ")
    assert sample.candidates[0] == "q/A"
    assert len(sample.candidates) == 2
    assert sample.relevant == {"q/A": 1.0}
