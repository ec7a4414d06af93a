"""Layers that learn the size of their input at the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.models.forward import forward
from bakeoff.models.inputs import STATISTICS, seeded_inputs
from bakeoff.models.spec import ModelBase

if TYPE_CHECKING:
    import torch


def initialise_lazy(module: torch.nn.Module, label: str, model: ModelBase) -> None:
    """Call the module once where it has parameters without a shape. Raises ModelError where it refuses its inputs."""
    import torch

    if any(map(torch.nn.parameter.is_lazy, [*module.parameters(), *module.buffers()])):
        training = module.training
        forward(module.eval(), label, seeded_inputs(model.inputs, 1, model.seed, STATISTICS))
        module.train(training)
