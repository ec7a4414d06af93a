"""What each job of a study is told, and what its result depends on: the parameters that Snakemake tracks.

Every value here that changes makes Snakemake do the job again, and `snakemake -n` shows it. So each job gets what
concerns it and nothing else. `versions`, `made_on`, `variables`, `compiler` and `code` are for tracking only: jobs are
not told them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from functools import cached_property
from typing import Any

from bakeoff.artifacts.stages import TRACKED_ONLY
from bakeoff.backends.options import OF_THE_STUDY
from bakeoff.core.cell import Cell
from bakeoff.core.compiler import compiler_version
from bakeoff.core.distributions import versions_of
from bakeoff.core.precision import CALIBRATED
from bakeoff.freshness.code_digest import code_digest, member_of
from bakeoff.freshness.environment_variables import recorded, tracked
from bakeoff.models.data.listing import state_of, state_of_data
from bakeoff.models.data.model_data import ModelData
from bakeoff.models.data.settings import Data
from bakeoff.models.sources import source_class, source_of
from bakeoff.models.spec import ModelBase
from bakeoff.quantization.images import choose_images
from bakeoff.study.jobs import Job, StudyJobs, export_job, reference_of

_EXPORT_DISTRIBUTIONS = {
    "onnx": ("torch", "onnx", "onnxscript"),
    "torchscript-trace": ("torch",),
    "torchscript-script": ("torch",),
    "exported_program": ("torch",),
}

Params = dict[str, Any]

_OF_ENGINES = ("build", "verify", "time", "profile")
_ENGINE_JOB = ("target", "backend", "engine", "reference", "device", "threads", "batch", "inputs", "versions",
               "made_on", "variables", "code")  # fmt: skip
NAMES: dict[str, tuple[str, ...]] = {
    "environment": ("target", "device", "threads", "gpus", "precisions", "distributions", *TRACKED_ONLY),
    "reference": ("target", "label", "model", "data", "threads", "device", "out", "versions", "made_on",
                  "variables", "code"),
    "export": ("target", "format", "precision", "batch_size", "batch_max", "label", "model", "reference", "threads",
               "out", "versions", "variables", "code"),
    "calibrate": ("target", "label", "model", "data", "calibration", "images_state", "out", "versions", "code"),
    "build": (*_ENGINE_JOB, "export", "calibration", "elsewhere", "compiler"),
    "verify": (*_ENGINE_JOB, "tolerance", "real_weights", "batch_sizes"),
    "profile": (*_ENGINE_JOB, "batch_size", "runs", "max_s", "out"),
    "time": (*_ENGINE_JOB, "warmup", "timing", "out"),
}  # fmt: skip
"""Names of the parameters of each stage's jobs."""


