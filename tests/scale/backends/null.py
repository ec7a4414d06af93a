"""A backend that computes nothing and takes a known time: for studies whose size is what is tested.

Known to Bakeoff through `BAKEOFF_BACKENDS=tests/scale/backends` (see `bakeoff.backends`), never shipped.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bakeoff.artifacts.profile import Layer, LayerTime
from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, LayerTimes, Request, Session
from bakeoff.backends.options import BackendOptions
from bakeoff.core.precision import Precision

if TYPE_CHECKING:
    import numpy as np


LAYERS = 48


class NullOptions(BackendOptions):
    """A backend that computes nothing and takes a known time."""

    kind: Literal["null"] = "null"
    duration_ms: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Time of one inference of a single input."""


class Null(Backend):
    """Sleeps for each inference and gives the first input back; its engine holds the word `null`."""

    kind = "null"
    summary = "computes nothing and takes a known time"
    Options = NullOptions
    options: NullOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """See Backend.export_key: nothing is exported."""
        return ExportKey("eager", "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("numpy",)

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build: it can, everywhere."""
        return None

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build."""
        (out / "engine.null").write_text("null\n")
        return Built(files=["engine.null"])

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        return NullSession(self.options.duration_ms * batch_size)


class NullSession(Session):
    """An inference of a known duration."""

    def __init__(self, duration_ms: float) -> None:
        self.duration_s = duration_ms / 1000
        self._inputs: list[np.ndarray] = []

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        self._inputs = inputs

    def run(self) -> Any:
        """See Session.run."""
        time.sleep(self.duration_s)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        return self._inputs[:1]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: as many layers as networks have, each of which takes the same share."""
        each_ms = 1000 * self.duration_s / LAYERS
        time_ms = LayerTime(median=each_ms, mean=each_ms, min=each_ms, max=each_ms, p90=None)
        layers = [
            Layer(
                name=f"/stage{i // 8}/block{i % 8}/null",
                type="Null",
                dtype="float32",
                time_ms=time_ms,
                share=1 / LAYERS,
            )
            for i in range(LAYERS)
        ]
        return LayerTimes(layers, runs=1)
