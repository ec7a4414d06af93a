"""What a valid study means."""

import json

import jsonschema
import pytest
import yaml

from bakeoff.config.load import load_study, parse_study
from bakeoff.config.study import parse_reference
from bakeoff.core.machine import Machine
from bakeoff.study.plan import Plan
from bakeoff.tools.docs import config_schema, generated

NET = {"source": "timm", "name": "resnet18"}
MINIMAL = {"models": {"m": NET}, "backends": {"eager": None, "script": {"kind": "torchscript"}}}


def test_kind_may_be_left_out_where_the_label_is_one():
    study = parse_study(MINIMAL)
    assert study.backends["eager"].kind == "eager"
    assert study.backends["script"].kind == "torchscript"


def test_backends_take_the_precisions_of_the_study_or_their_own():
    study = parse_study(
        {
            **MINIMAL,
            "precisions": ["fp32", "bf16"],
            "backends": {"eager": None, "torchscript": {"precisions": ["fp32"]}},
        }
    )
    assert study.precisions_of("eager") == ["fp32", "bf16"]
    assert study.precisions_of("torchscript") == ["fp32"]


def test_a_backend_may_be_compared_on_some_models_only():
    models = {"a": NET, "b": NET, "c": NET}
    backends = {"eager": None, "torchscript": {"models": ["c", "a"]}}
    study = parse_study({**MINIMAL, "models": models, "backends": backends})
    assert study.models_of("eager") == ["a", "b", "c"]
    assert study.models_of("torchscript") == ["a", "c"]
    machine = Machine("any", frozenset(), 2, (), None, None)
    cells = [(target.cell.model, target.cell.backend) for target in Plan(study, machine).targets]
    assert cells == [("a", "eager"), ("a", "torchscript"), ("b", "eager"), ("c", "eager"), ("c", "torchscript")]


def test_tolerances_not_given_keep_their_defaults():
    study = parse_study({**MINIMAL, "accuracy": {"tolerance": {"fp32": {"relative_l2": 0.5}}}})
    assert study.accuracy.tolerance_of("fp32").relative_l2 == 0.5
    assert study.accuracy.tolerance_of("fp16").top1_agreement is not None


def test_the_baseline_is_the_first_speedup_column():
    study = parse_study({**MINIMAL, "report": {"speedup_against": ["script", "eager"]}})
    assert study.speedup_references() == [("eager", "fp32"), ("script", "fp32")]
    assert parse_reference("ort/int8") == ("ort", "int8")


@pytest.mark.parametrize("text", ["1.0", "1"])
def test_whole_numbers_serve_as_seconds(text):
    assert parse_study({**MINIMAL, "timing": {"max_s": yaml.safe_load(text)}}).timing.max_s == 1


def test_the_default_study_is_valid_for_library_and_editor(root, monkeypatch):
    monkeypatch.chdir(root)
    study = load_study("config.yaml")
    assert len(study.backends) >= 5
    assert len({model.source for model in study.models.values()}) >= 2
    jsonschema.validate(yaml.safe_load((root / "config.yaml").read_text()), config_schema())


def test_editor_schema_refuses_what_the_library_refuses():
    validator = jsonschema.Draft202012Validator(config_schema())
    assert validator.is_valid(MINIMAL)
    assert not validator.is_valid({**MINIMAL, "backends": {"eager": {"capture": "trace"}}})
    assert not validator.is_valid({**MINIMAL, "backends": {"x": {"capture": "trace"}}})
    assert not validator.is_valid({**MINIMAL, "timing": {"ci_real": 1}})


def test_generated_files_are_current(root):
    for path, content in generated().items():
        assert (root / path).read_text() == content, f"{path}: run `make docs`"


def test_every_key_of_the_config_is_described():
    for name, definition in config_schema()["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            described = "description" in field or "$ref" in json.dumps(field)
            assert described or key in ("kind", "source"), f"{name}.{key} has no description"
