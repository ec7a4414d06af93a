"""What each job of a study is told and rests on: the parameters that Snakemake tracks.

Every value here that changes makes Snakemake rerun the job, and `snakemake -n` shows it; so each job gets what
concerns it and nothing else. `versions`, `made_on` and `code` are for tracking only: jobs are not told them.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from typing import Any

from bakeoff.artifacts.stages import TRACKED_ONLY
from bakeoff.backends.options import OF_THE_STUDY
from bakeoff.config.study import Limits
from bakeoff.core.cell import Cell
from bakeoff.core.machine import versions_of
from bakeoff.core.precision import CALIBRATED, Precision
from bakeoff.freshness.code_digest import code_digest
from bakeoff.freshness.ledger import Ledger
from bakeoff.models.sources import source_class, source_of
from bakeoff.quantization.images import choose_images, state_of
from bakeoff.study.plan import Engine, Export, Plan, Target

_EXPORT_DISTRIBUTIONS = {
    "onnx": ("torch", "onnx", "onnxscript"),
    "torchscript-trace": ("torch",),
    "torchscript-script": ("torch",),
    "exported_program": ("torch",),
}

Params = dict[str, Any]


class Staging:
    """Parameters, inputs and outputs of every job of a planned study."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.study = plan.study
        self.paths = plan.paths
        self._attempts: dict[str, int] = {}

    def attempt(self, record: str) -> int:
        """How many attempts at a record had failed when the study was planned."""
        if record not in self._attempts:
            entry = Ledger(self.paths.ledger).read(record.removeprefix(f"{self.paths.results}/"))
            self._attempts[record] = entry.attempt if entry else 0
        return self._attempts[record]

    @cached_property
    def fingerprint(self) -> str:
        """The device that results are made on."""
        return self.plan.machine.fingerprint(self.plan.device)

    # Folders

    def engine_folder(self, engine: Engine) -> str:
        """Folder of an engine."""
        batch = "" if engine.batch_size is None else f"b{engine.batch_size}"
        return self.paths.engine(engine.model, engine.backend, engine.precision, batch)

    def export_folder(self, export: Export) -> str:
        """Folder of an export."""
        batch = "" if export.batch_size is None else f"b{export.batch_size}"
        return self.paths.export(export.model, export.format, export.precision, batch)

    # Inputs

    def model_files(self, wildcards: Any) -> list[str]:
        """Files of the user's that a model is made from."""
        return [file.path for file in source_of(wildcards.model, self.study.models[wildcards.model]).files()]

    def build_input(self, wildcards: Any) -> list[str]:
        """The records that an engine is built from: its export's or the reference's, and its calibration set's."""
        export = self.plan.export_of(self._engine_made(wildcards))
        if export is None:
            source = f"{self.paths.reference(wildcards.model)}/reference.json"
        else:
            source = f"{self.export_folder(export)}/export.json"
        sources = [source]
        if wildcards.precision in CALIBRATED:
            sources.append(f"{self.paths.calibration(wildcards.model)}/calibration.json")
        elsewhere = f"{self._elsewhere(self._engine_made(wildcards))}/build.json"
        return [*sources, elsewhere] if os.path.exists(elsewhere) else sources

    def _elsewhere(self, engine: Engine) -> str | None:
        """Folder of an engine that was built elsewhere; None where it is built here."""
        folder: str | None = getattr(self.study.backends[engine.backend], "engines", None)
        return folder and self.engine_folder(engine).replace(self.paths.results, folder.rstrip("/"), 1)

    def engine_input(self, wildcards: Any) -> str:
        """The record of the engine that a target runs on."""
        return f"{self.engine_folder(self._engine_used(wildcards))}/build.json"

    # Parameters

    def environment(self, _: Any) -> Params:
        """Parameters of the environment job."""
        names = ["snakemake", "torch", "numpy"]
        for model in self.study.models.values():
            names += source_class(model.source).distributions
        for backend in self.plan.backends.values():
            names += backend.distributions()
        names = list(dict.fromkeys(names))
        return {
            "target": self._target(),
            "device": self.plan.device,
            "threads": self.study.threads or self.plan.machine.cores,
            "gpus": [asdict(gpu) for gpu in self.plan.machine.gpus],
            "precisions": sorted({target.precision for target in self.plan.targets if target.runs}),
            "distributions": names,
            "versions": versions_of(tuple(names)),
            "made_on": self.fingerprint,
            "code": self._code("environment"),
        }

    def reference(self, wildcards: Any) -> Params:
        """Parameters of a model's reference."""
        model = self.study.models[wildcards.model]
        return {
            "target": self._target(model=wildcards.model),
            "label": wildcards.model,
            "model": model.model_dump(mode="json"),
            "n_inputs": self.study.accuracy.n_inputs,
            "threads": self.study.threads or self.plan.machine.cores,
            "device": self.plan.device,
            "out": self.paths.reference(wildcards.model),
            "versions": versions_of(("torch", *source_class(model.source).distributions)),
            "made_on": self.fingerprint,
            "code": self._code("reference", source=model.source),
        }

    def export(self, wildcards: Any) -> Params:
        """Parameters of an export."""
        batch = _fixed_batch(wildcards)
        model = self.study.models[wildcards.model]
        export = Export(wildcards.model, wildcards.format, wildcards.precision, batch)
        return {
            "target": self._target(model=wildcards.model, precision=wildcards.precision, batch_size=batch),
            "format": wildcards.format,
            "precision": wildcards.precision,
            "batch_size": batch,
            "batch_max": max(self.study.batch.sizes),
            "label": wildcards.model,
            "model": model.model_dump(mode="json"),
            "reference": self.paths.reference(wildcards.model),
            "threads": self.study.threads or self.plan.machine.cores,
            "out": self.export_folder(export),
            "versions": versions_of(_EXPORT_DISTRIBUTIONS[wildcards.format]),
            "code": self._code("export", source=model.source),
        }

    def calibrate(self, wildcards: Any) -> Params:
        """Parameters of a model's calibration set."""
        settings = self.study.calibration
        inputs = self.study.models[wildcards.model].inputs
        return {
            "target": self._target(model=wildcards.model),
            "inputs": {name: spec.model_dump(mode="json") for name, spec in inputs.items()},
            "calibration": settings.model_dump(mode="json"),
            "images_state": self._images_state,
            "out": self.paths.calibration(wildcards.model),
            "versions": versions_of(("numpy", "pillow") if settings.images else ("numpy",)),
            "code": self._code("calibrate"),
        }

    @cached_property
    def _images_state(self) -> str | None:
        settings = self.study.calibration
        return state_of(choose_images(settings.images, settings.n_inputs, settings.seed)) if settings.images else None

    def build(self, wildcards: Any) -> Params:
        """Parameters of an engine build."""
        engine = self._engine_made(wildcards)
        export = self.plan.export_of(engine)
        job = self._engine_job(engine, "build")
        calibrated = engine.precision in CALIBRATED
        if calibrated:
            backend = self.plan.backends[engine.backend]
            job["versions"] |= versions_of(backend.quantizer_distributions())
            job["code"] += f", {self._code('quantize')}"
        return {
            **job,
            "export": self.export_folder(export) if export else None,
            "calibration": self.paths.calibration(engine.model) if calibrated else None,
            "elsewhere": self._elsewhere(engine),
        }

    def verify(self, wildcards: Any) -> Params:
        """Parameters of an accuracy check."""
        engine = self._engine_made(wildcards)
        source = source_of(wildcards.model, self.study.models[wildcards.model])
        return {
            **self._engine_job(engine, "verify"),
            "tolerance": self.study.accuracy.tolerance_of(wildcards.precision).model_dump(exclude_none=True),
            "real_weights": source.has_real_weights,
            "batch_sizes": [t.batch_size for t in self.plan.targets_of(engine)],
        }

    def profile(self, wildcards: Any) -> Params:
        """Parameters of a target's profile."""
        return {
            **self._engine_job(self._engine_used(wildcards), "profile", int(wildcards.batch)),
            "batch_size": int(wildcards.batch),
            "out": self._target_folder(wildcards),
        }

    def time(self, wildcards: Any) -> Params:
        """Parameters of one timing round."""
        round_ = int(wildcards.round)
        return {
            **self._engine_job(self._engine_used(wildcards), "time", int(wildcards.batch), round_),
            "out": f"{self._target_folder(wildcards)}/round{round_}",
        }

    def build_priority(self, wildcards: Any) -> int:
        """Priority of a build among jobs: below exports (80), above accuracy checks (60); the longest builds first."""
        return 70 + self.plan.backends[wildcards.backend].build_length()

    def build_cores(self, label: str, cores: int) -> int:
        """How many of Snakemake's cores a backend's builds take.

        On GPUs half as many as they have threads, about what they keep busy: more builds at once would slow each other
        down, which shows in `build_s` and in the choices of those that time kernels. On a CPU one, but all where
        kernels are timed, so that nothing else runs.
        """
        if self.plan.gpus:
            return min(math.ceil(self.plan.threads_of(label) / 2), cores)
        return cores if self.plan.backends[label].times_kernels(self.plan.device) else 1

    def builds_at_once(self, cores: int) -> float:
        """About how many builds of this study run side by side."""
        taken = [self.build_cores(engine.backend, cores) for engine in self.plan.engines]
        return cores / (sum(taken) / len(taken)) if taken else 1.0

    def limit_s(self, stage: str) -> int:
        """Longest time that a job of a stage may take, in whole seconds (a resource: a change reruns nothing)."""
        limits: Limits = self.study.limits
        of_stage = {
            "reference": limits.export_s,
            "calibrate": limits.export_s,
            "export": limits.export_s,
            "build": limits.build_s,
        }
        return math.ceil(of_stage.get(stage, limits.time_s))

    def records(self) -> list[str]:
        """Every record that the report rests on, in the order of the plan."""
        targets = [record for target in self.plan.targets if target.runs for record in self.target_records(target)]
        return [*self.checked_records(), *targets]

    def checked_records(self) -> list[str]:
        """The records of what is built and judged, and of where; nothing that is measured."""
        models = [f"{self.paths.reference(model)}/reference.json" for model in self.study.models]
        engines = []
        for engine in self.plan.engines:
            folder = self.engine_folder(engine)
            engines.append(f"{folder}/build.json")
            if any(target.runs for target in self.plan.targets_of(engine)):
                engines.append(f"{folder}/accuracy.json")
        return [self.paths.environment, *models, *engines]

    def target_records(self, target: Target) -> list[str]:
        """The profile and the timing rounds of one target."""
        of = (target.model, target.backend, target.precision, target.batch_size)
        profile = [f"{self.paths.target(*of)}/profile.json"] if self.study.profile.enabled else []
        return [*profile, *(self.paths.timing(*of, k) for k in range(1, self.study.timing.rounds + 1))]

    def jobs_records(self) -> list[str]:
        """Every record that the study's jobs leave: those of `records`, and what they are made from."""
        exports = [f"{self.export_folder(export)}/export.json" for export in self.plan.exports]
        quantized = dict.fromkeys(e.model for e in self.plan.engines if e.precision in CALIBRATED)
        calibrations = [f"{self.paths.calibration(model)}/calibration.json" for model in quantized]
        return [*self.records(), *exports, *calibrations]

    def cells_digest(self) -> str:
        """A digest of the cells and of why some cannot run, so that a change of the machine is seen."""
        text = "\n".join(f"{t.model} {t.backend} {t.precision} {t.batch_size} {t.reason}" for t in self.plan.targets)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def params(self, stage: str, wildcards: Any) -> Params:
        """The tracked parameters of one job."""
        made: Params = getattr(self, stage)(wildcards)
        return {name: made[name] for name in _PARAM_NAMES[stage]}

    def tracked(self, stage: str) -> dict[str, Any]:
        """The parameters of a rule, by name, as functions of its wildcards or as they are."""
        latest: dict[tuple[str, ...], Params] = {}

        def params_of(wildcards: Any) -> Params:
            key = tuple(wildcards)
            if key not in latest:
                latest.clear()
                latest[key] = self.params(stage, wildcards)
            return latest[key]

        def getter(name: str) -> Callable[[Any], Any]:
            return of_wildcards(lambda wildcards: params_of(wildcards)[name])

        # plain values where wildcards change nothing: Snakemake takes longer to ask a function than to plan its job
        return {name: getter(name) for name in _PARAM_NAMES[stage]} | self._same_for_all(stage)

    def _same_for_all(self, stage: str) -> Params:
        """Parameters that all jobs of a stage that uses engines share."""
        if stage not in _OF_ENGINES:
            return {}
        shared = {"device": self.plan.device, "made_on": self.fingerprint} | self._same_here
        if stage == "time":
            timing = self.study.timing.model_dump(exclude={"rounds"})
            return {**shared, "warmup": self.study.warmup.model_dump(), "timing": timing}
        if stage == "profile":
            return {**shared, "runs": self.study.profile.runs, "max_s": self.study.profile.max_s}
        return shared

    @cached_property
    def _same_here(self) -> Params:
        """Parameters that may differ from backend to backend or from model to model, and do not in this study."""
        by_name: dict[str, list[Any]] = {
            "threads": [self.plan.threads_of(label) for label in self.study.backends],
            "inputs": [self.plan.inputs_of(model) for model in self.study.models],
        }
        return {name: values[0] for name, values in by_name.items() if all(value == values[0] for value in values)}

    def _engine_made(self, wildcards: Any) -> Engine:
        """The engine that a job builds or judges."""
        return Engine(wildcards.model, wildcards.backend, wildcards.precision, _fixed_batch(wildcards))

    def _engine_used(self, wildcards: Any) -> Engine:
        """The engine that a job times or profiles."""
        return self.plan.engine_at(wildcards.model, wildcards.backend, wildcards.precision, int(wildcards.batch))

    def _target_folder(self, wildcards: Any) -> str:
        return self.paths.target(wildcards.model, wildcards.backend, wildcards.precision, wildcards.batch)

    def _engine_job(
        self, engine: Engine, stage: str, batch_size: int | None = None, round_: int | None = None
    ) -> Params:
        backend = self.plan.backends[engine.backend]
        options = self.study.backends[engine.backend]
        unseen = frozenset() if engine.precision in CALIBRATED else backend.quantization_options
        return {
            "target": self._target(
                model=engine.model,
                backend=engine.backend,
                precision=engine.precision,
                batch_size=batch_size or engine.batch_size,
                round=round_,
            ),
            "backend": options.model_dump(mode="json", exclude={*OF_THE_STUDY, *unseen}),
            "engine": self.engine_folder(engine),
            "reference": self.paths.reference(engine.model),
            **self._same_for_all(stage),
            "threads": self.plan.threads_of(engine.backend),
            "batch": self.plan.batch_range(engine.batch_size).model_dump(),
            "inputs": self.plan.inputs_of(engine.model),
            "versions": versions_of(backend.distributions()),
            "code": self._code(stage, options.kind),
        }

    def _code(self, stage: str, kind: str | None = None, source: str | None = None) -> str:
        return f"{stage} code {code_digest(stage, kind, source)}"

    def _target(
        self,
        model: str | None = None,
        backend: str | None = None,
        precision: Precision | None = None,
        batch_size: int | None = None,
        round: int | None = None,
    ) -> Params:
        return asdict(
            Cell(
                study=self.study.study,
                model=model,
                backend=backend,
                precision=precision,
                batch_size=batch_size,
                round=round,
            )
        )


