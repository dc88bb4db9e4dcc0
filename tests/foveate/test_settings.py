from pathlib import Path

import pytest

from foveate.errors import ConfigError
from foveate.settings import Settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("FOVEATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_order_of_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("foveate.toml").write_text('profile = "hub"\ngenerator = "local:file"\n[budget]\nhops = 3\nevidence = 4\n')
    monkeypatch.setenv("FOVEATE_BUDGET__HOPS", "5")
    settings = Settings.load(encoder="hashed")
    assert settings.encoder == "hashed"  # the flag over the profile
    assert settings.generator == "local:file"  # the file over the profile
    assert settings.generator_sees is True  # the profile over the default
    assert (settings.budget.hops, settings.budget.evidence) == (5, 4)  # the environment over the file, key by key


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("encodr = 1", "'encodr': is not a setting"),
        ("[index]\nocrr = true", "'index.ocrr': is not a setting"),
        ("[budget]\nhops = 0", "'budget.hops': Input should be greater"),
        ('profile = "laptop"', "'profile'"),
        ("= broken", "settings file"),
    ],
)
def test_bad_files_are_named(text: str, named: str) -> None:
    Path("foveate.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"foveate\.toml") as caught:
        Settings.load()
    assert named in str(caught.value)


def test_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_ENCODR", "mini")
    with pytest.raises(ConfigError, match="'FOVEATE_ENCODR' is unknown"):
        Settings.load()


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_API_KEY", "sk-very-secret")
    settings = Settings.load(store={"kind": "server", "url": "http://h", "api_key": "hidden-too"})
    assert "very-secret" not in repr(settings) and "hidden-too" not in repr(settings)
