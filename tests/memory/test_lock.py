import os
import subprocess
import sys
from pathlib import Path

import pytest

from foveate.errors import CollectionBusy, ServiceError
from foveate.memory.lock import ProcessLock

_HOLDER = """
import sys
from pathlib import Path
from foveate.memory.lock import ProcessLock
with ProcessLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_it_until_that_one_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(CollectionBusy, match=rf"process {holder.pid}\b"):
            ProcessLock(tmp_path).acquire()
        holder.kill()
        holder.wait()
    with ProcessLock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_taking_and_letting_go_twice_is_fine(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "made" / "on the way")
    lock.acquire()
    lock.acquire()
    with pytest.raises(CollectionBusy):
        ProcessLock(tmp_path / "made" / "on the way").acquire()
    lock.release()
    lock.release()
    with lock, pytest.raises(CollectionBusy):
        ProcessLock(tmp_path / "made" / "on the way").acquire()


def test_names_are_separate_locks(tmp_path: Path) -> None:
    with ProcessLock(tmp_path), ProcessLock(tmp_path, "store.lock"):
        pass


def test_a_shorter_pid_leaves_no_digits_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("9" * 30)
    with ProcessLock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_link_is_not_followed_and_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("keep me")
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(ServiceError):
        ProcessLock(tmp_path).acquire()
    assert (tmp_path / "target").read_text() == "keep me"
    with pytest.raises(ServiceError):
        ProcessLock(tmp_path / "target").acquire()
