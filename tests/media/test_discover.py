import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.media.discover import discover
from foveate.media.pieces import Skipped, Source


def walk(*paths: Path) -> list[Source | Skipped]:
    return list(discover(paths))


def names(*paths: Path) -> list[str]:
    return [found.path.name for found in walk(*paths) if isinstance(found, Source)]


def touch(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_order_is_that_of_names_and_each_file_comes_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.md", "a/z.md", "a/a.md", "c/deep/x.md")
    wanted = ["a.md", "z.md", "b.md", "x.md"]
    assert names(tmp_path) == wanted
    assert names(tmp_path / "b.md", tmp_path, tmp_path / "a", tmp_path) == wanted


def test_a_missing_path_is_the_callers_fault_before_anything_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.md")
    for missing in (tmp_path / "no", tmp_path / "a.md" / "b", tmp_path / "nul\0"):
        with pytest.raises(CallerError, match="path"):
            discover([tmp_path, missing])


def test_sidecars_come_with_their_picture_or_film(tmp_path: Path) -> None:
    touch(tmp_path, "cat.png", "cat.txt", "dog.jpg", "dog.jpg.txt", "day.mp4", "day.srt", "day.txt", "note.txt")
    touch(tmp_path, "alone.srt", "report.pdf", "report.txt", "both.mkv", "both.srt", "both.vtt", "BIG.PNG", "BIG.TXT")
    found = {one.path.name: one for one in walk(tmp_path) if isinstance(one, Source)}
    assert sorted(found) == sorted(
        ["cat.png", "dog.jpg", "day.mp4", "note.txt", "alone.srt", "report.pdf", "report.txt", "both.mkv", "BIG.PNG"]
    )
    assert found["cat.png"].caption == tmp_path / "cat.txt"
    assert found["dog.jpg"].caption == tmp_path / "dog.jpg.txt"
    assert found["BIG.PNG"].caption == tmp_path / "BIG.TXT"
    assert found["day.mp4"].sidecars == (tmp_path / "day.txt", tmp_path / "day.srt")
    assert found["both.mkv"].subtitles == tmp_path / "both.srt"
    assert found["report.pdf"].sidecars == ()


def test_files_named_one_by_one_keep_their_sidecars(tmp_path: Path) -> None:
    touch(tmp_path, "cat.png", "cat.txt")
    assert names(tmp_path / "cat.png", tmp_path / "cat.txt") == ["cat.png"]
    (alone,) = walk(tmp_path / "cat.png")
    assert isinstance(alone, Source) and alone.caption == tmp_path / "cat.txt"
    assert names(tmp_path / "cat.txt") == ["cat.txt"]


def test_junk_and_hidden_files_pass_in_silence_unless_named(tmp_path: Path) -> None:
    touch(tmp_path, ".DS_Store", "Thumbs.db", ".git/config", "~$a.docx", "desktop.ini", "a.md")
    assert [one.path.name for one in walk(tmp_path)] == ["a.md"]
    assert names(tmp_path / ".git" / "config") == ["config"]
    assert names(tmp_path, tmp_path / ".git" / "config") == ["a.md", "config"]


def test_links_are_followed_inside_and_reported_outside(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    touch(inside, "a.md", "sub/b.md")
    touch(outside, "secret.md")
    (inside / "good.md").symlink_to(inside / "a.md")
    (inside / "bad.md").symlink_to(outside / "secret.md")
    (inside / "broken.md").symlink_to(inside / "nothing")
    (inside / "self.md").symlink_to(inside / "self.md")
    (inside / "sub" / "loop").symlink_to(inside)
    found = {one.path.name: one for one in walk(inside)}
    assert isinstance(found["good.md"], Source) and found["good.md"].linked
    skipped = {name: one.code for name, one in found.items() if isinstance(one, Skipped)}
    assert skipped == dict.fromkeys(("bad.md", "broken.md", "self.md", "loop"), "media_unreadable")
    assert len(found) == 7


def test_a_named_link_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.md")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file.md").symlink_to(tmp_path / "real" / "a.md")
    assert names(tmp_path / "link") == ["a.md"]
    assert names(tmp_path / "file.md") == ["file.md"]


def test_pipes_sockets_and_devices_are_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        # A socket's path may be 107 bytes long; pytest's folder alone can be longer.
        here = os.getcwd()
        os.chdir(tmp_path)
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
        found = walk(tmp_path, Path("/dev/zero"))
    assert [(type(one), one.code) for one in found if isinstance(one, Skipped)] == [(Skipped, "media_unsupported")] * 3
    assert not any(isinstance(one, Source) for one in found)


@pytest.mark.parametrize("name", ["new\nline.md", "\N{CAT FACE} cat.md", "tab\t.md", "é.md", "e\u0301.md", "-rf.md"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert names(tmp_path) == [name]


def test_undecodable_names(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    try:
        Path(os.fsdecode(path)).write_bytes(b"x")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    (found,) = walk(tmp_path)
    assert os.fsencode(found.path) == path


def test_an_unreadable_folder_is_reported_and_the_rest_read() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to other users
        folder = Path(name)
        touch(folder, "a.md", "locked/b.md", "z.md")
        (folder / "locked").chmod(0)
        found = (
            _as_nobody(folder) if os.getuid() == 0 else [(type(one).__name__, one.path.name) for one in walk(folder)]
        )
        (folder / "locked").chmod(0o755)
    assert found == [("Source", "a.md"), ("Skipped", "locked"), ("Source", "z.md")]


def _as_nobody(folder: Path) -> list[tuple[str, str]]:
    """Root may open everything: look with the eyes of a user who may not."""
    code = (
        "import os, sys; from pathlib import Path; from foveate.media.discover import discover\n"
        "os.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
        "for one in discover([Path('.')]): print(type(one).__name__, one.path.name)"
    )
    folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("cannot look as another user here")
    return [(line.split()[0], line.split()[1]) for line in done.stdout.splitlines()]


def test_deeper_than_the_call_stack(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    found = walk(tmp_path)
    assert found == []
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
