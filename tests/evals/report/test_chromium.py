"""The report as a browser shows it: plots and pictures are there."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.evals.report import write
from foveate.evals.runner import RunOptions, run_suite
from foveate.evals.suite import Suite, TargetSpec, TaskSpec
from foveate.settings import Settings

CHROMIUM = shutil.which("chromium")
EXAMPLES = Path(__file__).parents[3] / "examples"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
).split()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; .ci/run installs it")
def test_the_report_shows_plots_and_pictures(tmp_path: Path) -> None:
    suite = Suite(
        name="seen",
        title="Seen in a browser",
        draws=200,
        target=TargetSpec(kind="retriever", encoder="hashed"),
        tasks=(
            TaskSpec(
                name="search",
                task="retrieval",
                dataset="sample",
                folder=str(EXAMPLES),
                settings={"depth": 5},
                metrics=("hit@1", "mrr@5"),
                slices=("modality",),
                limit=20,
            ),
        ),
    )
    settings = Settings.load(home=tmp_path / "home", encoder="hashed")
    run = run_suite(suite, settings, RunOptions(out=tmp_path / "run", work=tmp_path / "work"))
    html, _ = write(run)
    shot = tmp_path / "shot.png"
    done = subprocess.run(
        [
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1280,4000",
            f"--screenshot={shot}",
            html.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert shot.exists(), done.stderr
    with Image.open(shot) as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    # Text on white alone is grey: the plots' bars and the thumbnails bring colour, a few per cent of the page.
    assert (spread > 40).mean() > 0.01
