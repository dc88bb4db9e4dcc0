"""MM-UPD Bench (Miyai et al., ACL 2025, arXiv 2403.20331): multiple choice without a right answer, beside its twin.

Absent answer (AAD): the right option is taken out. Incompatible answer set (IASD): the options are another question's.
Incompatible visual question (IVQD): the picture is another question's. Files as
https://huggingface.co/datasets/MM-UPD/MM-UPD gives them: ``data/mmaad_20240303_base.tsv`` and so on, in MMBench's form:
``index, question, hint, A .. E, answer, category, l2-category, source, split, image`` (base64) and ``type``, which is
``standard`` or ``upd``; the twins share ``index``. In the ``option`` files a further option says that none is right,
and ``answer`` of the unanswerable ones names it; in the ``base`` files it is a letter that no option has (``F``).
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_letter
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.embedded import unpacked
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, csv_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_FORMS = ("aad", "iasd", "ivqd")
_NOTHING = {"", "nan", "none"}

INFO = DatasetInfo(
    name="mm_upd",
    title="MM-UPD: does a model withhold an answer where none of the options can be right?",
    tasks=("unanswerability",),
    paper="Miyai, Yang, Zhang et al., ACL 2025",
    licence="Apache-2.0",
    get=(
        "https://huggingface.co/datasets/MM-UPD/MM-UPD, folder data: mmaad_20240303_base.tsv,\n"
        "mmiasd_20240303_base.tsv, mmivqd_20240303_base.tsv (and ..._option.tsv); put them into the folder or its\n"
        "data/. Pictures stand in the files and are written to pictures/ once, named by their SHA-256"
    ),
    options={
        "form": "aad, iasd, ivqd or all (default)",
        "setting": "base (default) or option (with an option that says that none is right)",
        "kind": "all (default: twins together), standard or upd",
        "pictures": "folder that pictures are written to (default pictures, inside the folder)",
        "release": "date in the file names (default 20240303)",
    },
)


def read(
    folder: Path,
    *,
    form: str = "all",
    setting: str = "base",
    kind: str = "all",
    pictures: str = "pictures",
    release: str = "20240303",
) -> Dataset:
    """Read the twins of one or all forms.

    ``choice`` is None where no option is right; in the option setting it is the one that says so. The hint, where there
    is one, stands before the question, as the authors ask it. A dual score needs both twins of ``slices["pair"]``.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, a picture that is none, or no sample.
    """
    forms = _FORMS if one_of("form", form, (*_FORMS, "all")) == "all" else (form,)
    one_of("setting", setting, ("base", "option"))
    one_of("kind", kind, ("all", "standard", "upd"))
    names = [f"mm{one}_{release}_{setting}.tsv" for one in forms]
    samples = [
        sample
        for one, name in zip(forms, names, strict=True)
        for sample in _samples(found(folder, name, f"data/{name}"), one, folder / pictures, kind)
    ]
    return assembled(INFO, samples, note=", ".join(names))


def _samples(path: Path, form: str, pictures: Path, wanted: str) -> Iterator[Sample]:
    for row in csv_rows(path, "\t"):
        kind = row.get("type", str)
        if kind not in ("standard", "upd"):
            raise row.bad("type", "standard or upd", kind)
        if wanted not in ("all", kind):
            continue
        pair, options = f"{form}/{ident(row, 'index')}", _options(row)
        image = unpacked(row.get("image", str), pictures, f"{row.where}, field 'image'")
        yield Sample(
            id=f"{pair}/{kind}",
            text="\n".join(part for part in (_text(row, "hint"), row.get("question", str)) if part),
            images=(image,),
            options=options,
            choice=_choice(row, options, kind),
            answerable=kind == "standard",
            group=Path(image).stem,
            slices={"form": form, "pair": pair, "kind": kind}
            | slices_of(row, category="category", ability="l2-category"),
        )


def _text(row: Row, field: str) -> str:
    value = row.get(field, str, "")
    return "" if value.strip().lower() in _NOTHING else value


def _options(row: Row) -> tuple[str, ...]:
    texts = [_text(row, letter) for letter in "ABCDE"]
    kept = tuple(text for text in texts if text)
    if not kept or texts[: len(kept)] != list(kept):
        raise row.bad("A to E", "options without a gap", texts)
    return kept


def _choice(row: Row, options: tuple[str, ...], kind: str) -> int | None:
    answer = row.get("answer", str)
    if kind == "upd" and answer not in tuple("ABCDE"[: len(options)]):
        return None
    return by_letter(row, "answer", options)
