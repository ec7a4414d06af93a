"""Makes the calibration set of a model, once for all backends that quantize it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.artifacts.base import Part
from bakeoff.artifacts.build import CalibrationRecord
from bakeoff.artifacts.io import digests
from bakeoff.core.cell import Cell
from bakeoff.core.distributions import versions_of
from bakeoff.core.errors import CalibrationError
from bakeoff.models.arrays import save_arrays
from bakeoff.models.spec import InputSpec
from bakeoff.quantization.calibration_set import INPUTS, image_input, make_set
from bakeoff.quantization.images import choose_images, state_of
from bakeoff.quantization.settings import Calibration


class Spec(Part):
    """One model's calibration set."""

    target: Cell
    inputs: dict[str, Any]
    """The model's inputs by name, as in the config, in JSON form."""
    calibration: dict[str, Any]
    """The study's calibration section as JSON."""
    images_state: str | None
    """State of the chosen image files when the study was planned; None where no folder is given."""
    out: str
    """The set's folder."""


def run(spec_json: dict[str, Any]) -> CalibrationRecord:
    """Write inputs.npz into the folder.

    Raises CalibrationError where an image cannot be read, or the folder's images changed since the study was planned.
    """
    spec = Spec.model_validate(spec_json)
    inputs = {name: InputSpec.model_validate(section) for name, section in spec.inputs.items()}
    settings = Calibration.model_validate(spec.calibration)
    images = choose_images(settings.images, settings.n_inputs, settings.seed) if settings.images else []
    if settings.images and (not images or state_of(images) != spec.images_state):
        raise CalibrationError(
            f"calibration.images: the images in {settings.images} changed while the study ran; run it again"
        )
    made = make_set(inputs, settings, images)
    out = Path(spec.out)
    out.mkdir(parents=True, exist_ok=True)
    save_arrays(out / INPUTS, made.arrays)
    return CalibrationRecord(
        target=spec.target,
        status="ok",
        source=made.source,
        n_inputs=made.n_inputs,
        sha256=made.sha256,
        images=images if image_input(inputs) else [],
        files=digests(out, [INPUTS]),
        library=versions_of(("numpy", "pillow") if images else ("numpy",)),
    )
