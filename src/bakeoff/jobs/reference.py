"""Makes the reference of a model: its weights, the check inputs, and its outputs in eager fp32."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.accuracy.item_by_item import Answers, refuse_unless_item_by_item
from bakeoff.accuracy.labels import against_truth
from bakeoff.accuracy.metrics import compare
from bakeoff.accuracy.predictions import sample_pictures
from bakeoff.artifacts.accuracy import OutputFigures, OutputSpread, ReferenceRecord
from bakeoff.artifacts.base import Part
from bakeoff.artifacts.io import digests, write_text
from bakeoff.core.cell import Cell
from bakeoff.core.distributions import versions_of
from bakeoff.core.errors import DataError, ModelError, UselessReferenceError
from bakeoff.core.private_parts import MissingPrivatePart
from bakeoff.core.quoting import cause
from bakeoff.limits.work import ITEMS, count_work
from bakeoff.models.arrays import save_arrays
from bakeoff.models.batch_size import USUAL, batch_size_taken, check_batch_first, rows_of, take
from bakeoff.models.call_notes import notes_on_a_call
from bakeoff.models.conditioning import REAL, condition
from bakeoff.models.data.classes import class_numbers
from bakeoff.models.data.model_data import ModelData
from bakeoff.models.data.samples import Samples, make_samples
from bakeoff.models.forward import forward
from bakeoff.models.inputs import STATISTICS, seeded_inputs
from bakeoff.models.load import MODEL
from bakeoff.models.outputs import flatten
from bakeoff.models.rounding import rounded_outputs
from bakeoff.models.seeding import seeded
from bakeoff.models.sources import source_distributions, source_of
from bakeoff.models.sources.base import ModelSource
from bakeoff.models.spread import is_score_vector, spread, top1_classes

if TYPE_CHECKING:
    import numpy as np
    import torch

INPUTS = "inputs.npz"
OUTPUTS = "outputs.npz"
NO_SPREAD = 1e-5
"""An output whose standard deviation over inputs is below this fraction of its root mean square is called constant:
fp32 backends differ from each other by as much (relative errors of 2e-7 to 5e-5 were measured)."""


class Spec(Part):
    """One model, and where its reference goes."""

    target: Cell
    label: str
    model: dict[str, Any]
    """The model's config section as JSON."""
    data: ModelData = ModelData()
    """The real inputs that judge, if there are any."""
    batch_size: int | None = None
    """The study's batch size where it has one alone; a model may take no other."""
    threads: int
    device: str
    """`cpu` or `cuda:<index>`: where the reference outputs are computed."""
    out: str
    """The reference's folder."""