def _fixed_batch(wildcards: Any) -> int | None:
    """The batch size that the folder of an engine or export names (`/b8`); None where it names none."""
    return int(wildcards.fixed.removeprefix("/b")) if wildcards.fixed else None


_OF_WILDCARDS: Any = inspect.signature(lambda wildcards: None).parameters


def of_wildcards(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of a rule's wildcards, so that it says so itself: else Snakemake inspects it, three times a job."""
    from snakemake.common import overwrite_function_params

    def asked(wildcards: Any) -> Any:
        return function(wildcards)

    overwrite_function_params(asked, _OF_WILDCARDS)
    return asked


_OF_ENGINES = ("build", "verify", "time", "profile")
_ENGINE_JOB = ("target", "backend", "engine", "reference", "device", "threads", "batch", "inputs", *TRACKED_ONLY)
_PARAM_NAMES: dict[str, tuple[str, ...]] = {
    "environment": ("target", "device", "threads", "gpus", "precisions", "distributions", *TRACKED_ONLY),
    "reference": ("target", "label", "model", "n_inputs", "threads", "device", "out", *TRACKED_ONLY),
    "export": ("target", "format", "precision", "batch_size", "batch_max", "label", "model", "reference", "threads",
               "out", "versions", "code"),
    "calibrate": ("target", "inputs", "calibration", "images_state", "out", "versions", "code"),
    "build": (*_ENGINE_JOB, "export", "calibration", "elsewhere"),
    "verify": (*_ENGINE_JOB, "tolerance", "real_weights", "batch_sizes"),
    "profile": (*_ENGINE_JOB, "batch_size", "runs", "max_s", "out"),
    "time": (*_ENGINE_JOB, "warmup", "timing", "out"),
}  # fmt: skip