class JobParameters:
    """The parameters of every job of a study."""

    def __init__(self, jobs: StudyJobs) -> None:
        self.jobs = jobs
        self.plan = jobs.plan
        self.study = jobs.study
        self._states: dict[str, str | None] = {}

    def of(self, job: Job) -> Params:
        """The parameters of one job, by name."""
        by_stage: dict[str, Callable[[Job], Params]] = {
            "environment": self._environment,
            "reference": self._reference,
            "export": self._export,
            "calibrate": self._calibrate,
            "build": self._build,
            "verify": self._verify,
            "profile": self._profile,
            "time": self._time,
        }
        made = {"target": asdict(job.cell), **by_stage[job.stage](job)}
        return {name: made[name] for name in NAMES[job.stage]}

    def shared(self, stage: str) -> Params:
        """The parameters that are the same for all jobs of a stage.

        Rules have them as plain values: asking a function takes Snakemake longer than planning the job.
        """
        if stage not in _OF_ENGINES:
            return {}
        shared = {"device": self._device, "made_on": self.made_on} | self._same_here
        if stage == "time":
            timing = self.study.timing.model_dump(exclude={"rounds", "rounds_max", "seed"})
            return {**shared, "warmup": self.study.warmup.model_dump(), "timing": timing}
        if stage == "profile":
            return {**shared, "runs": self.study.profile.runs, "max_s": self.study.profile.max_s}
        return shared

    @cached_property
    def made_on(self) -> str:
        """The device that results are measured on, and the host's processor."""
        return self.plan.machine.fingerprint(self.plan.device)

    @property
    def _device(self) -> str:
        """The device as jobs are told it: each sees one GPU of the study's alone, as `cuda:0`."""
        return "cuda:0" if self.plan.gpus else self.plan.device

    def _variables(self, stage: str, obeying: Collection[str]) -> dict[str, str]:
        return tracked(stage, obeying, on_gpu=self.plan.device != "cpu")

    @cached_property
    def _same_here(self) -> Params:
        """Parameters that may differ from backend to backend or from model to model, and do not in this study."""
        by_name: dict[str, list[Any]] = {
            "threads": [self.plan.threads_of(label) for label in self.study.backends],
            "inputs": [self.plan.inputs_of(model) for model in self.study.models],
        }
        return {name: values[0] for name, values in by_name.items() if all(value == values[0] for value in values)}

    def _environment(self, _: Job) -> Params:
        names = ["snakemake", "torch", "numpy"]
        for model in self.study.models.values():
            names += source_class(model.source).distributions
        for backend in self.plan.backends.values():
            names += backend.distributions()
        names = list(dict.fromkeys(names))
        return {
            "device": self._device,
            "threads": self._reference_threads,
            "gpus": [asdict(gpu) for gpu in self.plan.machine.gpus],
            "precisions": sorted({t.cell.precision for t in self.plan.targets if t.runs and t.cell.precision}),
            "distributions": names,
            "versions": _versions(names),
            "made_on": self.made_on,
            "variables": recorded(on_gpu=self.plan.device != "cpu"),
            "compiler": self._compiler,
            "code": _code("environment"),
        }

    def _reference(self, job: Job) -> Params:
        model = self.study.models[job.cell.need("model")]
        libraries = ("torch", *source_class(model.source).distributions)
        return {
            "label": job.cell.model,
            "model": _section(model),
            "data": self._data(job.cell.need("model")),
            "threads": self._reference_threads,
            "device": self._device,
            "out": self.jobs.folder(job),
            "versions": _versions(libraries),
            "made_on": self.plan.machine.computes_on(self.plan.device),
            "variables": self._variables("reference", libraries),
            "code": _code("reference", source=model.source),
        }

    def _export(self, job: Job) -> Params:
        cell = job.cell
        model = self.study.models[cell.need("model")]
        libraries = _EXPORT_DISTRIBUTIONS[job.format or ""]
        return {
            "format": job.format,
            "precision": cell.precision,
            "batch_size": cell.batch_size,
            "batch_max": max(self.study.batch.sizes),
            "label": cell.model,
            "model": _section(model),
            "reference": self.jobs.folder(reference_of(cell)),
            "threads": self._reference_threads,
            "out": self.jobs.folder(job),
            "versions": _versions(libraries),
            "variables": self._variables("export", libraries),
            "code": _code("export", source=model.source),
        }

    def _calibrate(self, job: Job) -> Params:
        settings = self.study.calibration
        name = job.cell.need("model")
        model, told = self.study.models[name], self._data(name)
        data = ModelData(**told)
        if not data.is_real:
            # how many seeded inputs judge, and which, is nothing to the set
            told |= {"n_inputs": None, "seed": 0}
        libraries = source_class(model.source).distributions if data.is_real else ()
        return {
            "label": name,
            "model": _section(model, "weights", "seed"),
            "data": told,
            "calibration": settings.model_dump(mode="json"),
            "images_state": self._images_state(data),
            "out": self.jobs.folder(job),
            "versions": _versions(("numpy", *(("pillow",) if settings.images or data.is_real else ()), *libraries)),
            "code": _code("calibrate", source=model.source),
        }

    def _images_state(self, data: ModelData) -> str | None:
        """The state of the folder's images that calibrate a model, looked at once."""
        settings, key = self.study.calibration, f"calibration beside {data.key}"
        if settings.images and key not in self._states:
            never = data.judging_files()
            self._states[key] = state_of(choose_images(settings.images, settings.n_inputs, settings.seed, never))
        return self._states.get(key)

    def _data(self, model: str) -> Params:
        """What a job is told of a model's real inputs, `ModelData` as JSON."""
        section, key = self.study.data_of(model)
        return {
            "section": None if section is None else section.model_dump(mode="json"),
            "key": key,
            "n_inputs": self.study.accuracy.n_inputs,
            "state": self._data_states(key, section),
            "seed": self.study.models[model].seed,
        }

    def _data_states(self, key: str, section: Data | None) -> str | None:
        """The state of the files, looked at once."""
        if key not in self._states:
            self._states[key] = None if section is None else state_of_data(section, key)
        return self._states[key]

    @property
    def _reference_threads(self) -> int:
        """CPU threads of the jobs that belong to no backend."""
        return self.study.threads or self.plan.machine.cores

    def _build(self, job: Job) -> Params:
        engine = job.cell
        export = self.plan.export_of(engine)
        backend = self.plan.backends[engine.need("backend")]
        params = self._engine_job(job, engine, backend.running_options(self.plan.device))
        calibrated = engine.precision in CALIBRATED
        if calibrated:
            params["versions"] |= versions_of(backend.quantizer_distributions())
            params["code"] += f", {_code('quantize')}"
        return {
            **params,
            "export": self.jobs.folder(export_job(export)) if export else None,
            "calibration": self.jobs.paths.calibration(engine.need("model")) if calibrated else None,
            "elsewhere": self.jobs.built_elsewhere(engine),
            "compiler": self._compiler if backend.compiles_cpp else None,
        }

    @property
    def _compiler(self) -> str | None:
        """The C++ compiler with its version; None where there is none."""
        path = self.plan.machine.compiler
        return path and compiler_version(path)

    def _verify(self, job: Job) -> Params:
        engine = job.cell
        tolerance = self.study.accuracy.tolerance.get(engine.need("precision"))
        return {
            **self._engine_job(job, engine),
            "tolerance": None if tolerance is None else tolerance.model_dump(exclude_none=True),
            "real_weights": source_of(engine.need("model"), self.study.models[engine.need("model")]).has_real_weights,
            "batch_sizes": list(dict.fromkeys(t.cell.batch_size for t in self.plan.targets_of(engine))),
        }

    def _profile(self, job: Job) -> Params:
        return {
            **self._engine_job(job, self.plan.engine_of(job.cell)),
            "batch_size": job.cell.batch_size,
            "out": self.jobs.folder(job),
        }

    def _time(self, job: Job) -> Params:
        return {**self._engine_job(job, self.plan.engine_of(job.cell)), "out": self.jobs.folder(job)}

    def _engine_job(self, job: Job, engine: Cell, without: frozenset[str] = frozenset()) -> Params:
        """What all jobs of an engine have; `without` are options that the job is not told."""
        label = engine.need("backend")
        backend, options = self.plan.backends[label], self.study.backends[label]
        unseen = frozenset() if engine.precision in CALIBRATED else backend.quantization_options
        return {
            "backend": options.model_dump(mode="json", exclude={*OF_THE_STUDY, *unseen, *without}),
            "engine": self.jobs.paths.cell(engine),
            "reference": self.jobs.folder(reference_of(engine)),
            **self.shared(job.stage),
            "threads": self.plan.threads_of(label),
            "batch": self.plan.batch_range(engine.batch_size).model_dump(),
            "inputs": self.plan.inputs_of(engine.need("model")),
            "versions": _versions(backend.distributions()),
            "variables": self._variables(job.stage, (options.kind, *backend.distributions())),
            "code": _code(job.stage, options.kind, self.study.models[engine.need("model")].source),
        }


def _section(model: ModelBase, *without: str) -> Params:
    """A model's config section as jobs are told it: what it is judged on is no part of the model."""
    return model.model_dump(mode="json", exclude={"data", *without})


def _versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of distributions."""
    return {"python": platform.python_version(), **versions_of(distributions)}


def _code(stage: str, kind: str | None = None, source: str | None = None) -> str:
    """Bakeoff's own code behind a stage, with that of the backend kind and of the model's source that it involves."""
    return f"{stage} code {code_digest(stage, kind, member_of(source_class(source)) if source else ())}"
