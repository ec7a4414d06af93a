"""The plan of a study: every cell of the matrix, what must be made for it, and why some cannot run here.

Planning imports no inference library; it is done each time the Snakefile is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bakeoff.artifacts.build import BatchRange
from bakeoff.backends import make_backend
from bakeoff.backends.base import Backend, Request
from bakeoff.config.study import Study
from bakeoff.core.machine import Machine
from bakeoff.core.paths import StudyPaths
from bakeoff.core.precision import Precision

GPU_JOB_THREADS = 4
"""CPU threads of a job on a GPU unless the study says otherwise: what a build by Inductor can make use of."""


@dataclass(frozen=True)
class Export:
    """One export: (model, format, precision), and the batch size where that is fixed."""

    model: str
    format: str
    precision: Precision
    batch_size: int | None


@dataclass(frozen=True)
class Engine:
    """One engine: (model, backend, precision), and the batch size where that is fixed."""

    model: str
    backend: str
    precision: Precision
    batch_size: int | None


@dataclass(frozen=True)
class Target:
    """One cell of the matrix."""

    model: str
    backend: str
    precision: Precision
    batch_size: int
    device: str
    cannot_build: str | None
    """Why no engine can be built here; the cell is listed with this reason."""
    cannot_run: str | None
    """Why the engine, though built, cannot be run here."""

    @property
    def runs(self) -> bool:
        """Whether it is timed, verified and profiled."""
        return self.cannot_build is None and self.cannot_run is None

    @property
    def reason(self) -> str | None:
        """Why it is not timed."""
        return self.cannot_build or self.cannot_run


class Plan:
    """The plan of one study on one machine."""

    def __init__(self, study: Study, machine: Machine) -> None:
        self.study = study
        self.machine = machine
        self.paths = StudyPaths(study.study)
        self.device = machine.device(study.device)
        self.gpus = machine.gpus_for(study.device)
        """Those that share the study's jobs; empty on a CPU."""

    @cached_property
    def backends(self) -> dict[str, Backend]:
        """The backends by label."""
        return {label: make_backend(options) for label, options in self.study.backends.items()}

    @cached_property
    def targets(self) -> list[Target]:
        """Every cell of the matrix, those that cannot run included."""
        return list(self._cells())

    def _cells(self) -> Iterator[Target]:
        compared = {label: set(self.study.models_of(label)) for label in self.backends}
        for model, spec in self.study.models.items():
            for label, backend in self.backends.items():
                if model not in compared[label]:
                    continue
                for precision in self.study.precisions_of(label):
                    request = Request(precision, self.device, spec.source, self.machine)
                    build = backend.cannot_make(request)
                    run = None if build else backend.cannot_run(request)
                    for batch_size in self.study.batch.sizes:
                        yield Target(model, label, precision, batch_size, self.device, build, run)

    @cached_property
    def engines(self) -> list[Engine]:
        """Every engine to build."""
        return list(dict.fromkeys(self.engine_of(t) for t in self.targets if not t.cannot_build))

    @cached_property
    def exports(self) -> list[Export]:
        """Every export to make."""
        found = (self.export_of(engine) for engine in self.engines)
        return list(dict.fromkeys(export for export in found if export))

    def engine_of(self, target: Target) -> Engine:
        """The engine that serves a target."""
        return self.engine_at(target.model, target.backend, target.precision, target.batch_size)

    def engine_at(self, model: str, backend: str, precision: Precision, batch_size: int) -> Engine:
        """The engine that serves a cell: that of its batch size, or the one for all of them."""
        fixed = None if self.study.dynamic_batch_of(backend) else batch_size
        return Engine(model, backend, precision, fixed)

    def export_of(self, engine: Engine) -> Export | None:
        """The export that an engine is built from; None where it is made from the reference itself."""
        key = self.backends[engine.backend].export_key(engine.precision)
        if key.format == "eager":
            return None
        return Export(engine.model, key.format, key.precision, engine.batch_size)

    def targets_of(self, engine: Engine) -> list[Target]:
        """The targets that run on an engine."""
        return self._targets_by_engine.get(engine, [])

    @cached_property
    def _targets_by_engine(self) -> dict[Engine, list[Target]]:
        found: dict[Engine, list[Target]] = {}
        for target in self.targets:
            found.setdefault(self.engine_of(target), []).append(target)
        return found

    def batch_range(self, batch_size: int | None) -> BatchRange:
        """Optimization profile of an engine: fixed, or min/opt/max over the study's batch sizes.

        `opt` is the largest size: where one engine must serve all, large batches are where tuning pays most.
        """
        if batch_size is not None:
            return BatchRange(min=batch_size, opt=batch_size, max=batch_size)
        sizes = self.study.batch.sizes
        return BatchRange(min=min(sizes), opt=max(sizes), max=max(sizes))

    def threads_of(self, label: str) -> int:
        """CPU threads of a backend: its own, else the study's, else all cores of this process.

        Where the study is on GPUs, at most `GPU_JOB_THREADS` of them: jobs run side by side there.
        """
        cores = min(self.machine.cores, GPU_JOB_THREADS) if self.gpus else self.machine.cores
        return self.study.backends[label].threads or self.study.threads or cores

    def inputs_of(self, model: str) -> list[dict[str, Any]]:
        """Name, shape without batch, and dtype of each input, in the order of forward()."""
        return [
            {"name": name, "shape": spec.shape, "dtype": spec.dtype}
            for name, spec in self.study.models[model].inputs.items()
        ]
