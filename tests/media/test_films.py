from pathlib import Path

import numpy as np
import pytest

from foveate.errors import MediaError
from foveate.locators import TimeSpan
from foveate.media.pieces import Limits, Piece
from foveate.media.subtitles import parse
from tests.makers import BLUE, GREEN, RED, WHITE, fault, film, near, pieces, probed, reading


def times(found: tuple[Piece, ...], part: str = "frame") -> list[tuple[float, float]]:
    return [
        (one.locator.start_s, one.locator.end_s)
        for one in found
        if one.part == part and isinstance(one.locator, TimeSpan)
    ]


def colours(found: tuple[Piece, ...]) -> list[np.ndarray]:
    return [one.pixels[one.pixels.shape[0] // 2, 5] for one in found if one.pixels is not None]


@pytest.mark.parametrize(
    ("form", "codec", "suffix"),
    [
        ("mp4", "mpeg4", "mp4"),
        ("matroska", "mpeg4", "mkv"),
        ("avi", "mpeg4", "avi"),
        ("mpegts", "mpeg2video", "ts"),
        ("webm", "libvpx", "webm"),
        ("mp4", "libx264", "mov"),
    ],
)
def test_frames_at_their_presentation_times(tmp_path: Path, form: str, codec: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    rate = 25 if codec == "mpeg2video" else 5
    film(path, [RED, GREEN, BLUE], seconds_each=2.0, form=form, codec=codec, rate=rate)
    known = probed(path)
    assert known.media.kind == "film" and known.parts == 1
    assert known.media.duration_s == pytest.approx(6.0, abs=0.25)
    found = pieces(path, frame_every_s=2.0)
    assert all(near(got, wanted, 40) for got, wanted in zip(colours(found), (RED, GREEN, BLUE), strict=True))
    assert [start for start, _ in times(found)] == pytest.approx([0.0, 2.0, 4.0], abs=0.05)
    assert [end for _, end in times(found)] == pytest.approx([2.0, 4.0, 6.0], abs=0.25)


def test_at_most_one_frame_in_the_time_asked_for(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [RED, GREEN, BLUE, WHITE])
    assert times(pieces(tmp_path / "a.mp4", frame_every_s=2.0)) == [(0.0, 2.0), (2.0, 4.0)]
    assert len(times(pieces(tmp_path / "a.mp4", frame_every_s=1.0))) == 4


def test_a_long_film_comes_in_parts_that_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    film(path, [RED, GREEN] * 13, seconds_each=10.0, rate=1, size=(32, 32))
    assert probed(path).parts == 3
    spans = [span for part in range(3) for span in times(pieces(path, part))]
    assert spans == [(10.0 * i, 10.0 * i + 10.0) for i in range(26)]


@pytest.mark.parametrize(("rotation", "shape"), [(90, (64, 48)), (180, (48, 64)), (270, (64, 48))])
def test_rotation_is_honoured(tmp_path: Path, rotation: int, shape: tuple[int, int]) -> None:
    film(tmp_path / "a.mp4", [RED], rotation=rotation)
    pixels = pieces(tmp_path / "a.mp4")[0].pixels
    assert pixels is not None and pixels.shape[:2] == shape


def test_sidecars_speak_and_describe(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [RED, GREEN])
    (tmp_path / "a.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nThe boat leaves.\n")
    (tmp_path / "a.txt").write_text("A harbour film.")
    found = pieces(tmp_path / "a.mp4")
    assert [(one.part, one.text) for one in found if one.text] == [
        ("subtitle", "The boat leaves."),
        ("passage", "A harbour film."),
    ]
    assert times(found, "subtitle") == [(0.5, 1.5)] and times(found, "passage") == [(0.0, 2.0)]


def test_limits_come_from_the_header(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [RED, GREEN])
    assert fault(tmp_path / "a.mp4", Limits(duration_s=1.5)) == "media_bomb"
    assert fault(tmp_path / "a.mp4", Limits(pixels=64 * 48 - 1)) == "media_bomb"
    assert fault(tmp_path / "a.mp4", Limits(pixels=64 * 48)) == "none"


def test_a_film_cut_off_is_broken(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [RED, GREEN])
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 5])
    assert fault(tmp_path / "a.mp4") == "media_broken"
    for share in (0.5, 0.7, 0.9):  # within the index: some of it may be left
        (tmp_path / "a.mp4").write_bytes(data[: int(len(data) * share)])
        assert fault(tmp_path / "a.mp4") in ("media_broken", "media_unsupported", "none")


def test_a_codec_off_the_list_is_not_run(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", [RED], form="matroska", codec="ffv1")
    assert fault(tmp_path / "a.mkv") == "media_unsupported"


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"no video stream; found \['audio'\]"):
        probed(tmp_path / "a.mp4")


# ---- what FFmpeg would open by itself


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.mp4"
    film(path, [RED])
    return path


@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8", "clip.avi", "clip.ts", "clip.mkv"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:1,\nfile://{secret}\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\n{name}\n",
        "ffconcat version 1.0\nfile {secret}\n",
        "ffconcat version 1.0\nfile secret.mp4\n",
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{secret}</BaseURL></MPD>',
    ],
)
def test_a_playlist_under_any_name_reads_no_other_file(tmp_path: Path, secret: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(secret=secret, name=name))
    assert fault(path) == "media_unsupported"


