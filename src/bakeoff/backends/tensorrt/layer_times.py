"""From what TensorRT's IProfiler reports in a number of inferences to layers, with the facts of the engine inspector.

The profiler reports (name, milliseconds) once per executed layer. Names may repeat within one inference, and an
inference may report other layers than the last. The two sides are joined by name and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from bakeoff.backends.tensorrt.info import LayerInfo
from bakeoff.profiling.layers import LayerSamples

Reported = Sequence[tuple[str, float]]
"""One inference: (layer name, milliseconds) in the order of execution."""

_NAMED = 5
"""Names that a note quotes."""


def join(runs: Sequence[Reported], known: Sequence[LayerInfo]) -> tuple[list[LayerSamples], list[str]]:
    """Layers in the order in which they were first reported, and notes on what did not match.

    The second layer of a name within an inference is `name (2)`, and takes the facts of the inspector's second layer
    of that name where there is one. A layer's samples are the inferences that reported it.
    """
    ms: dict[tuple[str, int], list[float]] = {}
    for run in runs:
        seen: Counter[str] = Counter()
        for name, duration in run:
            seen[name] += 1
            ms.setdefault((name, seen[name]), []).append(duration)
    facts: dict[str, list[LayerInfo]] = defaultdict(list)
    for info in known:
        facts[info.name].append(info)

    samples = []
    for (name, occurrence), durations in ms.items():
        candidates = facts.get(name) or [LayerInfo(name=name, type="layer", dtype=None)]
        info = candidates[min(occurrence, len(candidates)) - 1]
        samples.append(
            LayerSamples(
                name=name if occurrence == 1 else f"{name} ({occurrence})",
                type=info.type,
                ms=durations,
                input_shapes=info.input_shapes,
                output_shapes=info.output_shapes,
                dtype=info.dtype,
                fused=info.fused,
            )
        )

    reported = dict.fromkeys(name for name, _ in ms)
    notes = []
    if not samples:
        notes.append("the profiler reported no layers")
    partly = [sample.name for sample in samples if len(sample.ms) < len(runs)]
    if partly:
        notes.append(f"reported in some of the {len(runs)} runs only: {_quoted(partly)}")
    unknown = [name for name in reported if name not in facts]
    if unknown and known:
        notes.append(f"timed, but not listed by the engine inspector: {_quoted(unknown)}")
    untimed = [name for name in facts if name not in reported]
    if untimed and samples:
        notes.append(f"listed by the engine inspector, but not timed: {_quoted(untimed)}")
    return samples, notes


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} layers ({', '.join(names[:_NAMED])}{more})"
