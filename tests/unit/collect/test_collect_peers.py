import pytest

from bakeoff.accuracy.doubts import APART_DB
from bakeoff.collect.peers import less_accurate
from bakeoff.core.cell import Cell

KINDS = {"eager": "eager", "inductor": "inductor", "trt": "tensorrt", "trt-graph": "tensorrt", "onnx": "onnxruntime"}


def engine(label: str, sqnr_db: float, precision: str = "fp16", batch_size: int = 1) -> tuple[Cell, float]:
    return Cell(model="net", backend=label, precision=precision, batch_size=batch_size), sqnr_db


def found(*engines: tuple[Cell, float]) -> list[str | None]:
    behind = less_accurate(dict(engines), KINDS)
    return [cell.backend for cell, _ in engines if cell in behind]


def test_an_engine_far_behind_the_others_is_found():
    assert found(engine("eager", 40), engine("inductor", 38), engine("trt", 20)) == ["trt"]
    assert found(engine("eager", 40), engine("inductor", 38), engine("trt", 38.1 - APART_DB)) == []


def test_all_labels_of_a_wrong_library_are_found_though_they_are_the_majority():
    wrong = [engine("trt", 20), engine("trt-graph", 20)]
    assert found(*wrong, engine("eager", 40), engine("inductor", 38)) == ["trt", "trt-graph"]


def test_one_wrong_label_of_a_sound_library_is_found():
    assert found(engine("trt", 39), engine("trt-graph", 2), engine("eager", 40), engine("onnx", 38)) == ["trt-graph"]


def test_with_one_other_library_nobody_knows_which_is_wrong():
    assert found(engine("eager", 40), engine("trt", 10), engine("trt-graph", 40)) == []


def test_of_two_opinions_the_lower_one_counts():
    assert found(engine("eager", 60), engine("inductor", 30), engine("trt", 20)) == []


@pytest.mark.parametrize(
    "others",
    [
        [engine("eager", 40, "bf16"), engine("inductor", 38, "bf16")],
        [engine("eager", 40, batch_size=8), engine("inductor", 38, batch_size=8)],
        [engine("inductor", 38)],
    ],
    ids=["precision", "batch", "one other"],
)
def test_what_cannot_be_compared_is_not(others):
    assert found(engine("trt", 10), *others) == []


def test_fp32_is_left_to_the_tolerance():
    assert found(engine("eager", 120, "fp32"), engine("onnx", 118, "fp32"), engine("trt", 90, "fp32")) == []
