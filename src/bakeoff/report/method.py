"""How the numbers of a study were made, in plain words with the study's own settings."""

from __future__ import annotations

from typing import Any

from bakeoff.artifacts.collected import Collected

_TEXTS = {
    "Rounds": """
        Every target is timed in {rounds} rounds. A round is a fresh process that loads the engine anew; rounds of
        different targets are interleaved, and nothing else of the study runs meanwhile. The time shown is the median
        over rounds of each round's median latency.""",
    "Intervals": """
        The interval beside a number is its 95 % confidence interval over rounds, so it holds what changes from process
        to process and not only from call to call. Two targets are said to differ only when the intervals show it;
        targets that cannot be told from the best are named as ties.""",
    "Warm-up": """
        Inferences run for at least {warmup_min} and until their running median stops drifting (at most {warmup_max}).
        They are not part of any figure, but they are kept.""",
    "When timing stops": """
        A round ends when the confidence interval of its median is within {within} of it, at the latest after {max}. A
        target that did not get there keeps its numbers and carries a warning.""",
    "Latency and throughput": """
        Latency is one inference at a time by the host's clock, from the call until the result is there: on a GPU the
        device is synchronised, since calls return before the work is done. Inputs are already on the device and
        outputs stay there. Throughput is measured apart, with work enqueued back to back, and counts images (single
        inputs), not batches: one batch of 8 is one iteration and 8 images. All backends go through the same loop.""",
    "Accuracy": """
        Every engine gets the same {inputs} seeded inputs, and its outputs are compared with the model in eager fp32
        with TF32 off. SQNR in dB says how far the error lies below the signal: 20 dB more is a tenth of the error. A
        target that misses its tolerance keeps its timing but is not ranked.""",
    "Random weights": """
        A model without given weights gets seeded random ones, with normalization statistics estimated so that outputs
        vary over inputs and classes. Speed hardly depends on the values, but random networks amplify rounding: figures
        of low precisions are then marked indicative, and only NaN, infinity or a gross mismatch fails.""",
    "Precision": """
        fp32 means TF32 off everywhere. The engine is asked which types its layers really use; one that does not hold
        the precision asked for is marked and not ranked.""",
    "Layer times": """
        Layers are profiled in runs of their own, never while timing: a profiler slows inference down. Shares are of
        the sum of the layers' medians. Backends fuse layers, so their lists differ in length and names.""",
    "Cold start and memory": """
        Load time is from the engine file to a session that can run (imports not counted), the first inference is shown
        apart, and memory is the peak resident set of the timing process; medians over rounds.""",
}


def method_of(collected: Collected) -> list[tuple[str, str]]:
    """A name and a paragraph for each step."""

    def setting(section: str, key: str, unit: str = "", factor: float = 1) -> str:
        value: Any = (collected.settings.get(section) or {}).get(key)
        return f"{value * factor:g}{unit}" if isinstance(value, int | float) else "the configured limit"

    values = {
        "rounds": setting("timing", "rounds"),
        "within": setting("timing", "ci_rel", " %", 100),
        "max": setting("timing", "max_s", " s"),
        "warmup_min": setting("warmup", "min_s", " s"),
        "warmup_max": setting("warmup", "max_s", " s"),
        "inputs": setting("accuracy", "n_inputs"),
    }
    return [(name, " ".join(text.split()).format(**values)) for name, text in _TEXTS.items()]
