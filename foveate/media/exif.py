"""Date and place out of EXIF. Every value is a stranger's: what does not parse is left out."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from PIL import Image

__all__ = ["date_of", "exif_of", "iso_date", "place_of"]

_DATE, _EXIF_IFD, _GPS_IFD = 0x0132, 0x8769, 0x8825
_DATE_ORIGINAL, _OFFSET_ORIGINAL = 0x9003, 0x9011
_STAMP = re.compile(r"\s*(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")


def exif_of(picture: Image.Image) -> Image.Exif:
    """The EXIF block that stands before the pixels; an empty one if there is none.

    A PNG may carry it after the pixels too; finding that one decodes the picture (Pillow does), so it is not
    sought in a picture that is not loaded yet.
    """
    if picture.format == "PNG" and "exif" not in picture.info:
        return Image.Exif()
    try:
        return picture.getexif()
    except Exception:  # parses a stranger's bytes: struct, Value, Key, Syntax errors and more were seen
        return Image.Exif()


def date_of(exif: Image.Exif) -> str | None:
    """When the picture was taken, ISO 8601, with its offset to UTC where given."""
    inner = _directory(exif, _EXIF_IFD)
    taken = inner.get(_DATE_ORIGINAL)
    found = iso_date(taken if taken else exif.get(_DATE))
    offset = inner.get(_OFFSET_ORIGINAL) if taken else None
    if found and isinstance(offset, str) and _OFFSET.fullmatch(offset):
        return found + offset
    return found


def iso_date(value: object) -> str | None:
    """``2021:05:04 13:02:01`` as ``2021-05-04T13:02:01``; None for what is no date."""
    match = _STAMP.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        stamp = datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:  # 0000:00:00 of a camera whose clock was never set
        return None
    return stamp.isoformat() if match[4] else stamp.date().isoformat()


def place_of(exif: Image.Exif) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, north and east positive."""
    gps = _directory(exif, _GPS_IFD)
    latitude = _degrees(gps.get(2), negative=gps.get(1) == "S", limit=90.0)
    longitude = _degrees(gps.get(4), negative=gps.get(3) == "W", limit=180.0)
    if latitude is None or longitude is None or (latitude, longitude) == (0.0, 0.0):
        return None  # cameras without a fix write 0, 0
    return latitude, longitude


def _directory(exif: Image.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag)
    except Exception:  # as in exif_of
        return {}


def _degrees(value: object, *, negative: bool, limit: float) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if not 0.0 <= total <= limit:  # also refuses NaN
        return None
    return round(-total if negative else total, 7)
