import base64
import hashlib
import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

from foveate.evals.report import read_run, write
from foveate.evals.report.html import html
from tests.evals.report.maker import Line, change, line, make_run, scored
from tests.makers import corners

EVIL = "<script>alert('x')</script> | a | b \"q\" <img src=http://evil.example/x.png onerror=alert(1)> &amp;"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, words outside of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside == "script" else self.words).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def evil_rows() -> list[Line]:
    return [
        line(EVIL, slices={EVIL: EVIL}, scores={"em": [0.0], "ece": [0.9, 0.0]},
             sample={"text": EVIL, "options": [EVIL], "answers": [EVIL], "relevant": {EVIL: 1.0}, "choice": 0,
                     "label": EVIL, "images": [EVIL]},
             output={"text": EVIL, "ranking": [[EVIL, 0.5]], "choice": 0, "label": EVIL, "verdict": EVIL,
                     "reason": EVIL, "confidence": 0.9, "evidence": [{"source": EVIL, "where": EVIL, "quote": EVIL}]},
             pictures={EVIL: "javascript:alert(1)"}),
        line("failed", output=None, error={"type": EVIL, "message": EVIL}, scores=None),
    ]  # fmt: skip


def evil(folder: Path) -> Path:
    facts = {"dataset": EVIL, "licence": EVIL, "source": EVIL, "options": {EVIL: EVIL}}
    make_run(folder, {"task & <b>": evil_rows()}, {"em": "higher", "ece": "lower"}, title=EVIL, suite=EVIL, facts=facts,
             versions={EVIL: EVIL})  # fmt: skip
    change(folder / "run.json", lambda body: body.update(target={"name": EVIL, EVIL: EVIL, "settings": {EVIL: [EVIL]}}))
    return folder


def plain(folder: Path, values: list[float | None], **more: Any) -> Path:
    return make_run(folder, {"plain": scored(values)}, **more)


def test_everything_from_data_is_words(tmp_path: Path) -> None:
    page = Page(html(read_run(evil(tmp_path))))
    assert len(page.scripts) == 1 and "alert" not in page.scripts[0]
    assert page.all("script") == [{}] and page.all("img") == []
    handlers = [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert handlers == [] and not page.all("iframe") and not page.all("link") and not page.all("base")
    assert page.text.count("<script>alert('x')</script>") > 15
    assert page.text.count("&amp;") > 15  # escaped once, not twice and not never


def test_nothing_is_fetched_and_only_the_packages_script_runs(tmp_path: Path) -> None:
    page = Page(html(read_run(evil(tmp_path))))
    policy = next(str(meta["content"]) for meta in page.all("meta") if "http-equiv" in meta)
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = [str(attributes[name]) for _, attributes in page.elements for name in ("src", "href") if name in attributes]
    assert links and all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links)


def test_headings_go_down_a_step_at_a_time_and_anchors_are_there_once(tmp_path: Path) -> None:
    page = Page(html(read_run(evil(tmp_path))))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in page.all("a")} <= set(map(str, ids))
    assert all(attributes.get("aria-label") for attributes in page.all("svg") if attributes.get("role") == "img")


def test_unscored_is_shown_as_such_and_never_as_0(tmp_path: Path) -> None:
    text = Page(html(read_run(plain(tmp_path, [None, None, None])))).text
    assert re.search(r"recall@3 unscored - higher 0 3 0", text)
    assert "0.000" not in text and "recall@3 unscored" in text


def test_some_unscored_are_counted_beside_the_figure(tmp_path: Path) -> None:
    text = Page(html(read_run(plain(tmp_path, [1.0, 0.0, None, 1.0])))).text
    assert re.search(r"recall@3 0\.667 \[0\.133, 1\.000\] higher 3 1 3", text)


def test_what_was_run(tmp_path: Path) -> None:
    text = Page(html(read_run(plain(tmp_path, [1.0])))).text
    for words in ("Quick look", "Suite quick on target agent", "1 tasks, 1 samples, 0 errors · seed 0", "smollm2",
                  "0f0f0f", "torch 2.14", "hard = false", "CC0-1.0", "abababab", "top_k = 3"):  # fmt: skip
        assert words in text, words


