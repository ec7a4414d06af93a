"""What the jobs that use an engine (build, time, verify, profile) are told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts.base import Part
from bakeoff.artifacts.build import BatchRange, BuildRecord
from bakeoff.artifacts.io import check_digests, read_record
from bakeoff.backends import make_backend
from bakeoff.backends.base import Backend, EngineSpec, InputInfo, Session
from bakeoff.core.cell import Cell
from bakeoff.core.job_messages import under_way
from bakeoff.devices.take import take_device
from bakeoff.models.arrays import load_arrays

if TYPE_CHECKING:
    import numpy as np


class EngineJob(Part):
    """An engine, where it lies, and how to load it."""

    target: Cell
    backend: dict[str, Any]
    """The backend's entry in the config, `kind` included."""
    engine: str
    """Folder of the engine; its record is build.json."""
    reference: str
    """Folder of the model's reference: weights, check inputs, outputs."""
    device: str
    threads: int
    batch: BatchRange
    inputs: list[dict[str, Any]]
    """Name, shape without batch, and dtype of each input of the model."""

    def make_backend(self) -> Backend:
        """The backend with its options."""
        return make_backend(self.backend)

    def engine_spec(self) -> EngineSpec:
        """The engine's specification."""
        if self.target.precision is None:
            raise ValueError("an engine has a precision")
        return EngineSpec(
            precision=self.target.precision,
            device=self.device,
            threads=self.threads,
            batch_min=self.batch.min,
            batch_opt=self.batch.opt,
            batch_max=self.batch.max,
            inputs=[InputInfo(i["name"], tuple(i["shape"]), i["dtype"]) for i in self.inputs],
            examples=Path(self.reference) / "inputs.npz",
        )

    def checked_files(self) -> list[str]:
        """The engine's files, the one to load first. Raises BakeoffError where one is missing or altered."""
        record = read_record(Path(self.engine) / "build.json", BuildRecord)
        check_digests(self.engine, record.files)
        return list(record.files)

    def ready(self) -> tuple[Backend, float]:
        """The backend, its library imported and this process alone on its device; and the seconds of the import.

        The import comes first: on a GPU it passes while others import too, and nobody is measured.
        """
        backend = self.make_backend()
        start = time.perf_counter()
        with under_way("import"):
            backend.import_library()
        import_s = time.perf_counter() - start
        take_device()
        return backend, import_s

    def load(self, files: list[str], batch_size: int) -> Session:
        """Load the engine (its files checked before, so that a timed load does no hashing)."""
        return self.make_backend().load(Path(self.engine), files, self.engine_spec(), batch_size)

    def check_inputs(self) -> list[np.ndarray]:
        """The seeded check inputs, one array (n_inputs first) for each input in the order of forward()."""
        import numpy as np

        with np.load(Path(self.reference) / "inputs.npz") as arrays:
            return [arrays[i["name"]] for i in self.inputs]

    def reference_outputs(self) -> list[np.ndarray]:
        """The reference's outputs for the check inputs, [n_inputs, ...] each, in the model's flat order."""
        return list(load_arrays(Path(self.reference) / "outputs.npz").values())

    def batch_of_inputs(self, batch_size: int) -> list[np.ndarray]:
        """One batch: the check inputs, repeated where the batch is larger."""
        import numpy as np

        return [np.resize(a, (batch_size, *a.shape[1:])) for a in self.check_inputs()]
