"""The sections of a study's configuration that say how to measure."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from bakeoff.core.section import PositiveFloat, Section

WARMUP_MIN_S, WARMUP_MIN_S_GPU = 1.0, 2.0
"""`warmup.min_s` on a CPU and on a GPU, whose clocks take longer to settle."""


ROUNDS, ROUNDS_GPU = 3, 5
"""`timing.rounds` on a CPU and on a GPU, where what the host does differs more from process to process."""


def _min_before_max(section: Any) -> Any:
    if section.min_s is not None and section.min_s > section.max_s:
        raise ValueError(f"min_s ({section.min_s:g}) must not be greater than max_s ({section.max_s:g})")
    return section


class Warmup(Section):
    """Inferences before timing: until latency stops drifting."""

    min_s: PositiveFloat | None = None
    """Warm up for at least this many seconds; 1 on a CPU and 2 on a GPU when left out, or max_s where that is less."""
    max_s: PositiveFloat = 10.0
    """Stop warming up after this many seconds, steady or not (a target that is not steady gets a warning)."""

    _in_order = model_validator(mode="after")(_min_before_max)

    @property
    def least_s(self) -> float:
        """`min_s`, or its default on a CPU where nobody filled it in."""
        return min(WARMUP_MIN_S, self.max_s) if self.min_s is None else self.min_s

    def filled_in(self, on_gpu: bool) -> "Warmup":
        """The same with `min_s` said."""
        least_s = min(WARMUP_MIN_S_GPU if on_gpu else WARMUP_MIN_S, self.max_s)
        return self.model_copy(update={"min_s": least_s}) if self.min_s is None else self


class Timing(Section):
    """How long a target is timed, and how often."""

    rounds: Annotated[int, Field(ge=1, le=100)] | None = None
    """Fresh processes that each load the engine and time it, interleaved over all targets; 3 on a CPU and 5 on a GPU
    when left out."""
    rounds_max: Annotated[int, Field(ge=0, le=100)] = 4
    """Up to so many rounds more, one after another, for targets that compete for an answer or whose rounds disagree."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seeds the order of the targets, which is drawn anew for each round."""
    pin: bool = True
    """Hold the timed process on CPUs that were quiet just before."""
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    """Measure a round again, up to so many times, where other work took time from it; every attempt is kept."""
    ci_rel: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Stop a round when the 95 % confidence interval of the median is within this fraction of it."""
    min_s: PositiveFloat = 0.5
    """Time for at least this many seconds a round."""
    max_s: PositiveFloat = 3.0
    """Stop a round after this many seconds, converged or not (a target that is not gets a warning)."""
    min_samples: Annotated[int, Field(ge=5, le=1_000_000)] = 10
    """Never fewer samples than this a round, even past max_s."""
    throughput_s: PositiveFloat = 0.5
    """Seconds of back-to-back inferences for the throughput figure of a round, and of inferences one at a time after
    them, which tell whether latency is still what it was."""

    _in_order = model_validator(mode="after")(_min_before_max)

    @property
    def first_rounds(self) -> int:
        """`rounds`, or its default on a CPU where nobody filled it in."""
        return ROUNDS if self.rounds is None else self.rounds

    def filled_in(self, on_gpu: bool) -> "Timing":
        """The same with `rounds` said."""
        return self.model_copy(update={"rounds": ROUNDS_GPU if on_gpu else ROUNDS}) if self.rounds is None else self
