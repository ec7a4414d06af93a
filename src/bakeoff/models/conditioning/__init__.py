"""Random weights that behave as trained ones do: outputs say something, and rounding is not amplified.

As the libraries initialise them, in eval mode, many networks say next to nothing: torchvision's vit_b_16 returns
exactly 0 (zero head), mobilenet_v2 values of 1e-10, efficientnet_b0 outputs that differ by 1e-6 over inputs. Any engine
would agree with such a reference. And where they do say something, they amplify rounding: a step of normalization and
ReLU makes a small error 1.5 times larger in relation to what varies over inputs (in variance; Yang et al., "A Mean
Field Theory of Batch Normalization", arXiv:1902.08129), so that fp16 came to 17 dB on resnet50, where trained networks
reach 50 to 70. So, in this order:

1. kernels of convolutions are made smooth, as trained ones are (`kernels`): the errors of neighbouring pixels average
   out, while images, whose neighbouring pixels are alike, pass;
2. residual branches are scaled down (`branches`; De and Smith, "Batch Normalization Biases Residual Blocks Towards the
   Identity Function", arXiv:2002.10444; Zhang et al., "Fixup Initialization", arXiv:1901.09321);
3. parameters are rounded to few significant bits (`few_bits`), so that no precision rounds them any further;
4. layers with large outputs are scaled down (`scale`), so that gates are not driven to their ends;
5. BatchNorm gets statistics, as training would have left them (`batch_norm`);
6. the outputs of the last layers are standardised per class (`heads`).

All of it is done on inputs other than those that judge, and is deterministic in the model's seed. The inputs are seeded
ones; where the model is judged on real ones, half of them are real, since photographs differ from each other in
brightness and contrast by more than seeded images do (timm's efficientnet_b0 in fp16, on photographs: 11 dB with
statistics of seeded inputs alone, 44 dB so). What a step
does not find it leaves alone. Whether it was enough is measured afterwards (`bakeoff.models.rounding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bakeoff.models.batch_size import rows_of, take
from bakeoff.models.conditioning.batch_norm import estimate_batch_norm
from bakeoff.models.conditioning.branches import scale_branches
from bakeoff.models.conditioning.few_bits import round_parameters
from bakeoff.models.conditioning.heads import standardise_heads
from bakeoff.models.conditioning.kernels import smooth_kernels
from bakeoff.models.conditioning.scale import limit_outputs
from bakeoff.models.inputs import STATISTICS, seeded_inputs
from bakeoff.models.seeding import seeded
from bakeoff.models.spec import ModelBase

if TYPE_CHECKING:
    import numpy as np
    import torch

BATCHES = 2
BATCH_SIZE = 8
"""16 inputs: enough for a per-class mean and standard deviation, cheap enough for a CPU."""
REAL = BATCHES * BATCH_SIZE // 2
"""How many of them are real, where real inputs judge."""


def condition(
    module: torch.nn.Module,
    label: str,
    model: ModelBase,
    real: Mapping[str, np.ndarray] | None = None,
    batch_size: int = BATCH_SIZE,
) -> str:
    """Condition a randomly initialised module in eval mode, in place; says in words what was done.

    The reference's spread decides later whether the model can be judged. Raises ModelError where the model refuses its
    inputs.

    Args:
        module: Changed in place.
        label: Of the model, for errors.
        model: Its config section.
        real: Inputs of the kind that will judge, and none of those, each [n, *shape]; None where seeded ones will.
        batch_size: Items that the model takes at once.
    """
    inputs = seeded_inputs(model.inputs, BATCHES * BATCH_SIZE, model.seed, STATISTICS)
    for name, array in (real or {}).items():
        # every second one is real, repeated where they are few
        inputs[name][::2] = array[[i % len(array) for i in range(REAL)]]
    batches = [take(inputs, rows) for rows in rows_of(batch_size, BATCHES * BATCH_SIZE)]
    # two items show as well as eight how a model is built, where it takes two
    few = take(inputs, [0, 1]) if batch_size == BATCH_SIZE else batches[0]
    with seeded(model.seed):
        kernels = smooth_kernels(module)
        branches = scale_branches(module, label, few)
        round_parameters(module)
        limited = limit_outputs(module, label, batches[0])
        norms = estimate_batch_norm(module, label, batches)
        heads = standardise_heads(module, label, few, batches)
    on = f"on {len(batches)} batches of {batch_size} {'real and seeded' if real else 'seeded'} inputs"
    done = ["parameters rounded to few bits"]
    if kernels:
        done.append(f"kernels of {kernels} convolutions smoothed")
    if branches:
        done.append(f"{branches} residual branches scaled down")
    if limited:
        done.append(f"{limited} layers with large outputs scaled down")
    if norms:
        done.append(f"statistics of {norms} BatchNorm layers estimated {on}")
    if heads:
        done.append(f"outputs of {', '.join(heads)} standardised per class {on}")
    return "; ".join(done)
