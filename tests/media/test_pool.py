import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, MediaError, ServiceError
from foveate.locators import Box, PageBox
from foveate.media.discover import discover
from foveate.media.pieces import Limits, Piece, Probe, Reading, ReadOptions, Source
from foveate.media.pool import DecoderPool, Job
from tests.makers import corners, film, found, pdf, png_header


def sources(folder: Path) -> list[Source]:
    return [one for one in discover([folder]) if isinstance(one, Source)]


def jobs(pool: DecoderPool, folder: Path) -> Iterator[Job]:
    for source, known in pool.probe_all(sources(folder)):
        if isinstance(known, Probe):
            yield from ((source, known, part) for part in range(known.parts))


def outcome(folder: Path, workers: int, limits: Limits | None = None) -> list[tuple[str, object]]:
    with DecoderPool(limits or Limits(), ReadOptions(), workers=workers) as pool:
        return [(job[0].path.name, plain(got)) for job, got in pool.read_all(jobs(pool, folder))]


def plain(got: Reading | MediaError) -> object:
    if isinstance(got, MediaError):
        return got.code, str(got)
    return got.notes, [
        (one.part, one.locator, one.text, one.parent, None if one.pixels is None else one.pixels.tobytes())
        for one in got.pieces
    ]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    for i in range(12):
        corners(40 + i, 20).save(folder / f"{i:02}.png")
        (folder / f"{i:02}.md").write_text(f"# Note {i}\n\nThe boat is number {i}.\n")
        (folder / f"{i:02}.pdf").write_bytes(pdf([[(72, 700, 12, f"Page {k} of sheet {i}.")] for k in range(10)]))
    (folder / "03.png").write_bytes(png_header(50_000, 50_000))
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff" + bytes(50))
    (folder / "odd\nname \N{CAT FACE}.txt").write_text("Odd name.")
    film(folder / "film.mp4", [(255, 0, 0), (0, 255, 0)])
    return folder


def test_parallel_equals_serial(mixed: Path) -> None:
    serial = outcome(mixed, 0)
    assert len(serial) == 11 + 12 + 24 + 2
    assert outcome(mixed, 1) == serial
    assert outcome(mixed, 2) == serial


def test_probes_are_in_order_with_their_faults(mixed: Path) -> None:
    with DecoderPool(Limits(), ReadOptions()) as pool:
        known = list(pool.probe_all(sources(mixed)))
    assert [source for source, _ in known] == sources(mixed)
    faults = {source.path.name: probe.code for source, probe in known if isinstance(probe, MediaError)}
    assert faults == {"03.png": "media_bomb", "cut.jpg": "media_broken"}


def test_nothing_starts_before_the_first_file() -> None:
    before = set(threading.enumerate())  # other tests may have left the pool that renders citations
    with DecoderPool(Limits(), ReadOptions(), workers=2) as pool:
        assert list(pool.probe_all([])) == []
        assert set(threading.enumerate()) <= before


def test_processes_started_early_serve_and_end(mixed: Path) -> None:
    before = set(children())
    with DecoderPool(Limits(), ReadOptions(), workers=2) as pool:
        pool.start()
        end = time.monotonic() + 10
        while len(set(children()) - before) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        early = set(children()) - before
        assert len(list(pool.probe_all(sources(mixed)))) == len(sources(mixed))
        assert len(early) == 2 and set(children()) - before == early
    assert set(children()) == before


def test_a_decoder_killed_from_outside_is_replaced(mixed: Path) -> None:
    some = [source for source in sources(mixed) if source.path.suffix == ".md"]
    with DecoderPool(Limits(), ReadOptions()) as pool:
        for i, (_, known) in enumerate(pool.probe_all(some)):
            assert isinstance(known, Probe) or "died" in str(known)
            if i == 2:
                for child in children():
                    os.kill(child, signal.SIGKILL)
        again = [known for _, known in pool.probe_all(some)]
    assert all(isinstance(known, Probe) for known in again)


