"""What makes which stages stale: options of the config, the machine, Python, the compiler, environment variables.

A stage is stale where a tracked parameter of its jobs changes. What follows from its results is Snakemake's affair.
"""

from __future__ import annotations

import copy
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bakeoff.backends import KINDS, options_of
from bakeoff.backends.options import OF_THE_STUDY
from bakeoff.config.load import parse_study
from bakeoff.config.study import Study
from bakeoff.core import compiler
from bakeoff.core import machine as machine_module
from bakeoff.core.cell import Cell
from bakeoff.core.machine import Gpu, Machine
from bakeoff.freshness.environment_variables import OBEYED, recorded
from bakeoff.jobs import environment
from bakeoff.study import job_parameters
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs
from bakeoff.study.plan import Plan

GPUS = tuple(Gpu(index, "NVIDIA H200", 1 << 37, (9, 0), f"GPU-{index}") for index in range(2))
ON_CPU = Machine("a processor", frozenset({"avx512_vnni"}), 4, (), None, "/nowhere/g++")
ON_GPU = replace(ON_CPU, gpus=GPUS, driver="600.1")
CONFIG: dict[str, Any] = {
    "models": {"net": {"source": "timm", "name": "resnet18"}},
    "backends": {"eager": None, "inductor": None, "onnxruntime": None, "openvino": None},
    "precisions": ["fp32", "int8"],
}
ENGINES = {"build", "verify", "profile", "time"}
MEASURED = {"environment", "build", "verify", "profile", "time"}
FROM_THE_REFERENCE = {"reference", *MEASURED}
ALL = {*FROM_THE_REFERENCE, "export"}


def params(config: dict[str, Any], machine: Machine, label: str) -> dict[str, dict[str, Any]]:
    """The parameters of a job of each stage, of one backend in fp32; of its int8 build too, as `build int8`."""
    jobs = StudyJobs(Plan(parse_study(copy.deepcopy(config)), machine))
    name = jobs.study.study
    target = Cell(name, "net", label, "fp32", 1)
    engine = jobs.plan.engine_of(target)
    export = engine.at(backend=None)
    todo = {
        "environment": Job("environment", Cell(name)),
        "reference": Job("reference", Cell(name, "net")),
        "calibrate": Job("calibrate", Cell(name, "net")),
        "export": Job("export", export, "onnx"),
        "export for inductor": Job("export", export, "exported_program"),
        "build": Job("build", engine),
        "build int8": Job("build", engine.at(precision="int8")),
        "verify": Job("verify", engine),
        "profile": Job("profile", target.profiled),
        "time": Job("time", target.at(round=1)),
    }
    return {stage: JobParameters(jobs).of(job) for stage, job in todo.items()}


