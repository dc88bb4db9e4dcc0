"""Makes examples/sample/films/harbour_day.mp4, its subtitles and the list of its scenes.

    python examples/build_film.py --fonts FOLDER

FOLDER holds DejaVuSans.ttf and DejaVuSans-Bold.ttf (Debian: fonts-dejavu-core). Needs PyAV and Pillow, no
ffmpeg program. One encoder thread and fixed settings: the same PyAV and Pillow write the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import accumulate
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "sample" / "pictures"
FILM = HERE / "sample" / "films" / "harbour_day.mp4"
TRUTH = HERE.parent / "tests" / "data" / "harbour_day.timeline.json"
SIZE = (640, 360)
FPS = 12
FADE_S = 0.5
NAVY = (22, 42, 58)
CREAM = (250, 247, 240)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One shot of the film."""

    clock: str
    """The time of day in the story, shown in the corner; '' shows none."""
    picture: str
    """Path below pictures/; '' makes a title card."""
    seconds: float
    """Length."""
    said: tuple[str, ...]
    """The subtitles, spread evenly over the scene."""
    sky: tuple[tuple[int, int, int], tuple[int, int, int]] = (CREAM, CREAM)
    """Colour at the top and at the foot behind a drawing."""
    zoom: tuple[float, float] = (1.0, 1.12)
    """Magnification at the start and at the end."""
    pan: tuple[float, float] = (0.0, 0.0)
    """Horizontal place of the picture at the start and at the end, in widths of the film from the middle."""


DAWN = ((58, 70, 110), (244, 190, 150))
DAY = ((150, 200, 232), (232, 244, 250))
SEA = ((196, 224, 238), (118, 170, 196))
EVENING = ((96, 74, 120), (248, 172, 112))
NIGHT = ((12, 20, 44), (44, 62, 104))
SCENES: tuple[Scene, ...] = (
    Scene(
        clock="",
        picture="",
        seconds=6,
        said=("This is a day at the harbour of Selsay, from the first boat to the last light.",),
    ),
    Scene(
        clock="05:40",
        picture="vehicles/0018.png",
        seconds=9,
        sky=DAWN,
        zoom=(0.8, 0.8),
        pan=(-0.2, 0.28),
        said=(
            "Twenty to six. The fishing boat Marigold is the first to leave.",
            "Her skipper, Jory Pell, wants to be at the mackerel grounds by sunrise.",
        ),
    ),
    Scene(
        clock="07:00",
        picture="animals/0022.png",
        seconds=8,
        sky=DAY,
        zoom=(0.85, 1.05),
        said=(
            "At seven the gulls wait on the slipway.",
            "They know to the minute when the fish market opens.",
        ),
    ),
    Scene(
        clock="08:15",
        picture="people/0004.png",
        seconds=8,
        sky=((236, 224, 206), (206, 184, 158)),
        zoom=(0.95, 1.08),
        said=(
            "In the smithy Tom Harker straightens an anchor for his sister Rosalind.",
            "It got caught under the ferry's mooring chain last night.",
        ),
    ),
    Scene(
        clock="10:30",
        picture="food/0001.jpg",
        seconds=8,
        zoom=(1.0, 1.25),
        said=(
            "Half past ten: coffee in the Lamp Room.",
            "The saffron buns are sold out, as on every Thursday.",
        ),
    ),
    Scene(
        clock="12:20",
        picture="food/0026.png",
        seconds=8,
        sky=DAY,
        zoom=(0.85, 1.0),
        said=(
            "For lunch the harbour master fries a trout on the beach.",
            "A letter from the council says that she must not. She has not opened it.",
        ),
    ),
    Scene(
        clock="14:00",
        picture="vehicles/0005.png",
        seconds=9,
        sky=SEA,
        zoom=(0.9, 0.95),
        pan=(0.22, -0.2),
        said=(
            "The twins Wenna and Perran take out their dinghy for the first time without a teacher.",
            "They come back wet, but with the boat.",
        ),
    ),
    Scene(
        clock="16:45",
        picture="toys/0008.png",
        seconds=7,
        sky=SEA,
        zoom=(0.72, 0.75),
        pan=(-0.12, 0.12),
        said=("A quarter to five. Traffic stops on the quay: a duck leads her young across the basin.",),
    ),
    Scene(
        clock="18:30",
        picture="food/0009.png",
        seconds=7,
        sky=EVENING,
        zoom=(0.9, 1.05),
        said=(
            "The Marigold is back with ninety kilos of mackerel.",
            "Jory's mother has the tea ready in the purple pot.",
        ),
    ),
    Scene(
        clock="21:10",
        picture="places/0030.png",
        seconds=8,
        sky=NIGHT,
        zoom=(0.9, 1.0),
        said=(
            "Ten past nine. Out on Gull Point the lamp is lit.",
            "Two flashes every fifteen seconds, all night long.",
        ),
    ),
    Scene(clock="", picture="", seconds=5, said=("Good night, Selsay.",)),
)
TITLES = {
    0: ("A day at the harbour", "Selsay, a Thursday in June"),
    len(SCENES) - 1: (
        "Good night",
        "Pictures: Open Clip Art Library and Rachel Michetti, public domain and CC0",
    ),
}


def starts() -> list[float]:
    """The second at which each scene begins, and the length of the film as the last number."""
    return [0.0, *accumulate(scene.seconds for scene in SCENES)]


def subtitles() -> list[tuple[float, float, str]]:
    """Begin, end and words of every subtitle, in seconds."""
    cues = []
    for scene, start in zip(SCENES, starts(), strict=False):
        step = scene.seconds / len(scene.said)
        for i, words in enumerate(scene.said):
            cues.append((start + i * step + 0.2, start + (i + 1) * step - 0.2, words))
    return cues


