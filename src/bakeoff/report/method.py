"""How the numbers of a study were made, in plain words with the study's own settings."""

from __future__ import annotations

from typing import Any

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.cell import Cell, Role, axes_of
from bakeoff.core.formats import format_ms, format_ratio
from bakeoff.report.targets import latency_words

_TEXTS = {
    "Rounds": """
        Every target is timed in {rounds} rounds. A round is a fresh process that loads the engine anew; rounds of
        different targets are interleaved in an order that is drawn anew for each, and nothing else of the study runs
        {meanwhile}. Targets that compete for an answer, or whose rounds disagree, are timed in up to {further} more.
        The latency shown is the geometric mean over rounds of each round's median, the mean latency that of each
        round's mean.""",
    "Intervals": """
        The interval beside a number is its 95 % confidence interval over rounds, so it holds what changes from process
        to process and not only from call to call. Of single speed-ups one in twenty may lie outside its interval. What
        is said of the best holds for all targets of a model and batch size at once: others are alike where they are
        surely within {margin} of it, slower where they surely are, and not told apart otherwise, with how much slower
        they may be.""",
    "Warm-up": """
        Inferences run for at least {warmup_min} and until the drift left is below 1 % (at most {warmup_max}).
        They are not part of any figure, but they are kept.""",
    "When timing stops": """
        A round ends when the confidence interval of its median is within {within} of it, at the latest after {max}. A
        target that did not get there keeps its numbers and carries a warning.""",
    "Latency and throughput": """
        Latency is one inference at a time by the host's clock, from the call until the result is there: on a GPU the
        device is synchronised, since calls return before the work is done. Inputs are already on the device, in one
        element type for all backends of a precision (float16 for fp16, bfloat16 for bf16, else float32), and outputs
        stay there. Iterations/s is 1000 over the mean latency in ms. Throughput is pipelined: it is measured apart,
        with work enqueued back to back, and counts images (single inputs), not batches: one batch of 8 is one iteration
        and 8 images. All backends go through the same loop.""",
    "Accuracy": """
        Every engine gets the same {inputs} seeded inputs, and its outputs are compared with the model in eager fp32
        with TF32 off. SQNR in dB says how far the error lies below the signal: 20 dB more is a tenth of the error. A
        target that misses its tolerance keeps its timing but is not ranked. Inputs are run a second time, and what a
        timed process answered last is compared, too: an engine that then answers otherwise carries a warning.""",
    "Random weights": """
        A model without given weights gets seeded random ones, conditioned so that outputs vary over inputs and classes
        and rounding is not amplified. Speed hardly depends on the values. Where conditioning fails, figures of low
        precisions are marked indicative, and only NaN, infinity or a gross mismatch fails.""",
    "Precision": """
        fp32 means TF32 off everywhere. The finished engine is asked which types its convolutions and matrix products
        really use; one that does not hold the precision asked for is marked and not ranked. Where the engine does not
        tell, that is said to be unknown.""",
    "Layer times": """
        Layers are profiled in runs of their own, never while timing: a profiler slows inference down. Shares are of
        the sum of the layers' medians. Backends fuse layers, so their lists differ in length and names.""",
    "Cold start and memory": """
        Exports and engines are made in processes of their own, imports not counted, and compilers that cache start
        from empty caches; a warm build is a second one in the same process, with the caches of the first. Each round
        is a fresh process in which the import of the backend's library, the load from the engine file to a session
        that can run, and the first inference are timed one after the other: medians over rounds, with the files
        usually still in the operating system's memory. Host memory is the peak resident set of that process, the
        largest over rounds; memory on the device is what the process took of it by the driver's
        figures, the CUDA context and the weights included.""",
}


_GPU_TEXTS = {
    "Four clocks on a GPU": """
        A call returns as soon as the work is handed to the GPU, long before it is done, so four figures must not be
        mixed. Latency: the host's clock from the call until the GPU has finished. Device time: the GPU's own events
        around inferences that are handed over while it is still busy, so that it never waits for the host; a latency
        far above it says that the host holds the GPU up, which a CUDA graph may cure. Throughput: inferences handed
        over back to back, with one wait at the end. Dispatch: until the call returns, which says what the host spends
        on a call and nothing about the GPU's speed.{forgotten}""",
    "Copies": """
        Inputs are on the GPU before timing starts, for every backend. Copying them there and the outputs back is timed
        apart, from pinned host memory, which the GPU reads directly, and from pageable memory, which is what arrays
        usually lie in.""",
    "State of the GPU": """
        Clocks, temperature, power, reasons for slowing down and other processes are read through NVML right before and
        right after the timed region, never inside it. A GPU that was slowed down or shared puts a warning on the row.
        Energy is from the GPU's counter and is shown only for rounds long enough for it.""",
}


def method_of(collected: Collected) -> list[tuple[str, str]]:
    """A name and a paragraph for each step; those about GPUs where a target was timed on one."""

    def setting(section: str, key: str, unit: str = "", factor: float = 1) -> str:
        value: Any = (collected.settings.get(section) or {}).get(key)
        return f"{value * factor:g}{unit}" if isinstance(value, int | float) else "the configured limit"

    values = {
        "rounds": setting("timing", "rounds"),
        "within": setting("timing", "ci_rel", " %", 100),
        "max": setting("timing", "max_s", " s"),
        "further": setting("timing", "rounds_max", ""),
        "margin": f"{100 * float(collected.settings.get('margin', 0.03)):g} %",
        "warmup_min": setting("warmup", "min_s", " s"),
        "warmup_max": setting("warmup", "max_s", " s"),
        "inputs": setting("accuracy", "n_inputs"),
        "meanwhile": "meanwhile",
    }
    devices = {timed.device for target in collected.targets for timed in target.rounds if timed.device}
    if len(devices) > 1:
        values["meanwhile"] = f"on its GPU meanwhile; {len(devices)} GPUs measure at once, a target each"
    texts = dict(_TEXTS)
    dispatched = [target for target in collected.targets if target.row.latency_ms and target.row.dispatch_ms]
    if dispatched:
        values["forgotten"] = _forgotten(dispatched)
        texts |= _GPU_TEXTS
    return [(name, " ".join(text.split()).format(**values)) for name, text in texts.items()]


def _forgotten(timed: list[TargetResult]) -> str:
    """What a loop that does not wait would have reported, by the target of this study that it would flatter most."""
    ratio, target = max(
        (((t.row.latency_ms or 0) / (t.row.dispatch_ms or 1), t) for t in timed), key=lambda pair: pair[0]
    )
    row = target.row
    cell = Cell.of(row)

    def said(role: Role, separator: str) -> str:
        return separator.join(axis.words.format(getattr(cell, axis.name)) for axis in axes_of(role))

    return (
        " It is what a loop measures that forgets to synchronise, as many tutorials do: here "
        f"{said('question', ' at ')} on {said('contender', ' ')} takes {latency_words(target)}, but its call "
        f"returns after {format_ms(row.dispatch_ms or 0)}, so such a loop would call it {format_ratio(ratio)} as fast "
        "as it is."
    )