def test_a_card_says_what_was_expected_and_what_came(tmp_path: Path) -> None:
    ranking = [["w1", 0.5], *[[f"w{n}", 0.1] for n in range(2, 8)], ["right", 0.1]]
    rows = [
        line("card", slices={"modality": "image"}, scores={"recall@3": [0.0]},
             sample={"text": "Where is the cat?", "relevant": {"right": 1.0}, "answers": ["on the mat"]},
             output={"text": "nowhere", "ranking": ranking,
                     "verdict": "partial", "reason": "no_evidence", "confidence": 0.25,
                     "evidence": [{"source": "cats.md", "where": "line 3", "quote": "the cat sat"}]}),
    ]  # fmt: skip
    text = Page(html(read_run(make_run(tmp_path, {"plain": rows})))).text
    for words in ("Where is the cat?", "answer on the mat", "documents right", "answer nowhere", "1. w1 (0.5)",
                  "8. right (0.1) ✓", "verdict partial: no_evidence", "confidence 25.0%", "Cites cats.md line 3",
                  "the cat sat", "modality: image"):  # fmt: skip
        assert words in text, words


def test_pictures_are_inside_and_a_missing_one_has_a_placeholder(tmp_path: Path) -> None:
    corners(300, 200).save(tmp_path / "there.png")
    rows = [line("a", scores={"recall@3": [0.0]}, sample={"images": ["there.png", "gone.png"]})]
    page = Page(html(read_run(make_run(tmp_path, {"plain": rows}))))
    (picture,) = page.all("img")
    assert str(picture["src"]).startswith("data:image/jpeg;base64,") and picture["alt"] == "there.png, asked about"
    assert page.text.count("no picture") == 1 and "gone.png" in page.text


def test_the_resolver_is_asked(tmp_path: Path) -> None:
    corners().save(tmp_path / "d.png")
    run = make_run(tmp_path, {"plain": [line("a", scores={"recall@3": [0.0]}, sample={"relevant": {"d": 1.0}})]})
    assert Page(html(read_run(run))).all("img") == []
    assert len(Page(html(read_run(run), resolve={"d": "d.png"}.get)).all("img")) == 1


def test_cards_can_be_filtered_and_are_all_there_without_a_script(tmp_path: Path) -> None:
    rows = [*scored([0.0], slices={"language": "de"}), line("e", output=None, error={"type": "X", "message": "y"})]
    page = Page(html(read_run(make_run(tmp_path, {"plain": rows}))))
    assert [card["data-kind"] for card in page.all("article")] == ["error", "wrong"]
    assert [card["data-slices"] for card in page.all("article")] == ["[]", '["language: de"]']
    assert not any("hidden" in card for card in page.all("article"))
    (controls,) = (item for item in page.all("div") if "data-controls" in item)
    assert "hidden" in controls  # the script shows them; without it they would do nothing


def test_same_run_same_bytes(tmp_path: Path) -> None:
    corners().save(tmp_path / "q.png")
    found = []
    for name in ("one", "two"):
        rows = [line(f"s{n}", slices={"k": "ab"[n % 2]}, scores={"ece": [n / 9, n % 2], "em": [n % 2]},
                     sample={"images": [str(tmp_path / "q.png")]}) for n in range(8)]  # fmt: skip
        paths = write(make_run(tmp_path / name, {"plain": rows}, {"em": "higher", "ece": "lower"}))
        assert [path.name for path in paths] == ["report.html", "report.md"]
        found.append([path.read_bytes() for path in paths])
    assert found[0] == found[1]
    assert found[0] == [path.read_bytes() for path in write(tmp_path / "one")]
    assert not list(tmp_path.rglob("*.part*"))


def test_five_hundred_samples_within_seconds(tmp_path: Path) -> None:
    for number in range(20):
        corners(400 + number, 300).save(tmp_path / f"{number}.png")
    rows = [
        line(f"s{n}", slices={"language": f"l{n % 30}"}, scores={"em": [float(n % 3 == 0)], "aurc": [n / 500, n % 2]},
             sample={"images": [str(tmp_path / f"{n % 20}.png")]})
        for n in range(500)
    ]  # fmt: skip
    run = make_run(tmp_path / "run", {"plain": rows}, {"em": "higher", "aurc": "lower"})
    begin = time.process_time()
    page, _ = write(run)
    assert time.process_time() - begin < 8.0  # of this process: others share the machine
    assert page.stat().st_size < 6_500_000
    assert page.read_text().count("<article") == 40
