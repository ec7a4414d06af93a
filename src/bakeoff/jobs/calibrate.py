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
from bakeoff.models.data.listing import state_of
from bakeoff.models.data.model_data import ModelData
from bakeoff.models.data.samples import image_input
from bakeoff.models.sources import source_of
from bakeoff.quantization.calibration_set import INPUTS, make_set
from bakeoff.quantization.images import choose_images
from bakeoff.quantization.settings import Calibration


class Spec(Part):
    """One model's calibration set."""

    target: Cell
    label: str
    model: dict[str, Any]
    """The model's config section as JSON."""
    data: ModelData
    """What the model is judged on."""
    calibration: dict[str, Any]
    """The study's calibration section as JSON."""
    images_state: str | None
    """State of the chosen image files when the study was planned; None where no folder is given."""
    out: str
    """The set's folder."""


def run(spec_json: dict[str, Any]) -> CalibrationRecord:
    """Write inputs.npz into the folder.

    Raises CalibrationError or DataError where an image cannot be read, or files changed since the study was planned.
    """
    spec = Spec.model_validate(spec_json)
    settings = Calibration.model_validate(spec.calibration)
    source = source_of(spec.label, spec.model)
    inputs = source.config.inputs
    images = []
    if settings.images:
        never = spec.data.judging_files()
        images = choose_images(settings.images, settings.n_inputs, settings.seed, never)
        if state_of(images) != spec.images_state or not (images or never):
            raise CalibrationError(
                f"calibration.images: the images in {settings.images} changed while the study ran; run it again"
            )
    else:
        spec.data.check_unchanged()
    made = make_set(inputs, settings, spec.data.section, images, spec.data.preprocessing(source), spec.data.key)
    out = Path(spec.out)
    out.mkdir(parents=True, exist_ok=True)
    save_arrays(out / INPUTS, made.arrays)
    real = bool(images) or spec.data.is_real
    return CalibrationRecord(
        target=spec.target,
        status="ok",
        source=made.source,
        n_inputs=made.n_inputs,
        sha256=made.sha256,
        images=images if image_input(inputs) else [],
        files=digests(out, [INPUTS]),
        library=versions_of(("numpy", "pillow") if real else ("numpy",)),
    )
