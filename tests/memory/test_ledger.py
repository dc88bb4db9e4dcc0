import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from foveate.errors import CollectionCorrupt
from foveate.memory.ledger import Entry, Ledger, SkippedRow


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def entry(name: str, *chunks: str, recipe: str = "r1") -> Entry:
    return Entry(id=name, kind="image", recipe=recipe, chunk_ids=chunks)


def test_pending_then_done(ledger: Ledger) -> None:
    ledger.begin([entry("m", "c1", "c2")])
    assert ledger.unfinished() == {"m": ("c1", "c2")}
    assert ledger.source("/a") is None and not ledger.is_done("m", "r1")
    assert ledger.finish([entry("m", "c1", "c2")], [("/a", "m", "s1")]) == []
    assert ledger.unfinished() == {}
    row = ledger.source("/a")
    assert row and (row.media, row.stamp, row.recipe) == ("m", "s1", "r1")
    assert ledger.is_done("m", "r1") and not ledger.is_done("m", "r2")
    assert list(ledger.all_chunk_ids()) == ["c1", "c2"]


def test_a_changed_file_dooms_its_old_media(ledger: Ledger) -> None:
    ledger.begin([entry("old", "c1")])
    ledger.finish([entry("old", "c1")], [("/a", "old", "s1")])
    ledger.begin([entry("new", "c2")])
    assert ledger.finish([entry("new", "c2")], [("/a", "new", "s2")]) == ["old"]
    assert ledger.unfinished() == {"old": ("c1",)}
    ledger.forget(["old"])
    assert list(ledger.all_chunk_ids()) == ["c2"]


def test_two_files_of_one_media(ledger: Ledger) -> None:
    ledger.begin([entry("m", "c1")])
    ledger.finish([entry("m", "c1")], [("/b", "m", "s"), ("/a", "m", "s")])
    assert ledger.paths("m") == ("/a", "/b")
    assert ledger.unlink(["/a"]) == []
    assert ledger.unlink(["/b"]) == ["m"]


def test_a_new_recipe_forgets_chunks_it_no_longer_makes(ledger: Ledger) -> None:
    ledger.begin([entry("m", "c1", "c2")])
    ledger.finish([entry("m", "c1", "c2")], [("/a", "m", "s")])
    ledger.begin([entry("m", "c2", "c3", recipe="r2")])
    assert set(ledger.unfinished()["m"]) == {"c1", "c2", "c3"}  # a kill here must lose none of the three
    ledger.finish([entry("m", "c2", "c3", recipe="r2")], [("/a", "m", "s")])
    assert ledger.chunk_ids("m") == ("c2", "c3")


def test_skipped(ledger: Ledger) -> None:
    ledger.begin([entry("m", "c1")])
    ledger.finish([entry("m", "c1")], [("/a", "m", "s")])
    row = SkippedRow(path="/a", stamp="s2", code="media_broken", reason="cut off")
    assert ledger.skip([row]) == ["m"]
    assert ledger.skipped() == [row] and ledger.skipped_row("/a") == row
    assert ledger.skipped_row("/b") is None


def test_a_failed_change_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(CollectionCorrupt):  # the media of the link does not exist: a foreign key fails
        ledger.finish([], [("/a", "ghost", "s")])
    assert list(ledger.sources()) == []
    ledger.begin([entry("m", "c1")])  # and the ledger still works


def test_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database, whatever it is" * 100)
    with pytest.raises(CollectionCorrupt, match=r"ledger\.sqlite"):
        Ledger(path)


def test_flipped_pages_are_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.begin([entry(f"m{i}", *(f"c{i}-{j}" for j in range(50))) for i in range(200)])
    ledger.close()
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 3 + 64] = b"\xff" * 64
    path.write_bytes(raw)
    with pytest.raises(CollectionCorrupt, match="damaged"):
        Ledger(path)


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(CollectionCorrupt, match="version 99"):
        Ledger(path)
