"""accuracy.json: an engine's outputs against the reference; reference.json: the reference itself."""

from typing import Annotated, Any, Literal

from pydantic import Field

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


class Guess(Part):
    """One class that a model names, and how probable it holds it."""

    class_number: int
    probability: float


class PairedTruth(Part):
    """An engine's top-1 answers against the reference's, on the same labelled inputs."""

    lost: int
    """Inputs that the reference gets right and the engine wrong."""
    won: int
    """The other way round."""
    drop: float
    """(lost - won) over the number of labelled inputs: how much top-1 accuracy the engine loses."""
    drop_ci_low: float
    """95 % interval of a difference of matched proportions, by Tango's score test (Statistics in Medicine 17, 1998)."""
    drop_ci_high: float
    p_value: float
    """Of McNemar's exact test (two-sided, mid-p) that the two are equally often right."""


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
    top1_accuracy: float | None = None
    """Share of labelled inputs whose highest score is their class; null, like the next five, without labels."""
    top1_accuracy_ci_low: float | None = None
    """95 % interval of Wilson."""
    top1_accuracy_ci_high: float | None = None
    top5_accuracy: float | None = None
    """Share whose class is among the five highest scores; null for fewer than ten classes."""
    n_labelled: int | None = None
    against_reference: PairedTruth | None = None
    """Input by input, what the engine gets wrong and the reference right, and the other way round."""
    predictions: list[list[Guess]] = []
    """The five most probable classes for each of the reference's `pictures`."""
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


class Truth(Part):
    """Scores against the labels of the inputs that have one."""

    n_labelled: int
    top1_accuracy: float
    """Share of labelled inputs whose highest score is their class."""
    top1_accuracy_ci_low: float
    """95 % interval of Wilson."""
    top1_accuracy_ci_high: float
    top5_accuracy: float | None = None
    """Share whose class is among the five highest scores; null for fewer than ten classes."""


class SamplePicture(Part):
    """One of the inputs that judge, for a reader to look at."""

    name: str
    """Its file within the folder, or what else it is called."""
    picture: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")] | None = None
    """PNG, base64, as the model sees it; null for inputs that are no images."""
    label: int | None = None
    """The number of its class; null where it has no label."""
    guesses: list[Guess] = []
    """The five most probable classes by the reference, the most probable first."""


class ReferenceRecord(Record):
    """The model as it is judged: weights, check inputs, reference outputs in eager fp32."""

    schema_: Literal["bakeoff/reference/1"] = schema_field("bakeoff/reference/1")
    description: str | None = None
    """The model and where it comes from, in one line."""
    weights: str | None = None
    """Where the weights come from, in words. Of a checkpoint with its digest and what was done to make it fit: the key
    that its weights lie under, a prefix taken off their names, entries ignored, types converted."""
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
    data: str | None = None
    """Where the inputs come from, in words."""
    preprocessing: str | None = None
    """How images became inputs, in words; null for others."""
    scores: str | None = None
    """The output that holds scores of classes; null for seeded inputs, and for models without one."""
    labels: list[int | None] = []
    """The class number of each real input; null where it has none."""
    labels_found: str | None = None
    """How labels were matched with classes, in words."""
    classes: list[str] = []
    """Names of the classes, where they are known."""
    truth: Truth | None = None
    """The reference against the labels; null where there are none."""
    pictures: list[SamplePicture] = []
    """The first inputs, where they are real."""
    statistics: str | None = None
    """How random weights were conditioned, in words."""
    notes: list[str] = []
    """What is worth knowing about the model's code: what it sets for its process, that it changes its inputs."""
    files: dict[str, FileDigest] = {}
    library: dict[str, str] = {}
