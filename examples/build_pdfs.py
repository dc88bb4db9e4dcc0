"""Makes the PDF documents of examples/sample from the texts in examples/pdf_text.

    pip install reportlab
    python examples/build_pdfs.py --cache FOLDER

The same reportlab writes byte-identical files (they carry no date); another one the same text and layout.
A text has a small markup: `# title`, `> subtitle`, `## heading`, `- item`, `| cell | cell |`, `---page---`,
`![caption](picture)` with a path below pictures/, and in a line `**bold**` and `*slanted*`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from PIL import Image as Pillow
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    Image,
    KeepTogether,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)
from sample_sources import package_root

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "sample" / "pictures"
INK = colors.HexColor("#22303c")
ACCENT = colors.HexColor("#1f5f7a")
PAPER_RULE = colors.HexColor("#b9c6cd")
FACES = {
    "Body": ("fonts-dejavu-core", "DejaVuSerif.ttf"),
    "Body-Bold": ("fonts-dejavu-core", "DejaVuSerif-Bold.ttf"),
    "Body-Italic": ("fonts-dejavu-extra", "DejaVuSerif-Italic.ttf"),
    "Head": ("fonts-dejavu-core", "DejaVuSans-Bold.ttf"),
    "Small": ("fonts-dejavu-core", "DejaVuSans.ttf"),
}
BODY = ParagraphStyle("body", fontName="Body", fontSize=10, leading=15.5, textColor=INK, spaceAfter=7)
ITEM = ParagraphStyle("item", parent=BODY, leftIndent=14, bulletIndent=2, spaceAfter=4)
TITLE = ParagraphStyle("title", fontName="Head", fontSize=24, leading=29, textColor=ACCENT, spaceAfter=2)
LEAD = ParagraphStyle("lead", fontName="Body-Italic", fontSize=11.5, leading=16, textColor=INK, spaceAfter=8)
HEADING = ParagraphStyle(
    "heading",
    fontName="Head",
    fontSize=12.5,
    leading=17,
    textColor=ACCENT,
    spaceBefore=9,
    spaceAfter=4,
    keepWithNext=1,
)
CAPTION = ParagraphStyle(
    "caption", fontName="Small", fontSize=8, leading=11, textColor=INK, alignment=TA_CENTER, spaceAfter=9
)
CELL = ParagraphStyle("cell", fontName="Small", fontSize=8.6, leading=12, textColor=INK)


def register_fonts(cache: Path) -> None:
    """Makes the DejaVu faces known to reportlab."""
    for name, (package, file) in FACES.items():
        path = package_root(package, cache) / "usr/share/fonts/truetype/dejavu" / file
        pdfmetrics.registerFont(TTFont(name, str(path)))
    pdfmetrics.registerFontFamily("Body", normal="Body", bold="Body-Bold", italic="Body-Italic")


def inline(text: str) -> str:
    """Turns the markup inside a line into reportlab's."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)


def figure(caption: str, picture: str) -> Flowable:
    """A picture in the middle of the column with its caption below."""
    path = PICTURES / picture
    with Pillow.open(path) as opened:
        width, height = opened.size
    scale = min(78 * mm / width, 47 * mm / height)
    image = Image(str(path), width * scale, height * scale, mask="auto")
    image.hAlign = "CENTER"
    return KeepTogether([Spacer(0, 5), image, Spacer(0, 4), Paragraph(inline(caption), CAPTION)])


def table(lines: list[str]) -> Flowable:
    """A table whose first line is the head."""
    cells = [[Paragraph(inline(cell.strip()), CELL) for cell in line.strip("|").split("|")] for line in lines]
    columns = len(cells[0])
    widths = [36 * mm, 22 * mm, 100 * mm] if columns == 3 else [158 * mm / columns] * columns
    made = Table(cells, colWidths=widths, hAlign="LEFT", spaceAfter=9)
    made.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, PAPER_RULE),
                ("LINEBELOW", (0, 0), (-1, 0), 1, ACCENT),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
            ]
        )
    )
    return made


def block(line: str) -> Iterator[Flowable]:
    """What one line of a text becomes on the page."""
    picture = re.fullmatch(r"!\[(.*)\]\((.*)\)", line)
    if picture:
        yield figure(picture[1], picture[2])
    elif line == "---page---":
        yield PageBreak()
    elif line.startswith("## "):
        yield Paragraph(inline(line[3:]), HEADING)
    elif line.startswith("# "):
        yield Paragraph(inline(line[2:]), TITLE)
    elif line.startswith("> "):
        yield Paragraph(inline(line[2:]), LEAD)
        yield HRFlowable(width="100%", thickness=1.2, color=ACCENT, spaceAfter=10)
    elif line.startswith("- "):
        yield Paragraph(inline(line[2:]), ITEM, bulletText="•")
    else:
        yield Paragraph(inline(line), BODY)


def story(text: str) -> list[Flowable]:
    """All blocks of a text, in order."""
    lines = [line for line in text.splitlines() if line.strip()]
    made: list[Flowable] = []
    for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            made.append(table(list(group)))
        else:
            made.extend(flowable for line in group for flowable in block(line))
    return made


def footer(canvas: Canvas, document: SimpleDocTemplate) -> None:
    """The title at the left and the page number at the right of the foot."""
    canvas.saveState()
    canvas.setStrokeColor(PAPER_RULE)
    canvas.setLineWidth(0.5)
    canvas.line(26 * mm, 18 * mm, A4[0] - 26 * mm, 18 * mm)
    canvas.setFont("Small", 8)
    canvas.setFillColor(INK)
    canvas.drawString(26 * mm, 13 * mm, document.title)
    canvas.drawRightString(A4[0] - 26 * mm, 13 * mm, str(document.page))
    canvas.restoreState()


def build(source: Path, target: Path) -> None:
    """Writes one PDF."""
    text = source.read_text(encoding="utf-8")
    document = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=26 * mm,
        rightMargin=26 * mm,
        topMargin=24 * mm,
        bottomMargin=26 * mm,
        title=text.splitlines()[0].removeprefix("# "),
        author="The foveate authors",
        invariant=1,
    )
    document.build(story(text), onFirstPage=footer, onLaterPages=footer)


def main() -> None:
    """Writes every PDF of the collection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the unpacked font packages")
    args = parser.parse_args()
    register_fonts(args.cache)
    for source in sorted((HERE / "pdf_text").glob("*.txt")):
        target = HERE / "sample" / "documents" / f"{source.stem}.pdf"
        build(source, target)
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