def test_a_playlist_behind_the_magic_of_a_film(tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    playlist = f"\n#EXTM3U\n#EXTINF:1,\nfile://{secret}\nffconcat version 1.0\nfile secret.mp4\n".encode()
    for magic in (b"\0\0\0\x08ftyp", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"OggS", b"FLV\x01", b"\0\0\x01\xba"):
        (tmp_path / "clip.mp4").write_bytes(magic + playlist)
        assert fault(tmp_path / "clip.mp4") in ("media_broken", "media_unsupported")


def test_the_guards_hold_even_when_the_demuxer_is_a_playlists(tmp_path: Path, secret: Path) -> None:
    """Whatever our own magic says: these are the settings that stopped each form when measured."""
    from foveate.media import films

    for form, text in (
        ("hls", f"#EXTM3U\n#EXTINF:1,\n{secret}\n"),
        ("concat", f"ffconcat version 1.0\nfile {secret}\n"),
    ):
        (tmp_path / "list").write_text(text)
        films._DEMUXERS[form] = form
        try:
            with (
                (tmp_path / "list").open("rb") as stream,
                pytest.raises(MediaError),
                films.open_film(stream, form, Limits()) as (container, video),
            ):
                films.film_frame(container, video, 0.0, 64, Limits())
        finally:
            del films._DEMUXERS[form]


# ---- subtitles alone


def test_a_lone_subtitle_file_is_a_document_of_spoken_lines(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Guten Morgen,</i>\r\nwie geht's?\r\n\r\n".encode()
    )
    (piece,) = pieces(tmp_path / "a.srt")
    assert (piece.part, piece.text) == ("subtitle", "Guten Morgen, wie geht's?")
    assert piece.locator == TimeSpan(start_s=1.0, end_s=2.0) and probed(tmp_path / "a.srt").media.kind == "document"


def test_webvtt(tmp_path: Path) -> None:
    text = "WEBVTT\n\nSTYLE\n::cue{}\n\nNOTE x\n\nid\n00:01.000 --> 00:02.500 align:start\n<v Ann>Hi &amp; bye\n"
    (tmp_path / "a.vtt").write_text(text)
    (piece,) = pieces(tmp_path / "a.vtt")
    assert piece.text == "Hi & bye" and piece.locator == TimeSpan(start_s=1.0, end_s=2.5)


def test_old_encodings_and_bad_times(tmp_path: Path) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nSchöne Grüße\n\n"
        "2\n00:00:09,000 --> 00:00:03,000\nrückwärts\n\n3\nxx --> yy\nnie\n\n"
    )
    (tmp_path / "a.srt").write_bytes(text.encode("cp1252"))
    got = reading(tmp_path / "a.srt")
    assert [one.text for one in got.pieces] == ["Schöne Grüße"]
    assert got.notes == ("decoded as windows-1252", "2 subtitles with bad times left out")
    (tmp_path / "b.srt").write_text("1\n00:00:09,000 --> 00:00:03,000\nx\n")
    assert fault(tmp_path / "b.srt") == "media_broken"


def test_lines_are_merged_but_not_over_a_silence(tmp_path: Path) -> None:
    lines = [(i * 2.0, i * 2.0 + 1.5, f"Line {i} goes on and on") for i in range(6)] + [(60.0, 61.0, "Later.")]
    text = "\n\n".join(
        f"{i}\n00:00:{s:06.3f} --> 00:00:{e:06.3f}\n{t}" if s < 60 else f"{i}\n00:01:00.000 --> 00:01:01.000\n{t}"
        for i, (s, e, t) in enumerate(lines)
    )
    (tmp_path / "a.srt").write_text(text)
    first, second = pieces(tmp_path / "a.srt")
    assert first.locator == TimeSpan(start_s=0.0, end_s=11.5) and second.text == "Later."
    assert (first.text or "").startswith("Line 0 goes on and on Line 1")


def test_ten_thousand_arrows_take_no_time() -> None:
    cues, _ = parse("1\n00:00:01,000 --> 00:00:02,000\n" + "<" * 200_000 + "\n\n" + "-->\n\n" * 10_000)
    assert len(cues) == 1
