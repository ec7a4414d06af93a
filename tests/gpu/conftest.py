"""What tests of several backends share; nothing here is made where there is no GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.backends.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Reference and exports of one small network, `convnet`, wide enough to be worth tuning."""
    made = Workshop(root / "tests" / "models" / "tiny.py", tmp_path_factory)
    made.add("convnet", made.sections["convnet"] | {"args": {"width": 32}, "inputs": {"image": {"shape": [3, 32, 32]}}})
    return made
