"""What dynamic batch costs: which labels are compared, and with what."""

import pytest

from bakeoff.artifacts.collected import Interval, Row, TargetResult
from bakeoff.collect.dynamic_cost import dynamic_costs
from bakeoff.config.load import parse_study

LATENCY_MS = {"onnxruntime": 4.2, "fixed": 4.0, "other": 3.0}


def a_study(**changes):
    return parse_study(
        {
            "models": {"net": {"source": "timm", "name": "resnet18"}},
            "backends": {
                "eager": None,
                "onnxruntime": None,
                "fixed": {"kind": "onnxruntime", "dynamic_batch": False},
                "other": {"kind": "onnxruntime", "dynamic_batch": False, "graph_optimization": "disabled"},
            },
            "batch": {"sizes": [1, 8]},
            **changes,
        }
    )


def results_of(study, **changes):
    rows = [
        Row(
            model="net", backend=label, precision=precision, batch_size=size, device="cpu", status="ok",
            latency_ms=LATENCY_MS.get(label, 9.0) * size, build_s=2.0, engine_bytes=1000,
        )
        for label in study.backends
        for precision in study.precisions_of(label)
        for size in study.batch.sizes
    ]  # fmt: skip
    return [TargetResult(row=row, ranked=changes.get("ranked", lambda _: True)(row)) for row in rows]


def ratio(above, below):
    value = above.row.latency_ms / below.row.latency_ms
    return Interval(value=value, low=value - 0.01, high=value + 0.01)


def test_labels_that_differ_in_dynamic_batch_alone_are_compared():
    study = a_study()
    costs = dynamic_costs(study, results_of(study), ratio)
    assert [(c.dynamic, c.fixed, c.model, c.precision, c.batch_size) for c in costs] == [
        ("onnxruntime", "fixed", "net", "fp32", 1),
        ("onnxruntime", "fixed", "net", "fp32", 8),
    ]
    for cost in costs:
        assert cost.latency.value == pytest.approx(1.05)
        assert (cost.dynamic_build_s, cost.fixed_build_s) == (2.0, 4.0)
        assert (cost.dynamic_engine_bytes, cost.fixed_engine_bytes) == (1000, 2000)


def test_the_studys_own_setting_counts_where_a_label_says_nothing():
    backends = {"onnxruntime": None, "dynamic": {"kind": "onnxruntime", "dynamic_batch": True}}
    study = a_study(backends=backends, batch={"sizes": [1, 8], "dynamic": False}, baseline="onnxruntime")
    assert {(c.dynamic, c.fixed) for c in dynamic_costs(study, results_of(study), ratio)} == {
        ("dynamic", "onnxruntime")
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": {"sizes": [8]}},  # an engine for one size is fixed
        {"backends": {"eager": None, "onnxruntime": None, "openvino": {"dynamic_batch": False}}},
        {"backends": {"eager": None, "onnxruntime": None, "fixed": {"kind": "onnxruntime", "dynamic_batch": False,
                                                                    "threads": 1}}},
        {"backends": {"eager": None, "onnxruntime": {"precisions": ["fp32"]},
                      "fixed": {"kind": "onnxruntime", "dynamic_batch": False, "precisions": ["bf16"]}}},
    ],
)  # fmt: skip
def test_nothing_else_is_compared(changes):
    study = a_study(**changes)
    assert dynamic_costs(study, results_of(study), ratio) == []


def test_only_what_may_be_ranked_is_compared():
    study = a_study()
    results = results_of(study, ranked=lambda row: (row.backend, row.batch_size) != ("fixed", 8))
    assert [cost.batch_size for cost in dynamic_costs(study, results, ratio)] == [1]
