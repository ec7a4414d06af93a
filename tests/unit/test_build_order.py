"""Which builds of a study are begun first, and which time kernels."""

from types import SimpleNamespace

import pytest

from bakeoff.backends import make_backend
from bakeoff.config.load import parse_study
from bakeoff.core.machine import Gpu, Machine
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan

STUDY = {
    "models": {"net": {"source": "timm"}},
    "backends": {
        "onnxruntime": None,
        "inductor": None,
        "tuned": {"kind": "inductor", "max_autotune": True, "threads": 16},
    },
    "baseline": "onnxruntime",
}


def staging(*gpus: Gpu, cores: int = 2) -> Staging:
    return Staging(Plan(parse_study(STUDY), Machine("a processor", frozenset(), cores, gpus, None, "/usr/bin/g++")))


def of(label: str) -> SimpleNamespace:
    return SimpleNamespace(backend=label)


def test_builds_that_take_longest_are_begun_first_but_after_exports_and_before_checks():
    priority = {label: staging().build_priority(of(label)) for label in STUDY["backends"]}
    assert sorted(priority, key=priority.__getitem__) == ["onnxruntime", "inductor", "tuned"]
    assert all(60 < value < 80 for value in priority.values())


def test_builds_that_time_kernels_are_told_from_others():
    for plan in (staging().plan, staging(Gpu(0, "H200", 10**9, (9, 0), "GPU-0")).plan):
        times = [plan.backends[label].times_kernels(plan.device) for label in STUDY["backends"]]
        assert times == [False, False, True]


def test_on_a_cpu_nothing_is_beside_a_build_that_times_kernels():
    assert [staging().build_cores(label, 2) for label in STUDY["backends"]] == [1, 1, 2]
    assert staging().builds_at_once(2) == pytest.approx(2 / (4 / 3))


def test_on_a_gpu_builds_take_the_cores_that_they_keep_busy():
    """All times are wrong where more run at once than there are cores for."""
    place = staging(Gpu(0, "H200", 10**9, (9, 0), "GPU-0"), cores=64)
    assert [place.build_cores(label, 32) for label in STUDY["backends"]] == [2, 2, 8]
    assert place.build_cores("tuned", 4) == 4
    assert {engine.backend for engine in place.plan.engines} == {"inductor", "tuned"}
    assert place.builds_at_once(32) == pytest.approx(32 / 5)


@pytest.mark.parametrize(("kind", "module", "times"), [
    ("tensorrt", "tensorrt", True), ("tensorrt", "tensorrt_rtx", False),
    ("torch_tensorrt", "torch-tensorrt", True), ("torch_tensorrt", "torch-tensorrt-rtx", False),
    ("torch2trt", "tensorrt", True), ("eager", "torch", False),
])  # fmt: skip
def test_tensorrt_times_kernels_and_tensorrt_rtx_does_not(monkeypatch, kind, module, times):
    monkeypatch.setattr("bakeoff.backends.tensorrt.library._installed", lambda name: name == module)
    monkeypatch.setattr(
        "bakeoff.backends.torch_tensorrt.backend.version_of", lambda name: "2.9" if name == module else None
    )
    assert make_backend({"kind": kind}).times_kernels("cuda:0") is times