def children() -> list[int]:
    return [int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()] or [
        int(one) for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()
    ]


def test_too_little_memory_fails_the_file_not_the_run(tmp_path: Path) -> None:
    Image.new("L", (7000, 7000)).save(tmp_path / "big.png")
    corners().save(tmp_path / "small.png")
    limits = Limits(memory_bytes=300 << 20)
    big, small = outcome(tmp_path, 1, limits)
    assert big[1][0] in ("media_bomb", "media_broken")  # type: ignore[index]
    assert small[1][0] == ()  # type: ignore[index]


def test_too_much_time_fails_the_file_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("? A" * 12_000_000)
    (tmp_path / "b.md").write_text("# Quick\n")
    slow_text, quick = outcome(tmp_path, 1, Limits(task_s=1.0))
    assert slow_text[1] == ("media_broken", "the decoder took longer than 1 s and was ended")
    assert quick[1][0] == ()  # type: ignore[index]


def test_a_consumer_that_stops_early_leaves_no_process(mixed: Path) -> None:
    before = len(children())
    pool = DecoderPool(Limits(), ReadOptions(), workers=2)
    next(pool.read_all(jobs(pool, mixed)))
    pool.close()
    pool.close()
    gc.collect()
    assert len(children()) == before
    with pytest.raises(ServiceError, match="closed"):
        list(pool.probe_all(sources(mixed)))


def test_reading_ahead_is_bounded(tmp_path: Path) -> None:
    for i in range(150):
        (tmp_path / f"{i:03}.md").write_text(f"Text {i}.")
    taken = 0

    def counted(pool: DecoderPool) -> Iterator[Job]:
        nonlocal taken
        for job in jobs(pool, tmp_path):
            taken += 1
            yield job

    with DecoderPool(Limits(), ReadOptions()) as pool:
        stream = pool.read_all(counted(pool))
        next(stream)
        assert taken <= 64


def test_the_child_sees_no_secret_and_stands_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOVEATE_API_KEY", "secret")
    corners().save(tmp_path / "a.png")
    before = set(children())
    with DecoderPool(Limits(), ReadOptions()) as pool:
        list(pool.probe_all([found(tmp_path / "a.png")]))
        (child,) = set(children()) - before
        environment = Path(f"/proc/{child}/environ").read_bytes()
        folder = Path(os.readlink(f"/proc/{child}/cwd"))
        assert b"secret" not in environment and b"HOME" not in environment
        assert list(folder.iterdir()) == []
        limits = Path(f"/proc/{child}/limits").read_text()
        assert f"{4 << 30}" in limits and "Max file size             0" in limits
        maps = Path(f"/proc/{child}/maps").read_text()
        assert "torch" not in maps
    assert not folder.exists()


