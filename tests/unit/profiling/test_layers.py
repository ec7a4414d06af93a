"""Durations to layers, traces, single durations from averages, and the precision an engine holds."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.backends.base import Built
from bakeoff.profiling.layers import LayerSamples, summarise
from bakeoff.profiling.precision_held import is_compute, moves_data, record_dtypes
from bakeoff.profiling.running_average import durations_us
from bakeoff.profiling.trace import write_trace

durations = st.lists(st.floats(0, 1e4), min_size=1, max_size=40)


@given(st.lists(durations, min_size=1, max_size=8))
def test_summaries_are_ordered_and_shares_add_up(samples: list[list[float]]) -> None:
    layers = summarise([LayerSamples(f"layer {i}", "Conv", ms) for i, ms in enumerate(samples)])
    assert [layer.name for layer in layers] == [f"layer {i}" for i in range(len(samples))]
    for layer, ms in zip(layers, samples, strict=True):
        time = layer.time_ms
        assert time.min == min(ms)
        assert time.max == max(ms)
        assert time.min <= time.median <= time.max
        assert time.median == pytest.approx(float(np.median(ms)))
        assert (time.p90 is None) == (len(ms) < 10)
    total = sum(layer.share for layer in layers)
    assert total == pytest.approx(1) or (total == 0 and not any(map(any, samples)))


def test_shares_follow_the_medians() -> None:
    layers = summarise([LayerSamples("a", "Conv", [1.0, 3.0, 100.0]), LayerSamples("b", "Relu", [1.0, 1.0, 1.0])])
    assert [layer.share for layer in layers] == [0.75, 0.25]


def test_a_layer_without_durations_is_an_error() -> None:
    with pytest.raises(ValueError, match="no summary"):
        summarise([LayerSamples("a", "Conv", [])])


def test_trace_lays_layers_one_after_the_other(tmp_path: Path) -> None:
    layers = summarise(
        [
            LayerSamples("conv", "Conv", [2.0, 2.0], input_shapes=[[1, 3]], dtype="float32", fused=["relu"]),
            LayerSamples("fc", "Gemm", [0.5, 0.5]),
        ]
    )
    write_trace(tmp_path / "trace.json", layers, "resnet18 · openvino fp32 · batch 8")
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert [(e["name"], e["cat"], e["ts"], e["dur"]) for e in events] == [
        ("conv", "Conv", 0.0, 2000.0),
        ("fc", "Gemm", 2000.0, 500.0),
    ]
    assert events[0]["args"]["input_shapes"] == [[1, 3]]
    assert events[0]["args"]["fused"] == ["relu"]
    assert "dtype" not in events[1]["args"]
    names = {e["name"]: e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
    assert names["process_name"] == "resnet18 · openvino fp32 · batch 8"
    assert [p.name for p in tmp_path.iterdir()] == ["trace.json"]


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30), st.integers(0, 3))
def test_durations_come_back_from_whole_averages(true: list[int], skip: int) -> None:
    averages = [sum(true[:k]) // k for k in range(1, len(true) + 1)]
    found = durations_us(averages, skip)
    assert len(found) == max(0, len(true) - skip)
    for k, (got, expected) in enumerate(zip(found, true[skip:], strict=True), start=skip + 1):
        assert got >= 0
        assert abs(got - expected) <= k


def test_compute_types_of_all_backends() -> None:
    for kind in ("Conv", "FusedConv", "Convolution", "CONVOLUTION", "Gemm", "MatMul", "MATRIX_MULTIPLY",
                 "FullyConnected", "QLinearConv", "MultiHeadAttention", "LSTMSequence"):  # fmt: skip
        assert is_compute(kind)
        assert not moves_data(kind)
    for kind in ("Convert", "Relu", "Softmax", "Reduce", "Cast"):
        assert not is_compute(kind)
    for kind in (
        "Convert",
        "Cast",
        "Reorder",
        "ReorderOutput",
        "Reshape",
        "SHUFFLE",
        "CONSTANT",
        "Reformat",
        "QuantizeLinear",
        "DequantizeLinear",
        "FakeQuantize",
        "DEQUANTIZE",
    ):
        assert moves_data(kind)


@pytest.mark.parametrize(
    ("layers", "precision", "holds", "counts"),
    [
        ([("Conv", "float32"), ("Relu", "float32")], "fp32", True, {"float32": 2}),
        ([("Conv", "bfloat16"), ("Softmax", "float32")], "bf16", True, {"bfloat16": 1, "float32": 1}),
        ([("Conv", "bfloat16"), ("Conv", "float32")], "bf16", False, {"bfloat16": 1, "float32": 1}),
        ([("Conv", "float16")], "fp32", False, {"float16": 1}),
        ([("Relu", "float32"), ("Cast", "float16")], "fp32", None, {"float32": 1}),
        ([("Conv", None)], "fp32", None, {}),
        ([("QLinearConv", "uint8"), ("MatMulInteger", "int8")], "int8", True, {"uint8": 1, "int8": 1}),
        ([("Conv", "float32"), ("QGemm", "uint8")], "int8", False, {"float32": 1, "uint8": 1}),
        ([("FakeQuantize", "float32"), ("DynamicQuantizeMatMul", "uint8")], "int8", True, {"uint8": 1}),
    ],
)
def test_precision_is_judged_by_the_arithmetic(
    layers: list, precision: str, holds: bool | None, counts: dict[str, int]
) -> None:
    built = Built(files=[])
    record_dtypes(built, layers, precision)  # type: ignore[arg-type]
    assert built.holds_precision is holds
    assert built.layer_dtypes == counts
    assert bool(built.notes) == (holds is False or ("Conv", None) in layers)


def test_an_engine_that_tells_some_of_its_products_speaks_for_none_of_the_others() -> None:
    for layers, at_least, holds in (
        ([("Conv", "float16"), ("MatMul", None)], 0, None),
        ([("Conv", "float16")], 3, None),
        ([("Conv", "float32")], 3, False),
        ([("Conv", "float16")] * 3, 3, True),
        ([], 2, None),
    ):
        built = Built(files=[])
        record_dtypes(built, layers, "fp16", at_least)
        assert built.holds_precision is holds
        assert any("is not known" in note for note in built.notes) == (holds is None)


def test_quantizers_may_leave_a_few_layers_in_floating_point() -> None:
    built = Built(files=[])
    record_dtypes(built, [("Convolution", "uint8")] * 2 + [("MatMul", "float32")], "int8")
    assert built.holds_precision is True
    assert built.notes == ["of 3 convolutions and matrix products, 1 in float32: not int8"]
