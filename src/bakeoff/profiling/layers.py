"""From the durations of each layer over the profiled runs to the layers of profile.json."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.artifacts.profile import Layer, LayerTime
from bakeoff.core.quantiles import tail_percentile

P90_TAIL = 1
"""Runs that must lie beyond the 90th percentile, which so needs ten runs: of fewer it would be about their maximum."""


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
        p90=tail_percentile(ms, 90, P90_TAIL),
    )
