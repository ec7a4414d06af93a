"""The registry of model sources: it is quick to ask, and one file is all that a source needs."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from bakeoff.core.errors import BakeoffError
from bakeoff.core.registry import discover
from bakeoff.exports import FORMATS
from bakeoff.freshness.code_digest import member_of
from bakeoff.models.sources import SOURCES, source_class, source_distributions, source_of
from bakeoff.models.sources.base import ModelSource
from bakeoff.models.spec import ModelBase


def in_fresh_process(code, **environment):
    """What the code prints last, as JSON, in a Python process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_bakeoff_s_own_sources_in_the_order_of_the_documentation():
    assert SOURCES == ("torchvision", "timm", "file", "torchscript")
    assert source_distributions() == ("torchvision", "timm")


def test_asking_imports_no_library():
    code = """
        import json, sys
        from bakeoff.config.load import parse_study
        from bakeoff.models.sources import SOURCES, source_of
        models = {"resnet18": {"source": "torchvision"}, "m": {"source": "timm", "name": "resnet18"}}
        study = parse_study({"models": models, "backends": {"eager": None}})
        for label, section in study.models.items():
            source = source_of(label, section)
            source.describe(), source.describe_weights(), list(source.mistakes()), source.files()
        heavy = ("torch", "torchvision", "timm", "numpy", "pandas", "safetensors")
        print(json.dumps([name for name in heavy if name in sys.modules]))
    """
    assert in_fresh_process(code) == []


@pytest.mark.parametrize("name", SOURCES)
def test_what_each_source_says_of_itself(name):
    source = source_class(name)
    assert issubclass(source, ModelSource)
    assert issubclass(source.Config, ModelBase)
    assert {"source", "inputs", "seed"} <= set(source.Config.model_fields)
    assert source.Config.__doc__
    assert set(source.cannot_export) <= set(FORMATS)
    assert source.has_python_code or "exported_program" in source.cannot_export
    assert member_of(source_class(name)) == (f"bakeoff.models.sources.{name}",)


def test_the_files_that_a_model_is_made_from_are_named_with_their_keys():
    inputs = {"x": {"shape": [2]}}
    own = {"source": "file", "factory": "a/b.py:make", "weights": "w.pt", "inputs": inputs}
    files = source_of("m", own).files()
    assert [(file.key, file.path) for file in files] == [("factory", "a/b.py"), ("weights", "w.pt")]
    given = source_of("m", {"source": "torchscript", "path": "m.ts", "inputs": inputs})
    assert [(file.key, file.path) for file in given.files()] == [("path", "m.ts")]
    assert source_of("m", {"source": "timm", "weights": "pretrained"}).files() == []
    assert source_of("m", {"source": "timm", "weights": "pretrained"}).has_real_weights
    assert not source_of("m", {"source": "timm"}).has_real_weights


def test_two_of_one_name_are_refused(tmp_path, monkeypatch):
    text = "from registry_of_test import Base\n"
    folder = tmp_path / "registry_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("class Base:\n    rank = 1\n")
    for file in ("one", "two"):
        (folder / f"{file}.py").write_text(f"{text}class Mine(Base):\n    name = 'mine'\n")
    monkeypatch.syspath_prepend(tmp_path)
    from registry_of_test import Base

    with pytest.raises(BakeoffError, match=r"registry_of_test\.two and registry_of_test\.one both define name 'mine'"):
        discover("registry_of_test", [str(folder)], Base, "name")


CONSTANT = '''
"""A linear layer of constant weights, made from two numbers."""

from typing import Annotated, Literal

from pydantic import Field

from bakeoff.models.sources.base import ModelSource
from bakeoff.models.spec import InputSpec, ModelBase


class ConstantModel(ModelBase):
    """A linear layer."""

    source: Literal["constant"]
    width: Annotated[int, Field(ge=1)] = 4
    """Inputs of the layer."""
    inputs: dict[str, InputSpec] = {"x": InputSpec(shape=[4])}


class ConstantSource(ModelSource):
    """Makes it."""

    name = "constant"
    Config = ConstantModel
    distributions = ("numpy",)
    cannot_export = {"onnx": "constants are not for ONNX"}
    config: ConstantModel
    has_real_weights = True

    def mistakes(self):
        if self.config.width == 13:
            yield f"{self.key}.width: 13 brings bad luck; choose another"

    def describe(self):
        return f"a constant layer of width {self.config.width}"

    def describe_weights(self):
        return "constants"

    def build(self, fetch):
        import torch

        layer = torch.nn.Linear(self.config.width, 3)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(3.0 * self.config.width).reshape(3, -1).sin())
        return layer
'''