def srt_time(seconds: float) -> str:
    """A time as SubRip writes it."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def srt_text() -> str:
    """The SubRip file."""
    blocks = [
        f"{i}\n{srt_time(begin)} --> {srt_time(end)}\n{words}\n" for i, (begin, end, words) in enumerate(subtitles(), 1)
    ]
    return "\n".join(blocks)


def backdrop(top: tuple[int, int, int], foot: tuple[int, int, int]) -> Image.Image:
    """A vertical run of colour."""
    column = Image.new("RGB", (1, SIZE[1]))
    for y in range(SIZE[1]):
        share = y / (SIZE[1] - 1)
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(top, foot, strict=True)))
    return column.resize(SIZE)


@cache
def layer(picture: str) -> Image.Image:
    """A picture with alpha; the paper around a drawing is made transparent from the corners inward."""
    with Image.open(PICTURES / picture) as opened:
        image = opened.convert("RGB")
    if picture.endswith(".jpg"):
        return image.convert("RGBA")
    marked = Image.new("RGB", (image.width + 2, image.height + 2), (255, 255, 255))
    marked.paste(image, (1, 1))
    ImageDraw.floodfill(marked, (0, 0), (1, 254, 3), thresh=24)
    pixels = marked.crop((1, 1, image.width + 1, image.height + 1))
    mask = Image.new("L", image.size, 255)
    mask.putdata([0 if value == (1, 254, 3) else 255 for value in pixels.get_flattened_data()])
    image.putalpha(mask)
    return image


@cache
def font(folder: Path, bold: bool, size: int) -> ImageFont.FreeTypeFont:
    """A DejaVu face."""
    return ImageFont.truetype(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


def title_card(lines: tuple[str, str], fonts: Path) -> Image.Image:
    """White words on navy."""
    card = backdrop(NAVY, (46, 84, 108))
    draw = ImageDraw.Draw(card)
    draw.text((320, 160), lines[0], font=font(fonts, True, 40), fill=CREAM, anchor="mm")
    draw.line((270, 196, 370, 196), fill=(232, 176, 96), width=3)
    draw.text((320, 224), lines[1], font=font(fonts, False, 15), fill=(206, 220, 228), anchor="mm")
    return card


def shot(scene: Scene, share: float, fonts: Path) -> Image.Image:
    """The picture of a scene after `share` (0 to 1) of its length."""
    frame = backdrop(*scene.sky)
    image = layer(scene.picture)
    photo = scene.picture.endswith(".jpg")
    fit = (max if photo else min)(SIZE[0] / image.width, (SIZE[1] if photo else 280) / image.height)
    smooth = share * share * (3 - 2 * share)
    scale = fit * (scene.zoom[0] + (scene.zoom[1] - scene.zoom[0]) * smooth)
    shift = scene.pan[0] + (scene.pan[1] - scene.pan[0]) * smooth
    left = (SIZE[0] - image.width * scale) / 2 + shift * SIZE[0]
    upper = (SIZE[1] - image.height * scale) / 2
    move = (1 / scale, 0, -left / scale, 0, 1 / scale, -upper / scale)
    placed = image.transform(SIZE, Image.Transform.AFFINE, move, Image.Resampling.BICUBIC)
    frame.paste(placed, mask=placed.getchannel("A"))
    draw = ImageDraw.Draw(frame)
    draw.rounded_rectangle((20, 18, 112, 52), radius=8, fill=NAVY)
    draw.text((66, 35), scene.clock, font=font(fonts, True, 20), fill=CREAM, anchor="mm")
    return frame


def frame_at(index: int, fonts: Path) -> Image.Image:
    """Frame number `index` of the film, with a fade from and to navy at each cut."""
    second = index / FPS
    begins = starts()
    number = max(i for i, begin in enumerate(begins[:-1]) if begin <= second)
    scene = SCENES[number]
    at = second - begins[number]
    picture = shot(scene, at / scene.seconds, fonts) if scene.picture else title_card(TITLES[number], fonts)
    light = min(1.0, (at + 1 / FPS) / FADE_S, (scene.seconds - at) / FADE_S)
    return picture if light >= 1 else Image.blend(Image.new("RGB", SIZE, NAVY), picture, light)


def frames(fonts: Path, seconds: float | None = None) -> Iterator[Image.Image]:
    """All frames, or those of the first `seconds`."""
    length = starts()[-1] if seconds is None else seconds
    return (frame_at(index, fonts) for index in range(round(length * FPS)))


def write_film(path: Path, fonts: Path, seconds: float | None = None) -> None:
    """Encodes the film, or its beginning, as H.264 in MP4."""
    options = {"movflags": "faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": "26", "preset": "slow", "g": str(FPS * 5), "threads": "1"}
        for image in frames(fonts, seconds):
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


def write_truth(path: Path) -> None:
    """Writes the scenes with their times, for tests."""
    scenes = [
        {"start_s": begin, "end_s": begin + scene.seconds, "clock": scene.clock, "picture": scene.picture}
        for scene, begin in zip(SCENES, starts(), strict=False)
    ]
    cues = [{"start_s": round(a, 3), "end_s": round(b, 3), "text": words} for a, b, words in subtitles()]
    truth = {"duration_s": starts()[-1], "fps": FPS, "size": list(SIZE), "scenes": scenes, "subtitles": cues}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Writes the film, its subtitles and the list of scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts/truetype/dejavu"))
    args = parser.parse_args()
    FILM.parent.mkdir(parents=True, exist_ok=True)
    write_film(FILM, args.fonts)
    FILM.with_suffix(".srt").write_text(srt_text(), encoding="utf-8")
    write_truth(TRUTH)
    print(f"{FILM.name}: {starts()[-1]:.0f} s, {FILM.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
