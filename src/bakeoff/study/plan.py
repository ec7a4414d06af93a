"""The plan of a study: every cell of the matrix, what must be made for it, and why some cannot run here.

Planning imports no inference library; it is done each time the Snakefile is read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bakeoff.artifacts.build import BatchRange
from bakeoff.artifacts.plan import PlannedTarget, PlanRecord
from bakeoff.backends import make_backend
from bakeoff.backends.base import Backend, Request
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell, cells
from bakeoff.core.machine import Machine
from bakeoff.core.paths import StudyPaths

GPU_JOB_THREADS = 4
"""CPU threads of a job on a GPU unless the study says otherwise: what a build by Inductor can make use of."""


@dataclass(frozen=True)
class Export:
    """A model in an exchange format, for every engine that reads it."""

    cell: Cell
    """Its model and precision, and the batch size where that is fixed."""
    format: str
    """A name of `bakeoff.exports.FORMATS`."""


class Plan:
    """The plan of one study on one machine."""

    def __init__(self, study: Study, machine: Machine) -> None:
        self.machine = machine
        self.paths = StudyPaths(study.study)
        self.device = machine.device(study.device)
        self.gpus = machine.gpus_for(study.device)
        """Those that share the study's jobs; empty on a CPU."""
        self.study = study.filled_in(on_gpu=self.device != "cpu")
        """The study, with what its device decides filled in."""
        self._places_by_round: dict[int, dict[Cell, int]] = {}

    @cached_property
    def backends(self) -> dict[str, Backend]:
        """The backends by label."""
        return {label: make_backend(options) for label, options in self.study.backends.items()}

    @cached_property
    def targets(self) -> list[PlannedTarget]:
        """Every cell of the matrix, those that cannot run here included."""
        asked: dict[Cell, tuple[str | None, str | None]] = {}
        targets = []
        for cell in cells(self.study):
            of_engines = cell.engine(fixed=False)
            if of_engines not in asked:
                asked[of_engines] = self._refusals(of_engines)
            build, run = asked[of_engines]
            engine = self.engine_of(cell)
            targets.append(
                PlannedTarget(cell=cell, engine=engine, device=self.device, cannot_build=build, cannot_run=run)
            )
        return targets

    def _refusals(self, cell: Cell) -> tuple[str | None, str | None]:
        """Why an engine cannot be built, and why it cannot be run though it can be built."""
        model, backend, precision = cell.need("model"), self.backends[cell.need("backend")], cell.need("precision")
        request = Request(precision, self.device, self.study.models[model].source, self.machine)
        build = backend.cannot_make(request)
        return build, None if build else backend.cannot_run(request)

    @cached_property
    def engines(self) -> list[Cell]:
        """Every engine to build."""
        return list(dict.fromkeys(target.engine for target in self.targets if not target.cannot_build))

    @cached_property
    def exports(self) -> list[Export]:
        """Every export to make."""
        found = (self.export_of(engine) for engine in self.engines)
        return list(dict.fromkeys(export for export in found if export))

    def engine_of(self, cell: Cell) -> Cell:
        """The engine that serves a cell: that of its batch size, or the one for all of them."""
        return cell.engine(fixed=not self.study.dynamic_batch_of(cell.need("backend")))

    def export_of(self, engine: Cell) -> Export | None:
        """The export that an engine is built from; None where it is made from the reference itself."""
        key = self.backends[engine.need("backend")].export_key(engine.need("precision"))
        if key.format == "eager":
            return None
        return Export(engine.at(backend=None, precision=key.precision), key.format)

    def targets_of(self, engine: Cell) -> list[PlannedTarget]:
        """The targets that run on an engine."""
        return self._targets_by_engine.get(engine, [])

    @cached_property
    def _targets_by_engine(self) -> dict[Cell, list[PlannedTarget]]:
        found: dict[Cell, list[PlannedTarget]] = {}
        for target in self.targets:
            found.setdefault(target.engine, []).append(target)
        return found

    def place_in_round(self, cell: Cell) -> int:
        """The place of a target among all of a round, from 1; 0 for one that is not timed.

        They are shuffled anew, by the study's seed, for each round. What grows or falls while a round is measured
        (heat, other work on the host) so meets other targets each time.
        """
        number = cell.round or 0
        if number not in self._places_by_round:
            cells = [target.cell for target in self.targets if target.runs]
            random.Random(f"{self.study.timing.seed} {number}").shuffle(cells)
            self._places_by_round[number] = {cell: place for place, cell in enumerate(cells, 1)}
        return self._places_by_round[number].get(cell.at(round=None), 0)

    def batch_range(self, batch_size: int | None) -> BatchRange:
        """Optimization profile of an engine: fixed, or min/opt/max over the study's batch sizes.

        `opt` is the largest size where the config names none: large batches are where tuning pays most.
        """
        if batch_size is not None:
            return BatchRange(min=batch_size, opt=batch_size, max=batch_size)
        sizes = self.study.batch.sizes
        return BatchRange(min=min(sizes), opt=self.study.batch.opt or max(sizes), max=max(sizes))

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

    def record(self) -> PlanRecord:
        """The plan as it is written to plan.json."""
        return PlanRecord(target=Cell(study=self.study.study), status="ok", targets=self.targets)