@pytest.fixture
def constant(tmp_path):
    """A folder that holds one more source."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "constant.py").write_text(CONSTANT)
    return folder


def test_a_source_from_elsewhere_goes_through_a_study(constant, tmp_path):
    """Config, plan, reference, export, eager engine and accuracy: none of them knows the source by name."""
    code = f"""
        import json
        from pathlib import Path
        from bakeoff.artifacts.io import write_record
        from bakeoff.backends import make_backend
        from bakeoff.backends.base import EngineSpec, InputInfo
        from bakeoff.config.load import parse_study
        from bakeoff.core.machine import Machine
        from bakeoff.jobs import export, reference
        from bakeoff.models.arrays import load_arrays
        from bakeoff.core.cell import Cell
        from bakeoff.study.job_parameters import JobParameters
        from bakeoff.study.jobs import Job, StudyJobs
        from bakeoff.study.plan import Plan

        study = parse_study({{
            "study": "s", "models": {{"net": {{"source": "constant"}}}},
            "backends": {{"eager": None, "torchscript": None, "onnxruntime": None}}, "profile": {{"enabled": False}},
        }})
        plan = Plan(study, Machine("a processor", frozenset(), 2, (), None, None, frozenset()))
        told = JobParameters(StudyJobs(plan)).of(Job("reference", Cell("s", "net")))
        jobs = Path({str(tmp_path)!r})
        job = {{name: told[name] for name in ("target", "label", "model", "data", "threads", "device")}}
        made = reference.run({{**job, "out": str(jobs / "reference")}})
        write_record(jobs / "reference" / "reference.json", made)
        exported = export.run({{
            "target": told["target"], "format": "torchscript-trace", "precision": "fp32", "batch_size": None,
            "batch_max": 4, "label": "net", "model": told["model"], "reference": str(jobs / "reference"),
            "out": str(jobs / "export"), "threads": 1,
        }})
        spec = EngineSpec("fp32", "cpu", 1, 2, 2, 2, [InputInfo("x", (4,), "float32")])
        eager = make_backend({{"kind": "eager"}})
        (jobs / "engine").mkdir()
        built = eager.build(jobs / "reference", spec, jobs / "engine")
        session = eager.load(jobs / "engine", built.files, spec, 2)
        session.prepare([load_arrays(jobs / "reference" / "inputs.npz")["x"][:2]])
        session.run()
        expected = load_arrays(jobs / "reference" / "outputs.npz")["out0"][:2]
        print(json.dumps({{
            "described": made.description, "weights": made.weights, "real": made.real_weights,
            "files": list(made.files), "exported": list(exported.files), "versions": list(told["versions"]),
            "agrees": bool(abs(session.outputs()[0] - expected).max() < 1e-5),
            "reasons": {{target.cell.backend: target.reason for target in plan.targets}},
        }}))
    """
    assert in_fresh_process(code, BAKEOFF_SOURCES=str(constant)) == {
        "described": "a constant layer of width 4",
        "weights": "constants",
        "real": True,
        "files": ["model.json", "state.pt", "inputs.npz", "outputs.npz"],
        "exported": ["model.ts"],
        "versions": ["python", "torch", "numpy"],
        "agrees": True,
        "reasons": {"eager": None, "torchscript": None, "onnxruntime": "constants are not for ONNX"},
    }


def test_mistakes_in_a_section_of_a_source_from_elsewhere_are_named(constant):
    code = """
        import json
        from bakeoff.config.load import parse_study
        from bakeoff.core.errors import ConfigError

        def refusal(**section):
            try:
                parse_study({"models": {"net": section}, "backends": {"eager": None}})
            except ConfigError as error:
                return str(error)
        print(json.dumps([refusal(source="constant", widht=3), refusal(source="constant", width=13),
                          refusal(source="constnat"), refusal(source="constant", width=0)]))
    """
    unknown_key, bad_luck, unknown_source, range_ = in_fresh_process(code, BAKEOFF_SOURCES=str(constant))
    assert "models.net.widht: unknown key; did you mean 'width'?" in unknown_key
    assert "models.net.width: 13 brings bad luck; choose another" in bad_luck
    assert "did you mean 'constant'?" in unknown_source
    assert "models.net.width: input should be greater than or equal to 1, got 0" in range_


def test_a_changed_source_makes_its_models_stale_and_no_others(constant):
    code = """
        import json
        from bakeoff.freshness.code_digest import code_digest, member_of
        from bakeoff.models.sources import source_class
        print(json.dumps({f"{s} {n}": code_digest(s, members=member_of(source_class(n))) for n in ("constant", "timm")
                          for s in ("reference", "export")}))
    """
    before = in_fresh_process(code, BAKEOFF_SOURCES=str(constant))
    (constant / "constant.py").write_text(CONSTANT + "\n# another version\n")
    after = in_fresh_process(code, BAKEOFF_SOURCES=str(constant))
    assert {name for name in before if before[name] != after[name]} == {"reference constant", "export constant"}


def test_a_model_without_python_code_is_refused_where_python_code_is_needed(constant):
    """By its own noun, whichever source it is of."""
    (constant / "constant.py").write_text(
        CONSTANT.replace("    distributions", "    has_python_code = False\n    noun = 'a stone'\n    distributions")
    )
    code = """
        import json
        from bakeoff.backends import make_backend
        from bakeoff.backends.base import Request
        from bakeoff.tools.docs import full_machines
        device, machine = full_machines()["NVIDIA GPU"]
        request = Request("fp32", device, "constant", machine)
        kinds = ("eager", "inductor", "torch2trt", "torch_tensorrt", "torchscript")
        print(json.dumps({kind: make_backend({"kind": kind}).cannot_make(request) for kind in kinds}))
    """
    refusals = in_fresh_process(code, BAKEOFF_SOURCES=str(constant))
    assert refusals.pop("torchscript") is None
    assert all(refusal.startswith("a stone ") for refusal in refusals.values())