def run(spec_json: dict[str, Any]) -> ReferenceRecord:
    """Write inputs.npz, outputs.npz, model.json and the model (state.pt, where its source says nothing else).

    Raises ModelError where the model cannot be made or called, UselessReferenceError where its outputs judge nothing.
    """
    import torch

    spec = Spec.model_validate(spec_json)
    torch.set_num_threads(spec.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    source = source_of(spec.label, spec.model)
    model = source.config
    out = Path(spec.out)
    out.mkdir(parents=True, exist_ok=True)
    module = source.make_model()
    real = source.has_real_weights
    spec.data.check_unchanged()
    some = seeded_inputs(model.inputs, USUAL, model.seed, STATISTICS)
    batch = batch_size_taken(module, spec.label, some, spec.batch_size)
    statistics = None if real else condition(module, spec.label, model, _inputs_beside(spec, source), batch)
    samples = make_samples(
        model.inputs, spec.data.section, spec.data.wanted(), "judge", spec.data.preprocessing(source), spec.data.key
    )
    inputs = samples.arrays
    with seeded(model.seed):
        outputs = _outputs(module.to(spec.device), spec, inputs, batch)
    spreads = _spreads(spec.label, outputs, real)
    fixed = batch != USUAL
    call = partial(_answers, module, spec, inputs)
    refuse_unless_item_by_item(module, Answers(spec.label, list(outputs), list(outputs.values()), batch, call, fixed))
    notes = [*source.notes, *notes_on_a_call(module, take(inputs, rows_of(batch, samples.n)[0]), spec.device)]
    rounding = None if real else _rounding(module, spec, inputs, outputs, batch)
    work = count_work(module, inputs, spec.device, batch if fixed else ITEMS)
    save_arrays(out / INPUTS, inputs)
    save_arrays(out / OUTPUTS, outputs)
    told = {"label": spec.label, "model": spec.model, "built_by": source.builder()}
    write_text(out / MODEL, json.dumps(told, indent=1) + "\n")
    source.save(module, out)
    weights = [*module.parameters()]
    return ReferenceRecord(
        target=spec.target,
        status="ok",
        description=source.describe(),
        weights=source.describe_weights(),
        real_weights=real,
        parameters=sum(p.numel() for p in weights),
        parameter_bytes=sum(p.numel() * p.element_size() for p in weights),
        work=work,
        inputs=[{"name": name, "shape": list(s.shape), "dtype": s.dtype} for name, s in model.inputs.items()],
        outputs=spreads,
        n_inputs=samples.n,
        data=samples.source,
        preprocessing=samples.how.words if samples.how else None,
        **_labelled(spec, source, samples, outputs),
        statistics=statistics,
        rounding=rounding,
        notes=notes,
        files=digests(out, [MODEL, source.stored_as, INPUTS, OUTPUTS]),
        library=versions_of(("torch", *source_distributions(), "numpy", "safetensors")),
    )


def _inputs_beside(spec: Spec, source: ModelSource) -> dict[str, np.ndarray] | None:
    """Real inputs other than those that judge, to condition random weights on; None where there are none."""
    data = spec.data
    if not data.is_real:
        return None
    wanted = data.wanted(calibrated=REAL)
    try:
        found = make_samples(
            source.config.inputs, data.section, wanted, "calibrate", data.preprocessing(source), data.key
        )
    except DataError as error:  # too few, so that all of them judge
        print(f"the weights of {spec.label} are conditioned on seeded inputs alone: {error}", file=sys.stderr)
        return None
    return found.arrays if found.names else None


def _outputs(module: torch.nn.Module, spec: Spec, inputs: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """Flat outputs by name, n_inputs first, made in batches of this size."""
    import numpy as np

    parts: dict[str, list[np.ndarray]] = {}
    n = len(next(iter(inputs.values())))
    for rows in rows_of(batch, n):
        output = forward(module, spec.label, take(inputs, rows), spec.device)
        check_batch_first(spec.label, output, len(rows))
        for name, tensor in flatten(output):
            parts.setdefault(name, []).append(_array(tensor))
    try:
        return {name: np.concatenate(arrays)[:n] for name, arrays in parts.items()}
    except ValueError as error:
        raise ModelError(
            f"models.{spec.label}: the shape of an output depends on the values of the inputs ({error}); "
            "no engine of fixed shapes can be made of that"
        ) from error


def _answers(
    module: torch.nn.Module, spec: Spec, inputs: dict[str, np.ndarray], rows: Sequence[int]
) -> list[np.ndarray]:
    output = forward(module, spec.label, take(inputs, list(rows)), spec.device)
    return [_array(tensor) for _, tensor in flatten(output)]


def _array(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    # numpy knows no bfloat16
    widened: np.ndarray = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return widened


def _labelled(spec: Spec, source: ModelSource, samples: Samples, outputs: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is known of the inputs' classes, and what the reference makes of them; nothing for seeded inputs.

    Raises DataError where labels match no class, or the model has no scores to compare with them.
    """
    if not samples.names:
        return {}
    classes = spec.data.classes(source)
    scores = next((name for name, array in outputs.items() if is_score_vector(array)), None)
    if scores is None:
        if any(label is not None for label in samples.labels):
            raise DataError(
                f"{spec.data.key}: the inputs have labels, but {spec.label} has no output of shape [n, classes] to "
                "compare them with; give the images without labels"
            )
        return {}
    array = outputs[scores]
    labels, how = class_numbers(samples.labels, classes, array.shape[1], spec.data.key)
    fits = classes is not None and len(classes.names) == array.shape[1]
    return {
        "scores": scores,
        "labels": labels,
        "labels_found": how,
        "classes": list(classes.names) if classes and fits else [],
        "truth": against_truth(array, labels) if any(label is not None for label in labels) else None,
        "pictures": sample_pictures(samples, labels, array),
    }


def _rounding(
    module: torch.nn.Module, spec: Spec, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray], batch: int
) -> dict[str, list[OutputFigures]] | None:
    """What rounding alone does to each output on the first check inputs, in fp16 and bf16; None where it is unknown."""
    import torch

    rows, *_ = rows_of(batch, len(next(iter(inputs.values()))))
    few = take(inputs, rows)
    expected = [array[rows] for array in outputs.values()]
    found = {}
    try:
        for precision, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
            rounded = rounded_outputs(module, spec.label, few, dtype, spec.device)
            figures = compare(rounded, expected).outputs
            found[precision] = [
                OutputFigures(name=name, **asdict(output)) for name, output in zip(outputs, figures, strict=False)
            ]
    except (MissingPrivatePart, ModelError, RuntimeError) as error:  # the reference is good all the same
        print(f"what rounding does to {spec.label} could not be measured: {cause(error)}", file=sys.stderr)
        return None
    return found


def _spreads(label: str, outputs: dict[str, np.ndarray], real_weights: bool) -> list[OutputSpread]:
    """Spread of every output. Raises UselessReferenceError where they cannot judge an engine.

    With random weights every floating output must vary; real weights may have constant outputs (anchor boxes, for
    example) beside one that varies.
    """
    import numpy as np

    found, constant = [], []
    floating = [name for name, array in outputs.items() if np.issubdtype(array.dtype, np.inexact)]
    for name, array in outputs.items():
        if name in floating and not np.isfinite(array).all():
            raise UselessReferenceError(
                f"models.{label}: output {name} of eager fp32 has {np.count_nonzero(~np.isfinite(array))} NaN or "
                f"infinite values of {array.size}; check the weights and the inputs' ranges"
            )
        std = spread([array])
        if std <= NO_SPREAD * float(np.sqrt(np.mean(np.square(np.abs(array.astype(np.float64)))))):
            constant.append(name)
        found.append(
            OutputSpread(
                name=name,
                shape=list(array.shape[1:]),
                dtype=str(array.dtype),
                std=std,
                top1_classes=top1_classes(array),
            )
        )
    if len(constant) == len(outputs) or (not real_weights and set(constant) & set(floating)):
        raise UselessReferenceError(
            f"models.{label}: output {', '.join(constant)} of eager fp32 is the same for every input, so any engine "
            "would agree with it; give the model's weights, mend its initialisation, or wrap the model so that it "
            "leaves this output out"
        )
    return found
