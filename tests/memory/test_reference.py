import errno
import itertools
import os
from pathlib import Path

import pytest

from foveate.errors import CallerError, CollectionCorrupt, ServiceError
from foveate.memory.reference import ReferenceStore, idf
from foveate.memory.store import StoreSpec
from tests.contracts.store import SPEC, Opener, StoreContract, image_point, name
from tests.memory.durability import kill_at_random
from tests.memory.machine import run_machine


class TestReferenceStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return lambda: ReferenceStore(SPEC, tmp_path / "store")


def test_any_order_of_operations(tmp_path: Path) -> None:
    numbers = itertools.count()

    def fresh() -> Opener:
        directory = tmp_path / str(next(numbers))
        return lambda: ReferenceStore(SPEC, directory)

    run_machine(fresh, examples=30)


def test_what_flush_returned_for_survives_sigkill(tmp_path: Path) -> None:
    kill_at_random("reference", tmp_path, lambda: ReferenceStore(SPEC, tmp_path), kills=3, seed=5)


def test_without_a_directory_it_is_memory_only() -> None:
    store = ReferenceStore(SPEC)
    store.upsert([image_point(1)])
    store.flush()
    store.close()
    assert ReferenceStore(SPEC).count() == 0


def test_idf_of_nothing_known_is_that_of_a_rare_term() -> None:
    assert idf(10, 0) > idf(10, 1) > idf(10, 10) > 0


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_a_torn_file_is_named_and_not_read(tmp_path: Path, keep: int) -> None:
    store = ReferenceStore(SPEC, tmp_path)
    store.upsert([image_point(number) for number in range(9)])
    store.close()
    file = tmp_path / "points.npz"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CollectionCorrupt, match="foveate index"):
        ReferenceStore(SPEC, tmp_path)
    with pytest.raises(CollectionCorrupt):
        # Not busy: the failed opening let go of the lock.
        ReferenceStore(SPEC, tmp_path)


def test_a_flipped_bit_in_the_data_is_noticed(tmp_path: Path) -> None:
    store = ReferenceStore(SPEC, tmp_path)
    point = image_point(1)
    store.upsert([point])
    store.close()
    file = tmp_path / "points.npz"
    raw = bytearray(file.read_bytes())
    raw[raw.index(point.dense["image"].tobytes()) + 3] ^= 4
    file.write_bytes(raw)
    with pytest.raises(CollectionCorrupt):
        ReferenceStore(SPEC, tmp_path)


def test_other_vectors_than_it_was_made_with_are_refused(tmp_path: Path) -> None:
    store = ReferenceStore(SPEC, tmp_path)
    store.upsert([image_point(1)])
    store.close()
    with pytest.raises(CallerError, match="holds vectors"):
        ReferenceStore(StoreSpec(dense={"image": 9}), tmp_path)


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ReferenceStore(SPEC, tmp_path)
    store.upsert([image_point(1)])
    store.flush()
    store.upsert([image_point(2)])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ServiceError, match="No space left"):
            store.flush()
        assert ReferenceStore(SPEC, _copy(tmp_path)).count() == 1
    store.close()
    assert sorted(p.id for p in ReferenceStore(SPEC, tmp_path).scroll()) == sorted([name(1), name(2)])


def _copy(directory: Path) -> Path:
    copy = directory.with_name("copy")
    copy.mkdir()
    (copy / "points.npz").write_bytes((directory / "points.npz").read_bytes())
    return copy