def stale(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> set[str]:
    """The stages of which a parameter differs; both exports count as one."""
    return {stage.removesuffix(" for inductor") for stage in before if before[stage] != after[stage]}


def of_fp32(stages: set[str]) -> set[str]:
    return stages - {"build int8"}


OPTIONS: dict[str, tuple[Any, set[str]]] = {
    "threads": (3, ALL),
    "batch.sizes": ([1, 2], {"export", *ENGINES}),
    "batch.opt": (1, set()),
    "batch.dynamic": (False, {"export", *ENGINES}),
    "warmup.min_s": (0.5, {"time"}),
    "warmup.max_s": (20.0, {"time"}),
    "timing.rounds": (4, set()),
    "timing.rounds_max": (20, set()),
    "timing.seed": (7, set()),
    "timing.pin": (False, {"time"}),
    "timing.retries": (0, {"time"}),
    "timing.ci_rel": (0.05, {"time"}),
    "timing.min_s": (0.3, {"time"}),
    "timing.max_s": (99.0, {"time"}),
    "timing.min_samples": (33, {"time"}),
    "timing.throughput_s": (0.7, {"time"}),
    "accuracy.data": ({"shipped": "pictures"}, {"reference", "calibrate"}),
    "accuracy.n_inputs": (8, {"reference"}),
    "accuracy.tolerance": ({"fp32": {"relative_l2": 0.5}}, {"verify"}),
    "calibration.n_inputs": (3, {"calibrate"}),
    "calibration.seed": (3, {"calibrate"}),
    "profile.enabled": (False, set()),
    "profile.runs": (7, {"profile"}),
    "profile.max_s": (7.0, {"profile"}),
    "limits.export_s": (7.0, set()),
    "limits.build_s": (7.0, set()),
    "limits.time_s": (7.0, set()),
    "margin": (0.1, set()),
    "baseline": ("onnxruntime", set()),
    "report.title": ("Another", set()),
    "published": (
        {
            "source": "a",
            "hardware": "b",
            "unit": "ms",
            "against": "x",
            "figures": [
                {"name": "x", "value": 1, "backend": "eager"},
                {"name": "y", "value": 2, "backend": "openvino"},
            ],
        },
        set(),
    ),
    "report.speedup_against": (["onnxruntime"], set()),
}
"""A value of each option of a study that is not its default, and the stages that it makes stale."""
OTHERWISE = {
    "study": "It names the folder of the results.",
    "device": "It is tested on GPUs below.",
    "models": "tests/workflow/test_stale.py changes one.",
    "backends": "Their options are tested below.",
    "precisions": "It says which cells there are.",
    "calibration.images": "tests/unit/quantization/test_staleness.py changes folders.",
    "calibration.mean": "It is for images.",
    "calibration.std": "It is for images.",
}


def leaves(model: type[BaseModel], above: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= leaves(inner, f"{above}{name}.")
        else:
            found.add(f"{above}{name}")
    return found


def test_every_option_of_a_study_is_looked_at() -> None:
    assert leaves(Study) == OPTIONS.keys() | OTHERWISE.keys()


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_makes_stale_what_depends_on_it(option: str) -> None:
    value, stages = OPTIONS[option]
    changed = copy.deepcopy(CONFIG)
    section, _, name = option.rpartition(".")
    (changed.setdefault(section, {}) if section else changed)[name] = value
    found = stale(params(CONFIG, ON_CPU, "onnxruntime"), params(changed, ON_CPU, "onnxruntime"))
    assert of_fp32(found) == stages, f"another {option}"


RUNNING: dict[str, dict[str, Any]] = {
    "eager": {"cuda_graph": True},
    "torchscript": {"cuda_graph": True},
    "inductor": {},
    "onnxruntime": {"cuda_graph": True, "spinning": False},
    "openvino": {"cpu_pinning": True},
    "tensorrt": {
        "cuda_graph": True, "graph_capture": "bakeoff", "kernel_specialization": "lazy", "runtime_cache": False
    },
    "torch_tensorrt": {"cuda_graph": True},
    "torch2trt": {"cuda_graph": True},
}  # fmt: skip
"""Options of each kind of backend that are about running alone."""
BUILDING: dict[str, dict[str, Any]] = {
    "eager": {"channels_last": True},
    "torchscript": {"channels_last": True, "capture": "script", "freeze": False},
    "inductor": {
        "channels_last": True, "cuda_graph": True, "max_autotune": True, "freeze": True, "coordinate_descent": True,
        "decompose_depthwise": True, "kernel_profile": False, "warm_build": True,
    },
    "onnxruntime": {"graph_optimization": "basic"},
    "openvino": {"frontend": "pytorch"},
    "tensorrt": {"library": "auto", "optimization_level": 1, "workspace_bytes": 9, "engines": "x", "warm_build": True},
    "torch_tensorrt": {
        "frontend": "torchscript-trace", "min_block_size": 2, "optimization_level": 1, "workspace_bytes": 9
    },
    "torch2trt": {},
}  # fmt: skip
"""Options that their builds see."""
QUANTIZING: dict[str, dict[str, Any]] = {
    "onnxruntime": {"calibration": "entropy", "percentile": 99.0, "per_channel": False, "reduce_range": True},
    "openvino": {
        "calibration": "mean_minmax", "preset": "mixed", "transformer": True, "fast_bias_correction": False
    },
    "tensorrt": {"calibration": "entropy", "percentile": 99.0, "per_channel": False},
}  # fmt: skip
"""Options that the builds of quantized engines alone see."""


def of_kind(kind: str, **options: Any) -> dict[str, dict[str, Any]]:
    """The parameters where one backend has options."""
    given = {"library": "tensorrt", **options} if kind == "tensorrt" else options
    config = {**CONFIG, "backends": {"label": {"kind": kind, **given}}, "baseline": "label"}
    return params(config, ON_GPU, "label")


def cases(table: dict[str, dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(kind, option, value) for kind, options in table.items() for option, value in options.items()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_a_backend_is_looked_at(kind: str) -> None:
    named = [*RUNNING[kind], *BUILDING[kind], *QUANTIZING.get(kind, {})]
    assert sorted(named) == sorted(options_of(kind).model_fields.keys() - OF_THE_STUDY - {"kind"})


@pytest.mark.parametrize(("kind", "option", "value"), cases(RUNNING))
def test_an_option_of_running_alone_rebuilds_no_engine(kind: str, option: str, value: Any) -> None:
    assert stale(of_kind(kind), of_kind(kind, **{option: value})) == {"verify", "profile", "time"}


@pytest.mark.parametrize(("kind", "option", "value"), cases(BUILDING))
def test_an_option_of_building_rebuilds_the_engine(kind: str, option: str, value: Any) -> None:
    found = stale(of_kind(kind), of_kind(kind, **{option: value}))
    assert found - {"environment"} == {*ENGINES, "build int8"}


@pytest.mark.parametrize(("kind", "option", "value"), cases(QUANTIZING))
def test_an_option_of_quantizing_rebuilds_quantized_engines_alone(kind: str, option: str, value: Any) -> None:
    assert stale(of_kind(kind), of_kind(kind, **{option: value})) == {"build int8"}


def test_a_library_that_runs_engines_while_it_builds_them_is_told_how() -> None:
    """TensorRT for RTX compiles kernels by running the engine."""
    rtx = of_kind("tensorrt", library="tensorrt_rtx")
    assert "build" in stale(rtx, of_kind("tensorrt", library="tensorrt_rtx", kernel_specialization="lazy"))


def test_another_gpu_of_one_model_makes_nothing_stale() -> None:
    found = stale(params(CONFIG, ON_GPU, "eager"), params({**CONFIG, "device": "cuda:1"}, ON_GPU, "eager"))
    assert found == set()


@pytest.mark.parametrize("machine", [ON_CPU, ON_GPU])
def test_another_processor_also_where_a_gpu_computes(machine: Machine) -> None:
    """The reference and the exports are computed by the device alone, so they stay where that is a GPU."""
    other = replace(machine, cpu="another processor")
    found = of_fp32(stale(params(CONFIG, machine, "eager"), params(CONFIG, other, "eager")))
    assert found == (MEASURED if machine.gpus else FROM_THE_REFERENCE)


def test_the_number_of_a_gpu_hosts_cores_makes_nothing_stale_where_the_threads_stay() -> None:
    config = {**CONFIG, "threads": 4}
    assert stale(params(config, ON_GPU, "eager"), params(config, replace(ON_GPU, cores=64), "eager")) == set()


def test_another_version_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    before = params(CONFIG, ON_CPU, "onnxruntime")
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    after = params(CONFIG, ON_CPU, "onnxruntime")
    assert of_fp32(stale(before, after)) == {*ALL, "calibrate"}
    assert after["time"]["versions"]["python"] == "3.99.0"


@pytest.mark.parametrize(("label", "stages"), [("inductor", {"build", "build int8"}), ("onnxruntime", set())])
def test_another_compiler_concerns_what_is_compiled_with_it(
    label: str, stages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its path, and by its version; environment.json names it, so its job is done again, too."""
    before = params(CONFIG, ON_CPU, label)
    moved = params(CONFIG, replace(ON_CPU, compiler="/elsewhere/g++"), label)
    monkeypatch.setattr(job_parameters, "compiler_version", lambda path: f"{path} (99.0)")
    upgraded = params(CONFIG, ON_CPU, label)
    for after in (moved, upgraded):
        assert stale(before, after) == {"environment", *stages}
    assert upgraded["build"]["compiler"] == ("/nowhere/g++ (99.0)" if stages else None)


def test_a_compiler_tells_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent, talking = tmp_path / "silent", tmp_path / "g++"
    silent.write_text("#!/bin/sh\n")
    talking.write_text("#!/bin/sh\necho; echo 'g++ 12.2.0'; echo 'Copyright'\n")
    for file in (silent, talking):
        file.chmod(0o755)
    monkeypatch.setenv("CXX", str(talking))
    assert Machine.detect().compiler == str(talking)
    assert compiler.compiler_version(str(talking)) == f"{talking} (g++ 12.2.0)"
    assert compiler.compiler_version(str(silent)) == f"{silent} (it tells no version)"
    assert compiler.compiler_version("/nowhere/c++") == "/nowhere/c++ (its version is unknown: FileNotFoundError)"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any listed variable."""
    for name in recorded():
        monkeypatch.delenv(name)
    return monkeypatch


RUNS = {"build", "verify", "profile", "time"}
MATHS = {"reference", *RUNS}


@pytest.mark.parametrize(
    ("name", "label", "machine", "stages"),
    [
        ("OMP_WAIT_POLICY", "eager", ON_CPU, RUNS),
        ("OMP_WAIT_POLICY", "openvino", ON_CPU, set()),
        ("KMP_BLOCKTIME", "inductor", ON_CPU, RUNS),
        ("MALLOC_CONF", "openvino", ON_CPU, RUNS),
        ("LD_PRELOAD", "onnxruntime", ON_CPU, RUNS),
        ("ONEDNN_MAX_CPU_ISA", "eager", ON_CPU, MATHS),
        ("ONEDNN_MAX_CPU_ISA", "openvino", ON_CPU, MATHS),
        ("ATEN_CPU_CAPABILITY", "eager", ON_CPU, MATHS),
        ("PYTORCH_JIT", "eager", ON_CPU, {"export", *MATHS}),
        ("TORCHINDUCTOR_CPP_MARCH", "inductor", ON_CPU, RUNS),
        ("TORCHINDUCTOR_CPP_MARCH", "eager", ON_CPU, set()),
        ("ORT_DISABLE_FLASH_ATTENTION", "onnxruntime", ON_CPU, RUNS),
        ("ORT_DISABLE_FLASH_ATTENTION", "eager", ON_CPU, set()),
        ("OV_CPU_MAX_ISA", "openvino", ON_CPU, RUNS),
        ("NVIDIA_TF32_OVERRIDE", "eager", ON_GPU, MATHS),
        ("PYTORCH_CUDA_ALLOC_CONF", "eager", ON_GPU, MATHS),
        ("CUDA_LAUNCH_BLOCKING", "onnxruntime", ON_GPU, RUNS),
        ("TRITON_DEFAULT_FP_FUSION", "inductor", ON_GPU, RUNS),
    ],
)
def test_a_variable_concerns_the_jobs_whose_libraries_obey_it(
    name: str, label: str, machine: Machine, stages: set[str], bare: pytest.MonkeyPatch
) -> None:
    """And environment.json, which lists it. The reference is by PyTorch, so of what others obey it knows nothing."""
    before = params(CONFIG, machine, label)
    bare.setenv(name, "1")
    after = params(CONFIG, machine, label)
    assert of_fp32(stale(before, after)) == {"environment", *stages}
    assert after["environment"]["variables"] == {name: "1"}
    bare.setenv(name, "2")
    assert stale(after, params(CONFIG, machine, label)) == stale(before, after)


@pytest.mark.parametrize(
    "name",
    [
        "OMP_NUM_THREADS",  # Snakemake sets it, and no job is given it
        "CUDA_VISIBLE_DEVICES",
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
        "TORCH_HOME",
        "TORCH_LOGS",
        "TORCH_CPP_LOG_LEVEL",
        "ONEDNN_VERBOSE",
        "OMP_DISPLAY_ENV",
        "CUBLAS_LOGINFO_DBG",
        "OPENVINO_LOG_LEVEL",
        "CUDNN_VERSION",
        "PATH",
        "HOME",
    ],
)
def test_folders_of_caches_and_logging_make_nothing_stale(name: str, bare: pytest.MonkeyPatch) -> None:
    before = params(CONFIG, ON_GPU, "inductor")
    bare.setenv(name, "another")
    assert stale(before, params(CONFIG, ON_GPU, "inductor")) == set()


def test_variables_of_gpus_count_on_gpus_alone(bare: pytest.MonkeyPatch) -> None:
    before = params(CONFIG, ON_CPU, "inductor")
    bare.setenv("CUDA_LAUNCH_BLOCKING", "1")
    bare.setenv("TRITON_DEFAULT_FP_FUSION", "0")
    assert stale(before, params(CONFIG, ON_CPU, "inductor")) == set()


def test_the_docs_list_every_variable() -> None:
    table = (Path(__file__).parents[3] / "docs" / "failures.md").read_text().partition("### Environment variables")[2]
    patterns = {pattern for entry in OBEYED for pattern in entry.patterns}
    missing = {pattern for pattern in patterns if f"`{pattern}`" not in table}
    others = {pattern for pattern in missing if pattern.startswith(("PYTORCH_", "TORCH_"))}
    assert missing == others, "the docs sum up PyTorch's as `other PYTORCH_* and TORCH_*`, and name all others"


def test_the_record_names_variables_and_compiler(bare: pytest.MonkeyPatch) -> None:
    for name in ("ONEDNN_MAX_CPU_ISA", "OMP_WAIT_POLICY", "CUDA_LAUNCH_BLOCKING", "TORCH_LOGS"):
        bare.setenv(name, "x")
    bare.setattr(machine_module, "find_compiler", lambda: "/nowhere/g++")
    spec = {"target": {"study": "s"}, "device": "cpu", "threads": 1, "gpus": [], "precisions": [], "distributions": []}
    record = environment.run(spec)
    assert record.variables == {"OMP_WAIT_POLICY": "x", "ONEDNN_MAX_CPU_ISA": "x"}
    assert record.compiler == "/nowhere/g++ (its version is unknown: FileNotFoundError)"
    assert record.python == platform.python_version()


def test_each_entry_names_kinds_or_distributions_that_there_are() -> None:
    """A name that is none would silently concern no job."""
    named = {name for kind in KINDS for name in (kind, "torch")}
    assert {name for entry in OBEYED for name in entry.by} <= named
