from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.rerankers.lora.outputs import fingerprint
from foveate.rerankers.lora.recipe import Recipe, read_recipe
from foveate.rerankers.lora.run import rate


def test_file_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('rank = 4\ntarget_modules = ["v_proj", "q_proj"]\n')
    found = read_recipe(file, epochs=2, max_minutes=None)
    assert (found.rank, found.epochs, found.max_minutes, found.target_modules) == (4, 2, None, ("q_proj", "v_proj"))
    assert read_recipe() == Recipe()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rnak = 4", "unknown key 'rnak'; known: accumulation"),
        ("rank = 17", "rank is 17"),
        ("rank = 0", "rank is 0"),
        ('target_modules = ["(a+)+$"]', r"target_modules.0 is '(a+)+$'"),
        ("target_modules = []", "target_modules"),
        ('target_modules = ["q", "q"]', "twice"),
        ("learning_rate = nan", "learning_rate"),
        ("epochs = inf", "epochs"),
        ("seed = -1", "seed is -1"),
        ("rank =", "not TOML"),
        ("# " + "x" * 2**20, "larger"),
    ],
)
def test_bad_values(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(CallerError) as caught:
        read_recipe(file)
    assert told in str(caught.value) and "recipe.toml" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_rate() -> None:
    made = Recipe(learning_rate=1.0, warmup=0.2)
    assert [round(rate(at, made), 6) for at in (0.0, 0.1, 0.2, 0.6, 1.0)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert rate(0.0, Recipe(learning_rate=1.0, warmup=0.0)) == 1.0


def test_later_keys_leave_old_fingerprints_alone() -> None:
    """Keys of the first adapters, so that their checkpoints and cards are still known."""
    body = Recipe(max_minutes=3).deciding()
    assert not {"anchor", "weights", "base", "max_minutes"} & set(body) and len(body) == 20
    changed = Recipe(anchor=0.5, weights={"read": 2.0}).deciding()
    assert changed == body | {"anchor": 0.5, "weights": {"read": 2.0}}


def test_fingerprint_is_that_of_the_first_release() -> None:
    """Computed by the code before these keys."""
    found = fingerprint(Recipe(), {"data": "d", "base": "b"})
    assert found == "59e316544b12d7db6979ca3221277c59"
