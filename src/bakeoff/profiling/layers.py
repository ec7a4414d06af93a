"""From the durations of each layer over the profiled runs to the layers of profile.json."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.artifacts.profile import Layer, LayerTime

MIN_RUNS_FOR_P90 = 10
"""Below this, the 90th percentile of the runs would be their maximum."""


@dataclass
class LayerSamples:
    """One layer, and its duration in every profiled run."""

    name: str
    type: str
    """Operator type, in the backend's words."""
    ms: Sequence[float]
    """Milliseconds, one entry a run."""
    input_shapes: list[list[int]] = field(default_factory=list)
    output_shapes: list[list[int]] = field(default_factory=list)
    dtype: str | None = None
    fused: list[str] = field(default_factory=list)
    kernel: str | None = None


@dataclass
class LayerTimes:
    """Layer times of a number of runs."""

    layers: list[Layer]
    runs: int
    notes: list[str] = field(default_factory=list)
    latency_ms: float | None = None
    """Median of the whole inference with the profiler on, in milliseconds; None where it was not taken."""


def summarise(samples: Sequence[LayerSamples]) -> list[Layer]:
    """The layers, in the order given, with their times summarised and each one's share of the whole.

    A share is a layer's median over the sum of all medians; where every median is 0 (durations below the
    profiler's resolution) shares are taken from the means instead, and are 0 where those are 0 too.

    Raises ValueError where a layer has no durations.
    """
    times = [_time(layer.ms) for layer in samples]
    weights = [time.median for time in times]
    if not any(weights):
        weights = [time.mean for time in times]
    total = sum(weights)
    return [
        Layer(
            name=layer.name,
            type=layer.type,
            input_shapes=layer.input_shapes,
            output_shapes=layer.output_shapes,
            dtype=layer.dtype,
            fused=layer.fused,
            kernel=layer.kernel,
            time_ms=time,
            share=weight / total if total else 0.0,
        )
        for layer, time, weight in zip(samples, times, weights, strict=True)
    ]


def _time(ms: Sequence[float]) -> LayerTime:
    if not len(ms):
        raise ValueError("a layer without durations has no summary")
    return LayerTime(
        median=statistics.median(ms),
        mean=statistics.fmean(ms),
        min=min(ms),
        max=max(ms),
        p90=percentile(ms, 0.9) if len(ms) >= MIN_RUNS_FOR_P90 else None,
    )


def percentile(values: Sequence[float], p: float) -> float:
    """Quantile `p` (0 to 1) by linear interpolation between order statistics.

    Definition 7 of Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), as numpy's default.
    """
    ordered = sorted(values)
    position = (len(ordered) - 1) * p
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
