"""An ExportedProgram fitted to one engine."""

from pathlib import Path

import pytest
import torch
from workshop import INPUTS, Workshop

from bakeoff.backends.base import EngineSpec, InputInfo
from bakeoff.backends.shared.exported import fitted_program
from bakeoff.backends.shared.torch_dtypes import graph_dtypes
from bakeoff.models.outputs import flatten


def batch_of(program: torch.export.ExportedProgram) -> object:
    names = program.graph_signature.user_inputs
    return next(n.meta["val"].shape[0] for n in program.graph.nodes if n.name in names)


@pytest.mark.parametrize("name", INPUTS)
def test_it_computes_the_same(workshop: Workshop, name: str) -> None:
    file = workshop.export(name, "exported_program") / "model.pt2"
    program = fitted_program(file, workshop.spec(name))
    for size in (1, 3, 4):
        inputs = [torch.from_numpy(a) for a in workshop.batch(name, size)]
        with torch.inference_mode():
            outputs = [tensor for _, tensor in flatten(program.module()(*inputs))]
        for output, expected in zip(outputs, workshop.expected(name, size), strict=True):
            torch.testing.assert_close(output, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_compilers_tune_for_the_engines_own_batch_size(workshop: Workshop) -> None:
    file = workshop.export("pair", "exported_program") / "model.pt2"
    program = fitted_program(file, workshop.spec("pair", batch=(2, 3, 4)))
    size = batch_of(program)
    assert isinstance(size, torch.SymInt)
    assert size.node.hint == 3
    assert [(r.lower, r.upper) for r in program.range_constraints.values()] == [(1, 4)]


def test_an_engine_of_one_size_gets_a_static_program(workshop: Workshop) -> None:
    file = workshop.export("pair", "exported_program") / "model.pt2"
    assert batch_of(fitted_program(file, workshop.spec("pair", batch=(1, 1, 1)))) == 1


def test_memory_order(workshop: Workshop) -> None:
    file: Path = workshop.export("convnet", "exported_program") / "model.pt2"
    program = fitted_program(file, workshop.spec("convnet"), channels_last=True)
    convolution = next(n for n in program.graph.nodes if n.op == "call_function" and "conv" in str(n.target))
    for argument in convolution.args[:2]:
        assert argument.meta["val"].is_contiguous(memory_format=torch.channels_last)


class Views(torch.nn.Module):
    """A view that exists in the memory order that was captured only."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3)
        self.head = torch.nn.Linear(4 * 36, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.convolution(x)
        return self.head(features.view(features.shape[0], -1))


def test_a_view_that_another_memory_order_does_not_allow_copies(tmp_path: Path) -> None:
    module, x = Views().eval(), torch.randn(3, 3, 8, 8)
    file = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(module, (x,), strict=False), str(file))
    spec = EngineSpec("fp32", "cpu", 1, 3, 3, 3, [InputInfo("x", (3, 8, 8), "float32")])
    program = fitted_program(file, spec, channels_last=True)
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(x.to(memory_format=torch.channels_last)), module(x))


def test_dtypes_of_the_graph(workshop: Workshop) -> None:
    file = workshop.export("convnet", "exported_program", "bf16") / "model.pt2"
    pairs = graph_dtypes(fitted_program(file, workshop.spec("convnet", "bf16")))
    assert {dtype for _, dtype in pairs} == {"bfloat16"}
    kinds = [kind for kind, _ in pairs]
    assert sum("conv" in kind for kind in kinds) == 2
    assert sum(kind.startswith("matmul") for kind in kinds) == 1
