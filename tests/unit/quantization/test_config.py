"""The calibration section of a study: what is refused, and with which words."""

from pathlib import Path
from typing import Any

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.errors import ConfigError


def study(**calibration: Any) -> Any:
    return parse_study(
        {
            "models": {"m": {"source": "timm", "name": "resnet18"}},
            "backends": {"eager": None},
            "calibration": calibration,
        }
    )


def test_defaults() -> None:
    settings = study().calibration
    assert (settings.images, settings.n_inputs, settings.seed) == (None, 64, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"images": "nowhere"}, ["calibration.images", "no folder 'nowhere'", "relative to"]),
        ({"images": "a\0b"}, ["calibration.images", "no folder"]),
        ({"n_inputs": 0}, ["calibration.n_inputs", "got 0"]),
        ({"n_input": 9}, ["calibration.n_input", "unknown key", "did you mean 'n_inputs'"]),
        ({"mean": [0.5, 0.5], "std": [0.5, 0.5]}, ["calibration", "1 or 3 values"]),
        ({"mean": [0.5]}, ["calibration", "1 or 3 values each, not 1 and 0"]),
        ({"std": [1, 0, 1]}, ["calibration.std.1", "greater than 0"]),
    ],
)
def test_refusals(given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        study(**given)
    for word in words:
        assert word in str(refused.value)


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(ConfigError, match=r"calibration\.images: .* holds no image \(\.jpg"):
        study(images=str(tmp_path))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.PNG").write_bytes(b"looked at later")
    assert study(images=str(tmp_path)).calibration.images == str(tmp_path)


def test_a_backend_cannot_be_called_calibration() -> None:
    with pytest.raises(ConfigError, match=r"backends\.calibration: this label is a folder"):
        parse_study(
            {"models": {"m": {"source": "timm", "name": "resnet18"}}, "backends": {"calibration": {"kind": "eager"}}}
        )
