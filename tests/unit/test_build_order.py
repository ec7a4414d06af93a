"""Which builds of a study are begun first, and which time kernels."""

from types import SimpleNamespace

import pytest

from bakeoff.backends import make_backend
from bakeoff.config.load import parse_study
from bakeoff.machine import Gpu, Machine
from bakeoff.plan import Plan
from bakeoff.staging import Staging

STUDY = {
    "models": {"net": {"source": "timm"}},
    "backends": {
        "onnxruntime": None,
        "inductor": None,
        "tuned": {"kind": "inductor", "max_autotune": True},
    },
    "baseline": "onnxruntime",
}


def staging(*gpus: Gpu) -> Staging:
    return Staging(Plan(parse_study(STUDY), Machine("a processor", frozenset(), 2, gpus, None, "/usr/bin/g++")))


def of(label: str) -> SimpleNamespace:
    return SimpleNamespace(backend=label)


def test_builds_that_take_longest_are_begun_first_but_after_exports_and_before_checks():
    priority = {label: staging().build_priority(of(label)) for label in STUDY["backends"]}
    assert sorted(priority, key=priority.__getitem__) == ["onnxruntime", "inductor", "tuned"]
    assert all(60 < value < 80 for value in priority.values())


def test_builds_that_time_kernels_are_told_from_others():
    for place in (staging(), staging(Gpu(0, "H200", 10**9, (9, 0), "GPU-0"))):
        assert [place.times_kernels(of(label)) for label in STUDY["backends"]] == [False, False, True]


@pytest.mark.parametrize(("kind", "module", "times"), [
    ("tensorrt", "tensorrt", True), ("tensorrt", "tensorrt_rtx", False),
    ("torch_tensorrt", "torch-tensorrt", True), ("torch_tensorrt", "torch-tensorrt-rtx", False),
    ("torch2trt", "tensorrt", True), ("eager", "torch", False),
])  # fmt: skip
def test_tensorrt_times_kernels_and_tensorrt_rtx_does_not(monkeypatch, kind, module, times):
    monkeypatch.setattr("bakeoff.trt.library._installed", lambda name: name == module)
    monkeypatch.setattr("bakeoff.backends.torch_tensorrt.version_of", lambda name: "2.9" if name == module else None)
    assert make_backend({"kind": kind}).times_kernels("cuda:0") is times
