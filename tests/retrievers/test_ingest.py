"""Indexing: what changes, what stays, what is left out; on real files with the weightless encoder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from foveate.errors import CallerError, CollectionBusy, ServiceError
from foveate.media.pieces import Limits, ReadOptions
from foveate.memory.collection import Collection, EncoderInfo
from foveate.memory.store import Point
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.ingest import Indexer
from foveate.retrievers.points import chunk_of
from foveate.retrievers.progress import IndexProgress, IndexReport
from foveate.settings import StoreSettings

ENCODER = HashedEncoder()
INFO = EncoderInfo(name=ENCODER.name, fingerprint=ENCODER.fingerprint, dim=ENCODER.dim)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with Collection.open(tmp_path / "home", "c", INFO, StoreSettings(kind="reference"), create=True) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    media = tmp_path / "media"
    (media / "pics").mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(media / "pics" / "red.png")
    (media / "pics" / "red.txt").write_text("a red square")
    Image.new("RGB", (30, 40), "blue").save(media / "pics" / "blue.jpg")
    (media / "note.md").write_text("# Boats\n\nThe boat is blue. It leaks.\n")
    return media


def index(
    collection: Collection, *paths: Path, prune: bool = False, options: ReadOptions | None = None, workers: int = 0
) -> IndexReport:
    options = options or ReadOptions()
    return Indexer(collection, ENCODER, options=options, limits=Limits(), decoders=workers).run(
        list(paths), prune=prune
    )


def texts(collection: Collection) -> dict[str, str | None]:
    return {chunk.path.rsplit("/", 1)[-1]: chunk.text for chunk in map(chunk_of, collection.store.scroll())}


def test_first_run_and_second(collection: Collection, folder: Path) -> None:
    first = index(collection, folder)
    assert (first.indexed, first.unchanged, first.skipped) == (3, 0, ())
    assert texts(collection)["red.png"] == "a red square"  # the caption came with its picture
    assert "red.txt" not in texts(collection)  # and is no document of its own
    second = index(collection, folder)
    assert (second.indexed, second.unchanged, second.chunks) == (0, 3, 0)


def test_in_child_processes_too(collection: Collection, folder: Path) -> None:
    assert index(collection, folder, workers=2).indexed == 3


def test_progress_ends_at_the_total(collection: Collection, folder: Path) -> None:
    seen: list[IndexProgress] = []
    Indexer(collection, ENCODER, options=ReadOptions(), limits=Limits(), decoders=0, progress=seen.append).run([folder])
    assert seen[-1].done == seen[-1].total == 3
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


def test_changed_content_replaces_the_old(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    (folder / "note.md").write_text("# Boats\n\nThe boat sank.\n")
    assert index(collection, folder).indexed == 1
    assert "leaks" not in str(texts(collection)["note.md"])
    assert collection.store.count() == 3


def test_a_changed_caption_counts_as_a_change(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    (folder / "pics" / "red.txt").write_text("a vermilion square, by Ann")
    assert index(collection, folder).indexed == 1
    assert texts(collection)["red.png"] == "a vermilion square, by Ann"


def test_same_bytes_elsewhere_are_linked(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    shutil.copy(folder / "pics" / "blue.jpg", folder / "copy.jpg")
    report = index(collection, folder)
    assert (report.indexed, report.linked, report.chunks) == (0, 1, 0)
    paths = {chunk.paths for chunk in map(chunk_of, collection.store.scroll()) if len(chunk.paths) > 1}
    assert paths == {(str(folder / "copy.jpg"), str(folder / "pics" / "blue.jpg"))}


def test_twins_in_one_run(collection: Collection, folder: Path) -> None:
    shutil.copy(folder / "note.md", folder / "twin.md")
    report = index(collection, folder)
    assert report.indexed + report.linked == 4 and collection.store.count() == 3
    shared = [chunk.paths for chunk in map(chunk_of, collection.store.scroll()) if chunk.kind == "document"]
    assert shared == [(str(folder / "note.md"), str(folder / "twin.md"))]


def test_moved_files_cost_no_encoding(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    shutil.move(folder / "pics", folder / "photos")
    report = index(collection, folder, prune=True)
    assert (report.indexed, report.linked, report.pruned) == (0, 2, 2)
    assert all("/photos/" in chunk.path for chunk in map(chunk_of, collection.store.scroll()) if chunk.kind == "image")


def test_prune_only_on_request_and_only_below(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    (folder / "note.md").unlink()
    (folder / "pics" / "blue.jpg").unlink()
    assert index(collection, folder).pruned == 0 and collection.store.count() == 3
    assert index(collection, folder / "pics", prune=True).pruned == 1
    assert set(texts(collection)) == {"red.png", "note.md"}


def test_prune_forgets_what_was_left_out_too(collection: Collection, folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    assert len(index(collection, folder).skipped) == 1
    (folder / "empty.txt").unlink()
    index(collection, folder, prune=True)
    assert collection.ledger.skipped() == []


def test_remove(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    indexer = Indexer(collection, ENCODER, options=ReadOptions(), limits=Limits())
    assert indexer.remove([folder / "pics"]) == 2
    assert set(texts(collection)) == {"note.md"} and (folder / "pics" / "red.png").exists()


def test_other_settings_read_everything_again(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    report = index(collection, folder, options=ReadOptions(passage_chars=10))
    assert report.indexed == 3 and collection.missing() == []


def test_bad_files_are_listed_and_stop_nothing(collection: Collection, folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "cut.jpg").write_bytes((folder / "pics" / "blue.jpg").read_bytes()[:200])
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    report = index(collection, folder)
    assert report.indexed == 3
    reasons = {Path(row.path).name: row.code for row in report.skipped}
    assert reasons == {
        "empty.txt": "media_empty",
        "cut.jpg": "media_broken",
        "binary.txt": "media_unsupported",
        "drawing.svg": "media_unsupported",
    }
    again = index(collection, folder)
    assert again.unchanged == 3 and len(again.skipped) == 4  # still listed, not read again


def test_a_file_that_breaks_later_loses_its_old_points(collection: Collection, folder: Path) -> None:
    index(collection, folder)
    (folder / "pics" / "blue.jpg").write_bytes(b"\xff\xd8\xff\xe0broken")
    assert len(index(collection, folder).skipped) == 1
    assert "blue.jpg" not in texts(collection)


def test_odd_names(collection: Collection, folder: Path) -> None:
    for name in ("new\nline.txt", "kite 🪁.txt", "a" * 200 + ".txt"):
        (folder / name).write_text(f"This is the file {name[:3]}.")
    assert index(collection, folder).indexed == 6


def test_undecodable_name_is_reported(collection: Collection, folder: Path) -> None:
    with open(os.fsencode(folder) + b"/bad\xff.txt", "w") as stream:
        stream.write("words")
    report = index(collection, folder)
    assert report.indexed + len(report.skipped) == 4
    assert collection.ledger.counts()["skipped"] == len(report.skipped)


def test_missing_path_is_the_callers_fault(collection: Collection, folder: Path) -> None:
    with pytest.raises(CallerError, match="nowhere"):
        index(collection, folder, folder / "nowhere")
    assert collection.store.count() == 0


def test_notes_are_reported(collection: Collection, folder: Path) -> None:
    (folder / "latin.txt").write_bytes("Der Kaffee ist heiß. Das Café öffnet.".encode("cp1252"))
    report = index(collection, folder)
    notes = dict(report.notes)
    assert any("1252" in note for note in notes[str(folder / "latin.txt")])
    assert collection.ledger.notes()[0][0].endswith("latin.txt")


class FullDisk:
    """A store whose disk is full at the n-th write."""

    def __init__(self, store: object, writes: int) -> None:
        self._store = store
        self._writes = writes

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def upsert(self, points: object) -> None:
        if self._writes == 0:
            raise ServiceError("no space left on device")
        self._writes -= 1
        self._store.upsert(points)  # type: ignore[attr-defined]


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_full_disk_keeps_what_was_done_and_the_retry_works(collection: Collection, folder: Path, writes: int) -> None:
    for i in range(150):
        (folder / f"n{i:03d}.txt").write_text(f"File number {i} speaks of topic {i}.")
    store = collection.store
    collection.store = FullDisk(store, writes)  # type: ignore[assignment]
    with pytest.raises(ServiceError, match="no space"):
        index(collection, folder)
    collection.store = store
    collection.recover()
    assert collection.missing() == []
    index(collection, folder)
    assert collection.ledger.counts()["sources"] == 153
    assert collection.store.count() == collection.ledger.counts()["chunks"]


def test_second_process_is_told(tmp_path: Path, folder: Path) -> None:
    with Collection.open(tmp_path / "home", "busy", INFO, StoreSettings(), create=True):
        with pytest.raises(CollectionBusy, match=str(os.getpid())):
            Collection.open(tmp_path / "home", "busy", INFO, StoreSettings())
        code = (
            "from pathlib import Path; from foveate.memory.collection import Collection;"
            "from foveate.settings import StoreSettings;"
            f"Collection.open(Path({str(tmp_path / 'home')!r}), 'busy', None, StoreSettings())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "CollectionBusy" in done.stderr


def points(collection: Collection) -> dict[str, object]:
    return {point.id: dict(point.payload) for point in collection.store.scroll()}


@pytest.mark.parametrize("kind", ["edge", "reference"])
def test_a_lost_store_is_rebuilt_from_the_files(tmp_path: Path, folder: Path, kind: str) -> None:
    settings = StoreSettings(kind=kind)  # type: ignore[arg-type]
    with Collection.open(tmp_path / "home", "c", INFO, settings, create=True) as first:
        index(first, folder)
        whole = points(first)
    shutil.rmtree(tmp_path / "home" / "c" / "store")
    with Collection.open(tmp_path / "home", "c", INFO, settings) as second:
        assert points(second) == {} and second.missing() == []
        assert index(second, folder).indexed == 3
        assert points(second) == whole


def test_lost_and_ownerless_points_are_found_at_opening(tmp_path: Path, folder: Path) -> None:
    settings = StoreSettings(kind="reference")
    with Collection.open(tmp_path / "home", "c", INFO, settings, create=True) as first:
        index(first, folder)
        whole = points(first)
        some = next(iter(first.store.scroll()))
        first.store.delete([some.id])
        first.store.upsert([Point(id="f" * 32, payload=some.payload), Point(id="e" * 32, payload=some.payload)])
    with Collection.open(tmp_path / "home", "c", INFO, settings) as second:
        assert len(points(second)) == len(whole) - 1
        report = index(second, folder)
        assert (report.indexed, report.unchanged) == (1, 2)
        assert points(second) == whole
