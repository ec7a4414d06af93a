"""Which builds of a study are begun first."""

from types import SimpleNamespace

from bakeoff.config.load import parse_study
from bakeoff.machine import Machine
from bakeoff.plan import Plan
from bakeoff.staging import Staging


def test_builds_that_take_longest_are_begun_first_but_after_exports_and_before_checks():
    study = {
        "models": {"net": {"source": "timm"}},
        "backends": {
            "onnxruntime": None,
            "inductor": None,
            "tuned": {"kind": "inductor", "max_autotune": True},
        },
        "baseline": "onnxruntime",
    }
    machine = Machine("a processor", frozenset(), 2, (), None, "/usr/bin/g++")
    staging = Staging(Plan(parse_study(study), machine))
    priority = {label: staging.build_priority(SimpleNamespace(backend=label)) for label in study["backends"]}
    assert sorted(priority, key=priority.__getitem__) == ["onnxruntime", "inductor", "tuned"]
    assert all(60 < value < 80 for value in priority.values())
