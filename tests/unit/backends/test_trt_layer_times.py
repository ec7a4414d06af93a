"""Joining what TensorRT's profiler reports with what its inspector lists."""

from bakeoff.backends.tensorrt.info import LayerInfo
from bakeoff.backends.tensorrt.layer_times import join


def info(name: str, dtype: str = "float16") -> LayerInfo:
    return LayerInfo(name=name, type="conv", dtype=dtype)


def test_samples_are_those_of_each_run() -> None:
    samples, notes = join([[("a", 1.0), ("b", 2.0)], [("a", 1.5), ("b", 2.5)]], [info("a"), info("b")])
    assert [(s.name, s.ms, s.dtype) for s in samples] == [("a", [1.0, 1.5], "float16"), ("b", [2.0, 2.5], "float16")]
    assert notes == []


def test_repeated_names_are_told_apart() -> None:
    runs = [[("a", 1.0), ("copy", 0.1), ("a", 2.0), ("a", 3.0)]] * 2
    samples, notes = join(runs, [info("a", "float16"), info("a", "float32"), info("copy")])
    assert [(s.name, s.ms[0]) for s in samples] == [("a", 1.0), ("copy", 0.1), ("a (2)", 2.0), ("a (3)", 3.0)]
    assert [s.dtype for s in samples if s.name != "copy"] == ["float16", "float32", "float32"]
    assert notes == []


def test_runs_that_report_other_layers() -> None:
    samples, notes = join([[("a", 1.0)], [("a", 1.0), ("late", 5.0)], []], [info("a"), info("late")])
    assert [(s.name, len(s.ms)) for s in samples] == [("a", 2), ("late", 1)]
    assert notes == ["reported in some of the 3 runs only: 2 layers (a, late)"]


def test_what_does_not_match_is_named() -> None:
    samples, notes = join([[(f"kernel{i}", 1.0) for i in range(7)]], [info("a")])
    assert {s.type for s in samples} == {"layer"}
    assert notes == [
        "timed, but not listed by the engine inspector: "
        "7 layers (kernel0, kernel1, kernel2, kernel3, kernel4 and 2 more)",
        "listed by the engine inspector, but not timed: 1 layers (a)",
    ]


def test_without_an_inspector_no_layer_is_called_unknown() -> None:
    samples, notes = join([[("a", 1.0)]], [])
    assert (samples[0].name, notes) == ("a", [])
