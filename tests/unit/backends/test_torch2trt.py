"""torch2trt: plan, options and what is handed to the package; a stand-in with its interface records the calls.

The package needs an NVIDIA GPU with TensorRT 10 or older.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tiny_models import gpu, machine, request
from workshop import Workshop

from bakeoff.backends import make_backend, options_of
from bakeoff.backends.base import ExportKey
from bakeoff.core.errors import BuildError, EngineError

INSTALLED = frozenset({"torch2trt", "tensorrt"})
H200 = replace(machine(gpus=(gpu(),)), modules=INSTALLED)


@pytest.fixture(autouse=True)
def _no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.backends.torch2trt.version_of", lambda name: None)
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    yield
    os.environ.pop("NVIDIA_TF32_OVERRIDE", None)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
def test_a_gpu_builds_it(precision: str) -> None:
    assert make_backend({"kind": "torch2trt"}).cannot_build(request(precision, "cuda:0", H200)) is None


@pytest.mark.parametrize(
    ("precision", "device", "on", "reason"),
    [
        ("fp32", "cpu", replace(machine(), modules=INSTALLED), "needs an NVIDIA GPU"),
        ("fp32", "cuda:1", H200, "there is no GPU cuda:1 on this machine"),
        ("bf16", "cuda:0", H200, "knows fp32, TF32 and fp16; bf16 is none of them"),
        ("int8", "cuda:0", H200, "knows fp32, TF32 and fp16; int8 is none of them"),
        ("fp32", "cuda:0", replace(H200, modules=frozenset({"tensorrt"})), "torch2trt is not installed"),
        ("fp32", "cuda:0", replace(H200, modules=frozenset({"torch2trt"})), "TensorRT 10 or older, and none is"),
    ],
)
def test_what_cannot_be_built_is_said_in_words(precision, device, on, reason) -> None:
    told = make_backend({"kind": "torch2trt"}).cannot_build(request(precision, device, on))
    assert told is not None
    assert reason in told


@pytest.mark.parametrize(("version", "told"), [("11.0.0.1", "TensorRT 10 or older, 11.0.0.1 is"), ("10.9.0", None)])
def test_newer_tensorrt_is_refused(monkeypatch: pytest.MonkeyPatch, version: str, told: str | None) -> None:
    monkeypatch.setattr("bakeoff.backends.torch2trt.version_of", lambda name: version)
    refusal = make_backend({"kind": "torch2trt"}).cannot_build(request("fp32", "cuda:0", H200))
    assert refusal is None if told is None else told in str(refusal)


def test_it_needs_python_code() -> None:
    backend = make_backend({"kind": "torch2trt"})
    assert backend.export_key("fp16") == ExportKey("eager", "fp32")
    given = replace(request("fp32", "cuda:0", H200), source="torchscript")
    assert "holds no Python code" in str(backend.cannot_build(given))


def test_options_are_checked() -> None:
    assert options_of("torch2trt").model_validate({"cuda_graph": True}).cuda_graph is True
    for options in ({"workspace_bytes": 1}, {"channels_last": True}):
        with pytest.raises(ValidationError):
            options_of("torch2trt").model_validate(options)


class Package(ModuleType):
    """The package's interface; its engine is the model's own scripted code."""

    def __init__(self) -> None:
        super().__init__("torch2trt")
        package = self

        class TRTModule(torch.nn.Module):
            def __init__(self, engine: bytearray | None = None) -> None:
                super().__init__()
                self.engine = engine
                self._register_state_dict_hook(lambda module, state, prefix, _: state.update(engine=module.engine))

            def _load_from_state_dict(self, state: dict[str, Any], *_: Any) -> None:
                self.engine = state["engine"]

            def forward(self, *inputs: torch.Tensor) -> Any:
                return package.model(*inputs)

        def torch2trt(module: torch.nn.Module, inputs: list[torch.Tensor], **settings: Any) -> TRTModule:
            package.model, package.inputs, package.settings = module, inputs, settings
            package.tf32_override = os.environ.get("NVIDIA_TF32_OVERRIDE")
            return TRTModule(package.engine)

        self.engine: bytearray | None = bytearray(b"plan")
        self.TRTModule, self.torch2trt = TRTModule, torch2trt


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Package:
    """A stand-in for the package."""
    fake = Package()
    monkeypatch.setitem(sys.modules, "torch2trt", fake)
    return fake


def test_what_is_handed_over(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    backend = make_backend({"kind": "torch2trt"})
    built = workshop.build(backend, "two_inputs", tmp_path)
    assert built.files == ["engine.pth"]
    assert built.holds_precision is None
    assert "cannot say its precision" in built.notes[0]
    assert package.settings == {
        "fp16_mode": False,
        "min_shapes": [(1, 12), (1, 8)],
        "opt_shapes": [(4, 12), (4, 8)],
        "max_shapes": [(4, 12), (4, 8)],
    }
    assert package.tf32_override == "0"
    workshop.assert_close(workshop.load(backend, "two_inputs", tmp_path, built, 3), "two_inputs", 3)


def test_fp16_is_a_half_model(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    workshop.build(make_backend({"kind": "torch2trt"}), "two_inputs", tmp_path, "fp16")
    assert package.settings["fp16_mode"] is True
    assert {tensor.dtype for tensor in (*package.inputs, *package.model.parameters())} == {torch.float16}


def test_tf32_is_left_on_where_asked_for(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    workshop.build(make_backend({"kind": "torch2trt"}), "two_inputs", tmp_path, "tf32")
    assert package.tf32_override is None


def test_integer_inputs_are_refused(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="takes float32 and bool inputs; 'tokens' is int64"):
        workshop.build(make_backend({"kind": "torch2trt"}), "tokens", tmp_path)


def test_a_network_that_tensorrt_does_not_build(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    package.engine = None
    with pytest.raises(BuildError, match="TensorRT could not build the network"):
        workshop.build(make_backend({"kind": "torch2trt"}), "pair", tmp_path)


def test_what_the_package_says_is_quoted(workshop: Workshop, package: Package, tmp_path: Path, monkeypatch) -> None:
    def torch2trt(*_: Any, **__: Any) -> None:
        raise AttributeError("'Tensor' object has no attribute '_trt'\nand more")

    monkeypatch.setattr(package, "torch2trt", torch2trt)
    with pytest.raises(BuildError, match=r"AttributeError: 'Tensor' object has no attribute '_trt'$"):
        workshop.build(make_backend({"kind": "torch2trt"}), "pair", tmp_path)


def test_a_damaged_engine_is_refused(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    backend = make_backend({"kind": "torch2trt"})
    built = workshop.build(backend, "pair", tmp_path)
    (tmp_path / built.files[0]).write_bytes(b"no engine")
    with pytest.raises(EngineError, match=r"torch2trt could not load .*engine\.pth"):
        workshop.load(backend, "pair", tmp_path, built, 1)


def test_a_package_that_does_not_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch2trt", None)
    with pytest.raises(BuildError, match="torch2trt is installed but does not import"):
        make_backend({"kind": "torch2trt"}).import_library()
