"""accuracy.json: an engine's outputs against the reference; reference.json: the reference itself."""

from typing import Any, Literal

from bakeoff.artifacts.base import FileDigest, Part, Record, schema_field


class OutputFigures(Part):
    """One output of an engine against the reference's, at the batch size where it is worst; see
    `bakeoff.accuracy.metrics.OutputError`.
    """

    name: str
    relative_l2: float | None = None
    relative_to_spread: float | None = None
    """Error over what the reference varies by over inputs."""
    worst_input: float | None = None
    """Largest relative L2 error of any one input."""
    beside_zero: float | None = None
    """Largest absolute value where the reference is zero everywhere."""
    equal: float | None = None
    """Share of equal elements, of an output of integers or booleans."""


class AccuracyRecord(Record):
    """Outputs of an engine against eager fp32 (TF32 off) on the same seeded inputs."""

    schema_: Literal["bakeoff/accuracy/1"] = schema_field("bakeoff/accuracy/1")
    relative_l2: float | None = None
    """||y - r|| / ||r|| over all outputs and inputs."""
    sqnr_db: float | None = None
    """10 log10(||r||² / ||y - r||²); null where the outputs are bit-identical (infinite)."""
    identical: bool | None = None
    """Whether the outputs are bit-identical to the reference."""
    max_abs: float | None = None
    cosine: float | None = None
    top1_agreement: float | None = None
    """Share of inputs whose highest score is the same class; null where the output is no score vector."""
    top5_agreement: float | None = None
    """Mean share of the reference's five highest classes that are among the engine's five highest."""
    reference_std: float | None = None
    """Mean over output elements of the reference's standard deviation over inputs."""
    n_inputs: int | None = None
    repeat_relative_l2: float | None = None
    """The first batches are run again after all others; this is the relative L2 error of their second outputs against
    their first ones. 0 where the two are bit-identical; null where there is nothing to compare (NaN, wrong shape)."""
    outputs: list[OutputFigures] = []
    """Each output for itself; empty where there is nothing to compare (NaN, wrong shape)."""
    worst_output: str | None = None
    """The output that is nearest to its limits, or farthest beyond them; null for a model with one output."""
    tolerance: dict[str, float] = {}
    """The limits that the outputs were judged by."""
    indicative: bool | None = None
    """True for a low precision on random weights that amplify rounding, where the figures only indicate something and
    nothing but NaN, infinity and gross mismatch fails."""
    passed: bool | None = None
    """Whether no limit was missed."""
    failures: list[str] = []
    """Which limits were missed, in words."""


class OutputSpread(Part):
    """How much one output varies over the check inputs."""

    name: str
    shape: list[int]
    """Without the batch dimension."""
    dtype: str
    std: float
    """Mean over elements of the standard deviation over inputs."""
    top1_classes: int | None = None
    """Distinct highest-scoring classes over the inputs; null where the output is no score vector."""


class Work(Part):
    """The least work of one inference, whichever backend runs it, counted on the reference model.

    The roofline and each target's limit are computed from it.
    """

    flops_per_item: int | None = None
    """Floating-point operations of convolutions, matrix products and attention; a multiply-add is two. Null where an
    operator has no formula (see the notes)."""
    weight_elements: int | None = None
    """Elements of the floating-point weights, which an inference reads once whatever the batch size. Buffers are not
    counted, since compilers fold them into weights."""
    input_elements: int | None = None
    """Floating-point elements of an item's inputs."""
    output_elements: int | None = None
    """Floating-point elements of an item's outputs."""
    table_elements: int | None = None
    """Elements of the rows that an item looks up in embedding tables; a table is not read as a whole."""
    integer_bytes: int | None = None
    """Bytes of an item's integer inputs and outputs, which keep their size at any precision."""
    notes: list[str] = []
    """Why something could not be counted."""


class ReferenceRecord(Record):
    """The model as it is judged: weights, check inputs, reference outputs in eager fp32."""

    schema_: Literal["bakeoff/reference/1"] = schema_field("bakeoff/reference/1")
    description: str | None = None
    """The model and where it comes from, in one line."""
    weights: str | None = None
    """Where the weights come from, in words, with the digest of a checkpoint."""
    real_weights: bool | None = None
    """False for random weights."""
    rounding: dict[str, list[OutputFigures]] | None = None
    """Of random weights: what rounding alone does to each output in fp16 and bf16, by a simulation of eager execution.
    Where that is little, the limits for trained networks judge low precisions, too. No figures where an output is NaN
    or infinite then; null where it could not be measured, and in records made before this was stored."""
    parameters: int | None = None
    parameter_bytes: int | None = None
    work: Work | None = None
    inputs: list[dict[str, Any]] = []
    """Name, shape without batch, and dtype of each input."""
    outputs: list[OutputSpread] = []
    n_inputs: int | None = None
    statistics: str | None = None
    """How random weights were conditioned, in words."""
    files: dict[str, FileDigest] = {}
    library: dict[str, str] = {}
