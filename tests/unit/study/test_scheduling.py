"""Which builds of a study are begun first, and which time kernels."""

import pytest

from bakeoff.backends import make_backend
from bakeoff.config.load import parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.machine import Gpu, Machine
from bakeoff.study.jobs import Job
from bakeoff.study.plan import Plan
from bakeoff.study.scheduling import builds_at_once, cores_to_build, cores_to_measure, priority

STUDY = {
    "models": {"net": {"source": "timm", "name": "resnet18"}},
    "backends": {
        "onnxruntime": None,
        "inductor": None,
        "tuned": {"kind": "inductor", "max_autotune": True, "threads": 16},
    },
    "baseline": "onnxruntime",
}


def plan(*gpus: Gpu, cores: int = 2) -> Plan:
    return Plan(parse_study(STUDY), Machine("a processor", frozenset(), cores, gpus, None, "/usr/bin/g++"))


GPU = Gpu(0, "H200", 10**9, (9, 0), "GPU-0")


def test_builds_that_take_longest_are_begun_first_but_after_exports_and_before_checks():
    of_build = {label: priority(plan(), Job("build", Cell(backend=label))) for label in STUDY["backends"]}
    assert sorted(of_build, key=of_build.__getitem__) == ["onnxruntime", "inductor", "tuned"]
    before, after = (priority(plan(), Job(stage, Cell())) for stage in ("verify", "export"))
    assert all(before < value < after for value in of_build.values())


def test_earlier_rounds_come_first_and_after_all_other_work():
    rounds = [priority(plan(), Job("time", Cell(round=k))) for k in (1, 2, 3)]
    assert rounds == sorted(rounds, reverse=True)
    assert all(value < priority(plan(), Job("profile", Cell())) for value in rounds)


def test_a_measurement_has_all_cores_of_a_cpu_and_one_beside_a_gpu():
    assert cores_to_measure(plan(), 8) == 8
    assert cores_to_measure(plan(GPU), 8) == 1


def test_builds_that_time_kernels_are_told_from_others():
    for planned in (plan(), plan(GPU)):
        times = [planned.backends[label].times_kernels(planned.device) for label in STUDY["backends"]]
        assert times == [False, False, True]


def test_on_a_cpu_nothing_is_beside_a_build_that_times_kernels():
    assert [cores_to_build(plan(), label, 2) for label in STUDY["backends"]] == [1, 1, 2]
    assert builds_at_once(plan(), 2) == pytest.approx(2 / (4 / 3))


def test_on_a_gpu_builds_take_the_cores_that_they_keep_busy():
    """All times are wrong where more run at once than there are cores for."""
    place = plan(GPU, cores=64)
    assert [cores_to_build(place, label, 32) for label in STUDY["backends"]] == [2, 2, 8]
    assert cores_to_build(place, "tuned", 4) == 4
    assert {engine.backend for engine in place.engines} == {"inductor", "tuned"}
    assert builds_at_once(place, 32) == pytest.approx(32 / 5)


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