def test_an_unguarded_script_is_not_run_twice(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            from pathlib import Path
            from foveate.media.discover import discover
            from foveate.media.pieces import Limits, ReadOptions
            from foveate.media.pool import DecoderPool
            print("started")
            with DecoderPool(Limits(), ReadOptions()) as pool:
                print([type(k).__name__ for _, k in pool.probe_all(discover([Path({str(tmp_path / "a.png")!r})]))])
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "started\n['Probe']\n" and done.stderr == ""


def test_ctrl_c_ends_parent_and_children(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("? A" * 12_000_000)
    script = textwrap.dedent(
        f"""
        import signal, sys, time
        from pathlib import Path
        from foveate.media.discover import discover
        from foveate.media.pieces import Limits, ReadOptions
        from foveate.media.pool import DecoderPool
        # A test run in the background of a shell inherits that SIGINT is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with DecoderPool(Limits(), ReadOptions()) as pool:
            (job,) = [(s, k, 0) for s, k in pool.probe_all(discover([Path({str(tmp_path / "a.txt")!r})]))]
            print(pool._threads[0].decoder._process.pid, flush=True)
            list(pool.read_all([job]))
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.1)
    parent.send_signal(signal.SIGINT)
    _, errors = parent.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors and parent.returncode != 0
    assert not Path(f"/proc/{child}").exists()


def test_a_killed_parent_leaves_neither_process_nor_folder(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from foveate.media.discover import discover
        from foveate.media.pieces import Limits, ReadOptions
        from foveate.media.pool import DecoderPool
        pool = DecoderPool(Limits(), ReadOptions())
        list(pool.probe_all(discover([Path({str(tmp_path / "a.png")!r})])))
        print(pool._threads[0].decoder._process.pid, pool._folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    child, folder = done.stdout.split()
    end = time.monotonic() + 10
    while (Path(f"/proc/{child}").exists() or Path(folder).exists()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(folder).exists()


def test_render_gives_what_a_place_shows(mixed: Path) -> None:
    with DecoderPool(Limits(), ReadOptions()) as pool:
        quarter = pool.render(found(mixed / "00.png"), Box(x0=0, y0=0, x1=0.5, y1=0.5), 100)
        assert quarter.shape == (10, 20, 3) and (quarter == (255, 0, 0)).all()
        with pytest.raises(CallerError, match="no picture"):
            pool.render(found(mixed / "00.png"), PageBox(page=1, x0=0, y0=0, x1=1, y1=1), 100)
        with pytest.raises(MediaError):
            pool.render(found(mixed / "cut.jpg"), Box(x0=0, y0=0, x1=1, y1=1), 100)


def test_pixels_may_be_written_to(mixed: Path) -> None:
    # torch warns about arrays that it could not write to.
    with DecoderPool(Limits(), ReadOptions()) as pool:
        job = next(jobs(pool, mixed))
        for _, got in pool.read_all([(found(mixed / "00.png"), job[1], 0)]):
            assert isinstance(got, Reading)
            pixels = got.pieces[0].pixels
            assert isinstance(got.pieces[0], Piece) and isinstance(pixels, np.ndarray) and pixels.flags.writeable


@pytest.mark.parametrize("workers", [-1])
def test_senseless_workers_are_refused(workers: int) -> None:
    with pytest.raises(CallerError, match="workers"):
        DecoderPool(Limits(), ReadOptions(), workers=workers)


def test_a_decoder_that_cannot_start_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corners().save(tmp_path / "a.png")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with DecoderPool(Limits(), ReadOptions()) as pool, pytest.raises(ServiceError, match="does not start"):
        list(pool.probe_all([found(tmp_path / "a.png")]))


def test_frames_that_are_no_frames_are_refused() -> None:
    import io

    from foveate.media import wire

    good = io.BytesIO()
    wire.write_frame(good, {"a": 1})
    assert wire.read_frame(io.BytesIO(good.getvalue())) == ({"a": 1}, bytearray())
    for raw in (b"", good.getvalue()[:-1], b"\xff" * 16, bytes(8) + bytes(8), good.getvalue().replace(b"{", b"[")):
        with pytest.raises(wire.Malformed):
            wire.read_frame(io.BytesIO(raw))
    row = {"part": "picture", "locator": {"type": "box", "x0": 0, "y0": 0, "x1": 1, "y1": 1}, "text": None}
    for bad in (
        {"shape": [2, 2, 3], "parent": None},
        {"shape": None, "parent": 0},
        {"shape": [-1, -1, 3], "parent": None},
        {"shape": None, "parent": None, "part": "virus"},
        {"shape": None, "parent": None, "locator": {"type": "box", "x0": 2}},
        {"shape": None, "parent": None, "text": 3},
    ):
        with pytest.raises(wire.Malformed):
            wire.reading_from(json.loads(json.dumps({"pieces": [row | bad], "notes": []})), bytearray(3))
    with pytest.raises(wire.Malformed):
        wire.probe_from({"media": {}, "parts": 1, "notes": []})
