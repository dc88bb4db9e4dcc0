from pathlib import Path

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned
from foveate.evals.probes.classes import design, probe
from foveate.evals.probes.spread import probe_diversity, probe_gap
from tests.evals.probes.toys import NAMES, Palette, block


def items(folder: Path, *names: str) -> list[Captioned]:
    for name in set(names):
        block(name).save(folder / f"{name}.png")
    return [Captioned(id=str(i), path=folder / f"{n}.png", caption=f"a {n} thing") for i, n in enumerate(names)]


def test_design_takes_the_first_of_equals() -> None:
    rows = np.eye(2, dtype=np.float32)
    assert design(rows, np.array([[1, 0], [1, 0], [0, 1]], np.float32), "abc").top.tolist() == [0, 2]


def test_harm_moves_as_classes_are_added(tmp_path: Path) -> None:
    shown = items(tmp_path, "red", "red", "blue", "green")
    report = probe(
        Palette(), shown, classes=["green"], harm=["red"], added=["blue"], groups={"reds": ("red",), "rest": ("blue",)}
    )
    facts = report.facts
    assert facts["harm_rate"] == 0.5 and facts["harm_rate_with_added_classes"] == 0.5
    assert facts["moved_by_design"] == 0.75
    rates = {(row[0], row[1]): (row[2], row[-1]) for row in report.tables[0].rows}
    assert rates["with harm", "reds"] == (1.0, 2) and rates["with harm", "rest"] == (0.0, 1)
    assert report.tables[1].rows == (("green", 4, 2, 1), ("red", None, 2, 2), ("blue", None, None, 1))


def test_classes_bad_input(tmp_path: Path) -> None:
    shown = items(tmp_path, "red")
    with pytest.raises(CallerError, match="there twice"):
        probe(Palette(), shown, classes=["a"], harm=["a"])
    with pytest.raises(CallerError, match="needed"):
        probe(Palette(), shown, classes=["a"])


def test_gap_of_an_encoder_without_one(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    report = probe_gap(Palette(), items(tmp_path, *NAMES))
    assert report.facts["distance_of_means"] == pytest.approx(0.0, abs=1e-6)
    assert report.facts["cosine_of_pairs"] == pytest.approx(1.0) and report.facts["cosine_of_others"] == 0.0
    assert report.tables[0].rows[0][2] == 0.0  # the nearest of each caption is its picture
    with pytest.raises(CallerError, match="at least two"):
        probe_gap(Palette(), items(tmp_path, "red"))


def test_diversity_counts_and_shows_the_most_alike(tmp_path: Path) -> None:
    report = probe_diversity(Palette(), items(tmp_path, "red", "red", "green", "blue"))
    # Shares 1/2, 1/4, 1/4.
    assert report.facts["vendi"] == pytest.approx(np.exp(0.5 * np.log(2) + 0.5 * np.log(4)))
    assert report.facts["rke"] == pytest.approx(1 / (0.25 + 0.0625 + 0.0625))
    assert np.isnan(report.facts["scendi"])  # four pairs, six dimensions
    assert report.tables[0].rows[0][:2] == ("0", "a red thing") and report.tables[0].rows[0][2] == pytest.approx(1.0)
    whole = probe_diversity(Palette(), items(tmp_path, *NAMES, *NAMES))
    assert whole.facts["scendi"] == pytest.approx(1.0)  # the captions say it all
