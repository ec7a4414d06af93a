"""Which code the results of a stage rest on: where it begins, what is imported by name, and what does not matter.

All else follows from imports (see bakeoff.freshness.code_digest). A new file needs no entry here: it counts for
whatever imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

JOBS = ("environment", "reference", "calibrate", "export", "build", "verify", "profile", "time")
"""Stages whose results a job makes, in a process of its own."""
MEASURED = ("environment", "build", "profile", "time")
"""Jobs that take times. A build does, too: it records how long it took, and tuning chooses kernels by their times."""
WITH_ENGINE = ("build", "verify", "profile", "time")
"""Jobs that use a backend."""
QUANTIZE = "quantize"
"""What builds of quantized engines rest on besides."""

_OF_ALL_JOBS = (*JOBS, QUANTIZE)


ENTRIES: dict[str, tuple[str, ...]] = {
    **{stage: (f"bakeoff.jobs.{stage}",) for stage in JOBS},
    QUANTIZE: ("bakeoff.quantization.*",),
    "collect": ("bakeoff.collect.job",),
    "contest": ("bakeoff.collect.contest",),
    "plots": ("bakeoff.report.plots",),
    "report": ("bakeoff.report.html", "bakeoff.report.markdown", "bakeoff.report.index"),
    "verdict": ("bakeoff.collect.verdict",),
}
"""The modules that a stage begins with; `.*` stands for all modules of a package."""

DATA: dict[str, str] = {"report": "bakeoff.report"}
"""A package of which all files count for a stage that are no Python: the pages are made from templates, styles, ..."""


class Besides(NamedTuple):
    """A module that stages rest on although none of theirs imports it."""

    module: str
    stages: tuple[str, ...]
    why: str


BESIDES = (
    Besides("bakeoff.supervision.child", JOBS, "It is the process that a job runs in, and imports the job by name."),
    Besides("bakeoff.supervision.supervise", MEASURED, "It gives that process its environment, its GPU and its locks."),
    Besides("bakeoff.devices.locks", MEASURED, "It keeps a measurement alone on its device, and lets builds take turns "
            "at timing kernels."),
)  # fmt: skip


class Registry(NamedTuple):
    """A package whose modules are imported by name, so that no import statement tells of them.

    A stage rests on those of its modules that `code_digest` is told of, each with everything in its folder where it has
    one; on all of them where it is told of none and imports the package. A further folder that one of these imports
    from counts with what is imported and with its data files.
    """

    package: str
    without: tuple[str, ...] = ()
    """Stages that rest on none of its modules."""
    why: str = ""
    """Why they do not."""


REGISTRIES = (
    Registry("bakeoff.backends", ("collect", "contest"), "Collecting takes a backend's name and its line of "
             "description; a change of its code makes its builds anew, and then the collection, too."),
    Registry("bakeoff.exports", ("collect", "contest"), "Collecting writes no export."),
    Registry("bakeoff.models.sources"),
    Registry("bakeoff.report.sections"),
)  # fmt: skip


class Exclusion(NamedTuple):
    """A module that does not count for some stages. What it imports counts only if something else imports it, too."""

    module: str
    """Its name; `.*` at the end stands for a package with all its modules."""
    stages: tuple[str, ...]
    why: str


_MESSAGES = "It words messages; no figure, file or verdict depends on the wording."
_SCHEMA = ("It says which fields a record has, not how they are found out. Where old records no longer fit, the "
           "version in the schema's name changes, and that of a stage's own record counts.")  # fmt: skip
_CONFIG = "It says what a config may say; what it does say reaches a job as its parameters, which are tracked."
_ENDS = "It ends what a killed run leaves behind; a job that came to its end never met it."
_LAYERS = "It measures layers, which a session does for the profile alone."

EXCLUSIONS = (
    Exclusion("bakeoff", tuple(stage for stage in ENTRIES if stage != "environment"),
              "It holds Bakeoff's version alone, which only the environment's record names."),
    Exclusion("bakeoff.core.errors", _OF_ALL_JOBS, _MESSAGES),
    Exclusion("bakeoff.core.quoting", _OF_ALL_JOBS, _MESSAGES),
    Exclusion("bakeoff.core.suggest", _OF_ALL_JOBS, _MESSAGES),
    Exclusion("bakeoff.core.cell", _OF_ALL_JOBS,
              "Which cell a job is for reaches it as a parameter, which is tracked."),
    Exclusion("bakeoff.core.section", _OF_ALL_JOBS, _CONFIG),
    Exclusion("bakeoff.core.plain_data", _OF_ALL_JOBS, _CONFIG),
    Exclusion("bakeoff.artifacts.stages", JOBS, "It lists the stages and the names of their records."),
    Exclusion("bakeoff.artifacts.base", _OF_ALL_JOBS, _SCHEMA),
    Exclusion("bakeoff.artifacts.accuracy", JOBS, _SCHEMA),
    Exclusion("bakeoff.artifacts.build", JOBS, _SCHEMA),
    Exclusion("bakeoff.artifacts.environment", JOBS, _SCHEMA),
    Exclusion("bakeoff.artifacts.profile", JOBS, _SCHEMA),
    Exclusion("bakeoff.artifacts.timing", JOBS, _SCHEMA),
    Exclusion("bakeoff.core.job_messages", tuple(stage for stage in JOBS if stage not in MEASURED),
              "A job that takes no time tells its supervisor what it is doing, and waits for nothing."),
    Exclusion("bakeoff.devices.take", ("verify",), "An accuracy check shares its device, so it waits for nothing."),
    Exclusion("bakeoff.supervision.part_of_run", MEASURED, _ENDS),
    Exclusion("bakeoff.supervision.reaper", MEASURED, _ENDS),
    Exclusion("bakeoff.exports", WITH_ENGINE,
              "It lists the formats; what an engine is built from is an export's files, and what helps to read them."),
    Exclusion("bakeoff.quantization.*", WITH_ENGINE,
              "Only builds of quantized engines call it, and those rest on the stage `quantize` besides."),
    Exclusion("bakeoff.profiling.layers", ("build", "verify", "time"), _LAYERS),
    Exclusion("bakeoff.profiling.torch_profile", ("build", "verify", "time"), _LAYERS),
    Exclusion("bakeoff.profiling.running_average", ("build", "verify", "time"), _LAYERS),
    Exclusion("bakeoff.collect", ("contest", "report", "verdict"),
              "It imports all that collecting needs; what the report takes of it, it imports by its own name."),
    Exclusion("bakeoff.backends", ("report",), "The report takes a few words of a backend, no backend."),
    Exclusion("bakeoff.backends.torch_tensorrt", ("report",), "The report takes words of its `graph_cut` alone."),
)  # fmt: skip
"""What is left out although it is imported. All else that a stage's modules import counts, and what those import."""


def excluded(stage: str, exclusions: Sequence[Exclusion] = EXCLUSIONS) -> Callable[[str], bool]:
    """Whether a module does not count for a stage, as a function of its name."""
    names = [exclusion.module for exclusion in exclusions if stage in exclusion.stages]
    packages = tuple(f"{name.removesuffix('.*')}." for name in names if name.endswith(".*"))
    exact = {name.removesuffix(".*") for name in names}
    return lambda module: module in exact or module.startswith(packages)
