"""The sample collection is complete, small, attributed, and made by the scripts beside it."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
import struct
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import pypdfium2
import pytest
from PIL import ExifTags, Image

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SAMPLE = EXAMPLES / "sample"
TRUTH = ROOT / "tests" / "data" / "harbour_day.timeline.json"
PICTURE_SUFFIXES = {".png", ".jpg", ".gif", ".webp"}
PICTURES = sorted(path for path in (SAMPLE / "pictures").rglob("*") if path.suffix in PICTURE_SUFFIXES)
DOCUMENTS = sorted((SAMPLE / "documents").iterdir())
FILM = SAMPLE / "films" / "harbour_day.mp4"
FONTS = Path("/usr/share/fonts/truetype/dejavu")


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module(name)


def json_lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]


def table() -> list[dict[str, str]]:
    with (EXAMPLES / "sample.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_whole_collection_is_at_most_eight_megabytes() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 8_000_000


def test_there_are_enough_pictures_and_about_twenty_have_no_caption() -> None:
    bare = [path for path in PICTURES if not path.with_suffix(".txt").exists()]
    assert len(PICTURES) >= 160
    assert 15 <= len(bare) <= 25


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_picture_opens_and_decodes(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
        assert min(image.size) >= 40
        assert max(image.size) <= 1600


def test_the_formats_that_a_reader_must_cope_with_are_there() -> None:
    modes, formats, animated, turned = Counter[str](), Counter[str](), 0, 0
    for path in PICTURES:
        with Image.open(path) as image:
            modes[image.mode] += 1
            formats[str(image.format)] += 1
            animated += getattr(image, "n_frames", 1) > 1
            turned += image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    assert {"PNG", "JPEG", "GIF", "WEBP"} <= set(formats)
    assert modes["RGBA"] >= 1
    assert modes["L"] >= 1
    assert animated == 1
    assert turned == 1


def test_the_photograph_with_exif_has_a_date_and_a_place_in_paris() -> None:
    with Image.open(SAMPLE / "pictures/places/0009.jpg") as image:
        exif = image.getexif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2019:07:14 10:30:00"
    assert [float(part) for part in gps[ExifTags.GPS.GPSLatitude]] == [48.0, 51.0, 30.0]
    assert "set for this sample" in exif[ExifTags.Base.ImageDescription]


def test_every_caption_is_one_or_two_sentences_beside_its_picture() -> None:
    names = {path.with_suffix("") for path in PICTURES}
    captions = sorted((SAMPLE / "pictures").rglob("*.txt"))
    assert all(path.with_suffix("") in names for path in captions)
    for path in captions:
        text = path.read_text(encoding="utf-8").strip()
        assert 10 <= len(text) <= 200, path
        assert text.endswith("."), path


def test_the_table_names_every_picture_once_with_its_caption_and_licence() -> None:
    rows = table()
    assert [row["target"] for row in rows] == [str(path.relative_to(SAMPLE / "pictures")) for path in PICTURES]
    for row in rows:
        sidecar = (SAMPLE / "pictures" / row["target"]).with_suffix(".txt")
        assert sidecar.exists() == (row["sidecar"] == "yes")
        if sidecar.exists():
            assert sidecar.read_text(encoding="utf-8") == row["caption"] + "\n"
        assert row["licence"] in {"public domain", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}
        assert row["author"] or row["licence"] == "public domain"
    assert len({row["caption"] for row in rows}) == len(rows)


def test_the_attribution_covers_every_file() -> None:
    text = (SAMPLE.parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for row in table():
        line = next(line for line in text.splitlines() if line.startswith(f"| pictures/{row['target']} |"))
        assert row["package"] in line
        assert row["author"] in line
        assert line.endswith(f"| {row['licence']} |")
    assert "## Documents" in text
    assert "`documents/`" in text
    assert "films/harbour_day.mp4" in text
    assert "films/harbour_day.srt" in text
    assert {path.name for path in SAMPLE.iterdir()} == {"documents", "films", "pictures"}


def test_there_are_documents_of_every_kind() -> None:
    kinds = Counter(path.suffix for path in DOCUMENTS)
    assert len(DOCUMENTS) >= 14
    assert kinds[".md"] >= 3
    assert kinds[".txt"] >= 5
    assert kinds[".html"] >= 2
    assert kinds[".pdf"] >= 4


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.suffix == ".pdf"], ids=lambda path: str(path.name))
def test_a_pdf_has_text_and_pictures_on_several_pages(path: Path) -> None:
    assert path.stat().st_size < 500_000
    document = pypdfium2.PdfDocument(path)
    try:
        words = [len(page.get_textpage().get_text_range().split()) for page in document]
        pictures = sum(
            1 for page in document for thing in page.get_objects() if thing.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
        )
    finally:
        document.close()
    assert len(words) >= 2
    assert min(words) >= 100
    assert pictures >= 2


def test_the_text_of_each_pdf_is_committed() -> None:
    sources = {path.stem for path in (EXAMPLES / "pdf_text").glob("*.txt")}
    assert sources == {path.stem for path in DOCUMENTS if path.suffix == ".pdf"}


def test_the_film_decodes_and_is_over_a_minute_long() -> None:
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    with av.open(str(FILM)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert (stream.width, stream.height) == tuple(truth["size"]) == (640, 360)
        assert float(stream.average_rate or 0) == truth["fps"]
    assert frames / truth["fps"] == pytest.approx(truth["duration_s"])
    assert truth["duration_s"] >= 60
    assert FILM.stat().st_size <= 1_500_000


def test_the_subtitles_lie_inside_the_film_in_order_and_say_what_the_truth_says() -> None:
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    blocks = FILM.with_suffix(".srt").read_text(encoding="utf-8").strip().split("\n\n")
    last = 0.0
    for block, cue in zip(blocks, truth["subtitles"], strict=True):
        _, times, words = block.split("\n")
        begin, end = (
            int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
            for h, m, s, ms in re.findall(r"(\d+):(\d+):(\d+),(\d+)", times)
        )
        assert last <= begin < end <= truth["duration_s"]
        assert (begin, end, words) == (cue["start_s"], cue["end_s"], cue["text"])
        last = end


def test_the_film_script_gives_the_committed_subtitles_and_truth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = script("build_film", monkeypatch)
    film.write_truth(tmp_path / "truth.json")
    assert film.srt_text() == FILM.with_suffix(".srt").read_text(encoding="utf-8")
    assert (tmp_path / "truth.json").read_text(encoding="utf-8") == TRUTH.read_text(encoding="utf-8")


@pytest.mark.skipif(not FONTS.exists(), reason="needs the DejaVu fonts (Debian: fonts-dejavu-core)")
def test_the_beginning_of_the_film_is_built_the_same_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    film = script("build_film", monkeypatch)
    for name in ("a.mp4", "b.mp4"):
        film.write_film(tmp_path / name, FONTS, seconds=1.5)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_picture_is_encoded_the_same_twice_and_within_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = script("build_sample", monkeypatch)
    source = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((900, 300)).save(source, "PNG")
    for row in sample.read_table():
        if row.target in {"animals/0001.jpg", "animals/0020.png", "places/0009.jpg", "toys/0007.gif"}:
            made = sample.encode(row, source.getvalue())
            assert made == sample.encode(row, source.getvalue())
            with Image.open(io.BytesIO(made)) as image:
                assert max(image.size) <= row.max_px * 1.2


def resource_archive(content: bytes) -> bytes:
    """A Qt resource archive of format 1 with the one file /dir/a.txt."""
    names = b"".join(struct.pack(">HI", len(n), 0) + n.encode("utf-16-be") for n in ("dir", "a.txt"))
    data = struct.pack(">I", len(content)) + content
    nodes = struct.pack(">IHII", 0, 2, 1, 1) + struct.pack(">IHII", 0, 2, 1, 2) + struct.pack(">IHHHI", 12, 0, 0, 0, 0)
    tree, contents = 20, 20 + len(nodes)
    return struct.pack(">4sIIII", b"qres", 1, tree, contents, contents + len(data)) + nodes + data + names


def test_the_resource_reader_finds_a_file_and_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = script("sample_sources", monkeypatch)
    archive = resource_archive(b"hello")
    assert sources.read_resource(archive, "/dir/a.txt") == b"hello"
    with pytest.raises(KeyError, match=r"b\.txt"):
        sources.read_resource(archive, "/dir/b.txt")
    with pytest.raises(ValueError, match="not a Qt resource archive"):
        sources.read_resource(b"PK" + archive, "/dir/a.txt")
    with pytest.raises(ValueError, match="folder"):
        sources.read_resource(archive, "/dir")


def test_the_questions_have_the_stated_splits_and_kinds() -> None:
    questions = json_lines("questions.jsonl")
    counts = Counter((q["split"], q["modality"]) for q in questions)
    assert len({q["id"] for q in questions}) == len({q["question"] for q in questions}) == len(questions)
    assert [q["split"] for q in questions] == ["dev"] * 20 + ["test"] * 60
    assert all(set(q) <= {"id", "split", "modality", "question", "targets", "note"} for q in questions)
    assert counts["test", "image"] >= 30
    assert counts["test", "text"] >= 20
    assert counts["test", "film"] >= 5
    assert {modality for split, modality in counts if split == "dev"} == {"image", "text", "film"}


def test_every_target_exists_and_is_of_the_kind_that_is_asked_for() -> None:
    folder = {"image": "pictures/", "text": "documents/", "film": "films/"}
    for question in [*json_lines("questions.jsonl"), *json_lines("questions_plain.jsonl")]:
        assert question["targets"], question["id"]
        assert question["targets"][0].startswith(folder[question["modality"]]), question["id"]
        assert all((SAMPLE / target).is_file() for target in question["targets"]), question["id"]


def test_questions_about_pictures_hardly_repeat_the_words_of_the_caption() -> None:
    small = set("a an the of in on at to and with is are that it its for which what do i not no into by from".split())
    for question in json_lines("questions.jsonl"):
        caption = (SAMPLE / question["targets"][0]).with_suffix(".txt")
        if question["modality"] != "image" or not caption.exists():
            continue
        asked, shown = (
            set(re.findall("[a-z]+", text.lower())) - small
            for text in (question["question"], caption.read_text(encoding="utf-8"))
        )
        assert len(asked & shown) <= 1, question["id"]


def test_there_are_twenty_questions_without_an_answer() -> None:
    questions = json_lines("unanswerable.jsonl")
    assert len(questions) == 20
    assert len({q["id"] for q in questions}) == 20
    assert all(set(q) <= {"id", "question", "note"} for q in questions)
    answerable = {q["question"] for q in json_lines("questions.jsonl")}
    assert not answerable & {q["question"] for q in questions}


def test_the_plain_questions_are_sixty_of_all_kinds_and_no_caption_is_copied() -> None:
    questions = json_lines("questions_plain.jsonl")
    assert len({q["id"] for q in questions}) == len({q["question"] for q in questions}) == len(questions) == 60
    assert Counter(q["modality"] for q in questions) == {"image": 34, "text": 21, "film": 5}
    hard = {q["question"] for q in json_lines("questions.jsonl")}
    assert not hard & {q["question"] for q in questions}
    captions = {path.read_text(encoding="utf-8").strip().lower() for path in (SAMPLE / "pictures").rglob("*.txt")}
    assert not any(q["question"].lower() in caption for q in questions for caption in captions)
