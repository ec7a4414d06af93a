"""The key of a cell: how it is spelled, said, grouped, and made from a study."""

import dataclasses
import re

import pytest
from pydantic import TypeAdapter, ValidationError

from bakeoff.core import cell as axes
from bakeoff.core.cell import AXES, Axis, Cell, cells

ROUND = Cell("s", "resnet18", "openvino", "fp32", 8, 2)


def test_its_axes_are_its_fields():
    assert ["study", *(axis.name for axis in AXES)] == [field.name for field in dataclasses.fields(Cell)]


@pytest.mark.parametrize(
    ("cell", "words", "folder"),
    [
        (ROUND, "resnet18 · openvino fp32 · batch 8 · round 2", "resnet18/openvino/fp32/b8/round2"),
        (ROUND.target, "resnet18 · openvino fp32 · batch 8", "resnet18/openvino/fp32/b8"),
        (ROUND.engine(fixed=False), "resnet18 · openvino fp32", "resnet18/openvino/fp32"),
        (ROUND.engine(fixed=True), "resnet18 · openvino fp32 · batch 8", "resnet18/openvino/fp32/b8"),
        (Cell("s", "resnet18", precision="fp16"), "resnet18 · fp16", "resnet18/fp16"),
        (Cell("s", "resnet18"), "resnet18", "resnet18"),
        (Cell("s"), "s", ""),
    ],
)
def test_how_it_is_said_and_spelled(cell, words, folder):
    assert (cell.words(), cell.folder) == (words, folder)


def test_the_question_and_what_competes():
    assert ROUND.question == Cell("s", "resnet18", batch_size=8)
    assert ROUND.label == "openvino/fp32"
    assert ROUND.named("question") == {"model": "resnet18", "batch_size": 8}


def test_the_study_is_where_it_lies_and_not_which_one_it_is():
    assert ROUND.at(study="another") == ROUND
    assert len({ROUND, ROUND.at(study="another")}) == 1
    assert ROUND.at(round=3) != ROUND


@pytest.mark.parametrize("cell", [ROUND, ROUND.target, ROUND.engine(fixed=True), ROUND.engine(fixed=False)])
def test_a_path_made_from_the_patterns_names_the_same_cell(cell):
    pattern = axes.round_pattern() if cell.round else axes.profile_pattern()
    if cell in (ROUND.engine(fixed=False), ROUND.engine(fixed=True)):
        pattern = axes.engine_pattern()
    regex = pattern
    for name, allowed in axes.wildcard_constraints().items():
        regex = regex.replace(f"{{{name}}}", f"(?P<{name}>{allowed})")
    match = re.fullmatch(regex, cell.folder)
    assert match, (regex, cell.folder)
    assert Cell.from_wildcards("s", match.groupdict()) == cell


def test_wildcards_allow_what_labels_may_be_and_no_more():
    constraints = axes.wildcard_constraints()
    assert re.fullmatch(constraints["model"], "my-net_1.5")
    for wrong in ("../x", "a/b", ".hidden", ""):
        assert not re.fullmatch(constraints["model"], wrong)
    assert not re.fullmatch(constraints["precision"], "fp31")
    assert re.fullmatch(constraints["fixed"], "") is not None
    assert re.fullmatch(constraints["fixed"], "/b128")


def test_json_has_every_axis_and_unknown_ones_are_refused():
    json = TypeAdapter(Cell).dump_python(ROUND)
    assert json == {
        "study": "s", "model": "resnet18", "backend": "openvino", "precision": "fp32", "batch_size": 8, "round": 2
    }  # fmt: skip
    with pytest.raises(ValidationError, match="colour"):
        TypeAdapter(Cell).validate_python({**json, "colour": 1})


def test_an_axis_that_is_needed_and_does_not_apply_is_an_error():
    assert ROUND.need("model") == "resnet18"
    with pytest.raises(ValueError, match="a backend is needed, and resnet18 has none"):
        Cell("s", "resnet18").need("backend")


def test_an_unknown_role_is_an_error():
    with pytest.raises(ValueError, match="no such role of an axis: colour"):
        axes.axes_of("colour")


class Study:
    """As far as cells go by it."""

    study = "s"
    models = {"a": None, "b": None}
    backends = {"x": None, "y": None}
    batch = type("Batch", (), {"sizes": [1, 8]})
    timing = type("Timing", (), {"first_rounds": 2})

    def models_of(self, label):
        return ["a", "b"] if label == "x" else ["b"]

    def precisions_of(self, label):
        return ["fp32"] if label == "x" else ["fp32", "fp16"]


def test_the_cells_of_a_study():
    made = [cell.folder for cell in cells(Study())]
    assert made == [
        "a/x/fp32/b1", "a/x/fp32/b8", "b/x/fp32/b1", "b/x/fp32/b8",
        "b/y/fp32/b1", "b/y/fp32/b8", "b/y/fp16/b1", "b/y/fp16/b8",
    ]  # fmt: skip
    assert len(list(cells(Study(), ("question", "contender", "repetition")))) == 2 * len(made)


def test_an_axis_with_a_default_leaves_the_paths_that_are_there(monkeypatch):
    """As one that is added later: its default value is spelled as nothing."""
    streams = Axis(
        "streams", role="question", heading="Streams", wildcard="streams", pattern=r"\d+", parse=int,
        values=lambda study, cell: [1, 4], folder="s{}", words="{} streams", engines="shared", default=1,
    )  # fmt: skip
    made = dataclasses.make_dataclass("Cell", [("streams", "int | None", None)], bases=(Cell,), frozen=True, eq=True)
    monkeypatch.setattr(axes, "AXES", (*AXES[:-1], streams, AXES[-1]))
    for value, folder, words in (
        (1, "a/x/fp32/b8/round2", "a · x fp32 · batch 8 · round 2"),
        (4, "a/x/fp32/b8/s4/round2", "a · x fp32 · batch 8 · 4 streams · round 2"),
    ):
        cell = made("s", "a", "x", "fp32", 8, 2, value)
        assert (cell.folder, cell.words()) == (folder, words)
        regex = axes.round_pattern()
        for name, allowed in axes.wildcard_constraints().items():
            regex = regex.replace(f"{{{name}}}", f"(?P<{name}>{allowed})")
        match = re.fullmatch(regex, folder)
        assert match
        assert made.from_wildcards("s", match.groupdict()) == cell


def test_an_axis_of_which_each_value_has_its_own_engines_tells_their_exports_apart(monkeypatch):
    shape = Axis(
        "shape", role="question", heading="Shape", wildcard="shape", pattern="[a-z]+", parse=str,
        values=lambda study, cell: ["small", "wide"],
    )  # fmt: skip
    made = dataclasses.make_dataclass("Cell", [("shape", "str | None", None)], bases=(Cell,), frozen=True, eq=True)
    monkeypatch.setattr(axes, "AXES", (*AXES, shape))
    exports = [made("s", "a", precision="fp32", batch_size=8, shape=value).below_export for value in ("small", "wide")]
    assert exports == ["/b8/small", "/b8/wide"]
    monkeypatch.setattr(axes, "AXES", (*AXES[:3], shape, *AXES[3:]))
    for value in ("small", "wide"):
        cell = made("s", "a", precision="fp32", batch_size=8, shape=value)
        regex = axes.below_export_pattern()
        for name, allowed in axes.wildcard_constraints().items():
            regex = regex.replace(f"{{{name}}}", f"(?P<{name}>{allowed})")
        match = re.fullmatch(regex, cell.below_export)
        assert match
        found = made.from_wildcards("s", {"model": "a", "precision": "fp32", **match.groupdict()})
        assert found == cell
