"""The sections of a study's configuration that say how to measure."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from bakeoff.core.section import PositiveFloat, Section


def _min_before_max(section: Any) -> Any:
    if section.min_s > section.max_s:
        raise ValueError(f"min_s ({section.min_s:g}) must not be greater than max_s ({section.max_s:g})")
    return section


class Warmup(Section):
    """Inferences before timing: until the running median stops drifting."""

    min_s: PositiveFloat = 0.3
    """Warm up for at least this many seconds."""
    max_s: PositiveFloat = 10.0
    """Stop warming up after this many seconds, steady or not (a target that is not steady gets a warning)."""

    _in_order = model_validator(mode="after")(_min_before_max)


class Timing(Section):
    """How long a target is timed, and how often."""

    rounds: Annotated[int, Field(ge=1, le=100)] = 3
    """Fresh processes that each load the engine and time it, interleaved over all targets."""
    ci_rel: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Stop a round when the 95 % confidence interval of the median is within this fraction of it."""
    min_s: PositiveFloat = 0.5
    """Time for at least this many seconds a round."""
    max_s: PositiveFloat = 3.0
    """Stop a round after this many seconds, converged or not (a target that is not gets a warning)."""
    min_samples: Annotated[int, Field(ge=5, le=1_000_000)] = 10
    """Never fewer samples than this a round, even past max_s."""
    throughput_s: PositiveFloat = 0.5
    """Seconds of back-to-back inferences for the throughput figure of a round."""

    _in_order = model_validator(mode="after")(_min_before_max)
