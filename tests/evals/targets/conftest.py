"""A small dataset over real files, and settings that cost no model."""

from pathlib import Path

import pytest
from PIL import Image

from foveate.evals.samples import Dataset, Document, Sample
from foveate.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "never-used", encoder="hashed", decoders=0)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    made = {}
    for name, colour in (("barn", (220, 30, 30)), ("sea", (40, 70, 210)), ("field", (40, 160, 60))):
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.png")
        made[name] = str(folder / f"{name}.png")
    return made


@pytest.fixture
def dataset(pictures: dict[str, str]) -> Dataset:
    return Dataset(
        name="small",
        samples=(
            Sample(id="red", text="red", relevant={"barn": 1.0}, answerable=True),
            Sample(id="hours", text="When does the harbour museum open?", relevant={"museum": 1.0}, answerable=True),
            Sample(id="look", images=(pictures["sea"],), text="", relevant={"sea": 1.0}),
        ),
        documents=(
            Document(id="museum", text="The harbour museum opens at ten. It is free.", title="Museum"),
            Document(id="rules", text="Dogs must be on a lead. The seal at the slipway is wild."),
            *(Document(id=name, image=path) for name, path in pictures.items()),
        ),
    )
