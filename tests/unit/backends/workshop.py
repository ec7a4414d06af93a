"""References and exports of small user models, made by the jobs themselves, for the backends inside PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.artifacts.io import write_record
from bakeoff.backends.base import Backend, Built, EngineSpec, InputInfo, Session
from bakeoff.core.machine import Machine
from bakeoff.jobs import export, reference
from bakeoff.models.arrays import load_arrays

INPUTS: dict[str, dict[str, dict[str, Any]]] = {
    "convnet": {"image": {"shape": [3, 16, 16]}},
    "two_inputs": {"left": {"shape": [12]}, "right": {"shape": [8]}},
    "tokens": {"tokens": {"shape": [6], "dtype": "int64", "high": 100}},
    "pair": {"x": {"shape": [12]}},
    "named": {"x": {"shape": [12]}},
}
N_INPUTS = 6

NEEDED_FLAGS = {"bf16": {"avx512_bf16", "amx_bf16", "bf16"}, "fp16": {"avx512_fp16", "amx_fp16", "asimdhp", "fphp"}}
CLOSE = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 5e-2}
"""Largest relative L2 error against fp32."""


class Workshop:
    """Makes references and exports of model functions of one file, each once."""

    def __init__(self, file: Path, folders: pytest.TempPathFactory) -> None:
        self.file = file
        self.folders = folders
        self.sections: dict[str, dict[str, Any]] = {
            name: {"source": "file", "factory": f"{file}:{name}", "inputs": inputs} for name, inputs in INPUTS.items()
        }
        self._references: dict[str, Path] = {}
        self._exports: dict[tuple[Any, ...], Path] = {}

    def add(self, name: str, section: dict[str, Any]) -> None:
        """Another model, by its config section."""
        self.sections[name] = section

    def reference(self, name: str) -> Path:
        """Folder of a model's reference."""
        if name not in self._references:
            folder = self.folders.mktemp(f"reference-{name}")
            job = {
                "target": {"study": "s", "model": name},
                "label": name,
                "model": self.sections[name],
                "data": {"n_inputs": N_INPUTS},
                "threads": 1,
                "device": "cpu",
                "out": str(folder),
            }
            write_record(folder / "reference.json", reference.run(job))
            self._references[name] = folder
        return self._references[name]

    def export(self, name: str, format: str, precision: str = "fp32", batch_size: int | None = None) -> Path:
        """Folder of an export; of dynamic batch size where none is given."""
        key = name, format, precision, batch_size
        if key not in self._exports:
            folder = self.folders.mktemp(f"export-{name}-{format}")
            export.run(
                {
                    "target": {"study": "s", "model": name, "precision": precision, "batch_size": batch_size},
                    "format": format,
                    "precision": precision,
                    "batch_size": batch_size,
                    "batch_max": 4,
                    "label": name,
                    "model": self.sections[name],
                    "reference": str(self.reference(name)),
                    "out": str(folder),
                    "threads": 1,
                }
            )
            self._exports[key] = folder
        return self._exports[key]

    def spec(self, name: str, precision: str = "fp32", batch: tuple[int, int, int] = (1, 4, 4)) -> EngineSpec:
        """An engine of a model on the CPU with one thread."""
        inputs = [
            InputInfo(label, tuple(i["shape"]), i.get("dtype", "float32"))
            for label, i in self.sections[name]["inputs"].items()
        ]
        return EngineSpec(precision, "cpu", 1, *batch, inputs)  # type: ignore[arg-type]

    def batch(self, name: str, size: int) -> list[np.ndarray]:
        """The first check inputs."""
        return [array[:size] for array in load_arrays(self.reference(name) / "inputs.npz").values()]

    def expected(self, name: str, size: int) -> list[np.ndarray]:
        """What eager fp32 answers to them."""
        return [array[:size] for array in load_arrays(self.reference(name) / "outputs.npz").values()]

    def source(self, backend: Backend, name: str, precision: str = "fp32") -> Path:
        """What a backend builds from: its export, or the reference."""
        key = backend.export_key(precision)  # type: ignore[arg-type]
        return self.reference(name) if key.format == "eager" else self.export(name, key.format, key.precision)

    def build(self, backend: Backend, name: str, out: Path, precision: str = "fp32") -> Built:
        """Build and inspect, as the build job does, with a dynamic batch dimension."""
        spec = self.spec(name, precision)
        built = backend.build(self.source(backend, name, precision), spec, out)
        backend.inspect(out, built, spec)
        return built

    def load(
        self, backend: Backend, name: str, folder: Path, built: Built, size: int, precision: str = "fp32"
    ) -> Session:
        """A session with the check inputs prepared."""
        session = backend.load(folder, built.files, self.spec(name, precision), size)
        session.prepare(self.batch(name, size))
        return session

    def assert_close(
        self, session: Session, name: str, size: int, precision: str = "fp32", close: Mapping[str, float] = CLOSE
    ) -> None:
        """Run twice, since the first run may capture a CUDA graph, and compare each output with eager fp32."""
        session.run()
        session.run()
        outputs, expected = session.outputs(), self.expected(name, size)
        assert [o.shape for o in outputs] == [e.shape for e in expected]
        for output, wanted in zip(outputs, expected, strict=True):
            assert output.dtype == np.float32
            assert np.linalg.norm(output - wanted) <= close[precision] * np.linalg.norm(wanted)


def need_instructions(precision: str) -> None:
    """Skip where this processor has no instructions for a precision."""
    if precision in NEEDED_FLAGS and not Machine.detect().cpu_flags & NEEDED_FLAGS[precision]:
        pytest.skip(f"this processor has no {precision} instructions")
