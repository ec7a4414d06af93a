"""TorchScript on real models, traced and scripted, frozen or not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import machine, request
from workshop import INPUTS, Workshop, need_instructions

from bakeoff.backends import make_backend
from bakeoff.core.errors import BuildError, EngineError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")

DTYPE = {"fp16": "float16", "bf16": "bfloat16"}


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "loose"])
@pytest.mark.parametrize("capture", ["trace", "script"])
@pytest.mark.parametrize("name", INPUTS)
def test_outputs_are_those_of_the_reference(
    workshop: Workshop, tmp_path: Path, name: str, capture: str, freeze: bool
) -> None:
    backend = make_backend({"kind": "torchscript", "capture": capture, "freeze": freeze})
    built = workshop.build(backend, name, tmp_path)
    assert built.holds_precision is True
    assert set(built.layer_dtypes) == {"float32"}
    for size in (1, 3):
        workshop.assert_close(workshop.load(backend, name, tmp_path, built, size), name, size)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("name", ["convnet", "tokens", "named"])
def test_low_precision(workshop: Workshop, tmp_path: Path, name: str, precision: str) -> None:
    need_instructions(precision)
    backend = make_backend({"kind": "torchscript"})
    built = workshop.build(backend, name, tmp_path, precision)
    assert built.holds_precision is True
    assert set(built.layer_dtypes) == {DTYPE[precision]}
    session = workshop.load(backend, name, tmp_path, built, 3, precision)
    workshop.assert_close(session, name, 3, precision)


def test_freezing_folds_batch_normalization(workshop: Workshop, tmp_path: Path) -> None:
    operators = {}
    for freeze in (True, False):
        backend = make_backend({"kind": "torchscript", "freeze": freeze})
        built = workshop.build(backend, "convnet", tmp_path)
        session = workshop.load(backend, "convnet", tmp_path, built, 2)
        operators[freeze] = [layer.type for layer in session.layers(runs=12, max_s=60).layers]
    assert sum("batch_norm" in kind for kind in operators[False]) == 2
    assert sum("batch_norm" in kind for kind in operators[True]) == 0
    assert all(sum("conv" in kind for kind in kinds) == 2 for kinds in operators.values())


def test_channels_last(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "torchscript", "channels_last": True, "freeze": False})
    built = workshop.build(backend, "convnet", tmp_path)
    session = workshop.load(backend, "convnet", tmp_path, built, 3)
    weight = dict(session.module.named_parameters())["features.3.weight"]  # type: ignore[attr-defined]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    workshop.assert_close(session, "convnet", 3)


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "loose"])
def test_layers_have_times_and_shapes(workshop: Workshop, tmp_path: Path, freeze: bool) -> None:
    backend = make_backend({"kind": "torchscript", "freeze": freeze})
    built = workshop.build(backend, "convnet", tmp_path)
    session = workshop.load(backend, "convnet", tmp_path, built, 2)
    for _ in range(3):  # as the profile job does: the interpreter optimizes during its first runs
        session.run()
    times = session.layers(runs=12, max_s=60)
    convolutions = [layer for layer in times.layers if "conv" in layer.type]
    assert [layer.input_shapes[0] for layer in convolutions] == [[2, 3, 16, 16], [2, 8, 8, 8]]
    assert all(layer.time_ms.min > 0 for layer in convolutions)
    assert sum(layer.share for layer in times.layers) == pytest.approx(1)


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "loose"])
def test_a_torchscript_file_is_a_model_too(workshop: Workshop, tmp_path: Path, frozen: bool) -> None:
    module = torch.jit.load(str(workshop.export("pair", "torchscript-script") / "model.ts")).eval()
    file = tmp_path / "given.ts"
    torch.jit.save(torch.jit.freeze(module) if frozen else module, str(file))
    name = f"given-{frozen}"
    workshop.add(name, {"source": "torchscript", "path": str(file), "inputs": INPUTS["pair"]})
    out = tmp_path / "out"
    out.mkdir()
    backend = make_backend({"kind": "torchscript"})
    built = workshop.build(backend, name, out)
    workshop.assert_close(workshop.load(backend, name, out, built, 3), name, 3)


def test_a_damaged_engine_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "torchscript"})
    built = workshop.build(backend, "pair", tmp_path)
    file = tmp_path / built.files[0]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(EngineError, match=r"torch\.jit could not load .*engine\.ts"):
        workshop.load(backend, "pair", tmp_path, built, 1)


def test_a_damaged_export_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "model.ts").write_bytes(b"not TorchScript")
    with pytest.raises(BuildError, match=r"model\.ts"):
        make_backend({"kind": "torchscript"}).build(tmp_path, workshop.spec("pair"), tmp_path)


def test_a_torchscript_source_can_be_built() -> None:
    source = replace(request("fp32", machine=machine()), source="torchscript")
    assert make_backend({"kind": "torchscript"}).cannot_build(source) is None
