"""The warning codes with their texts: for each code a headline and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bakeoff.accuracy.doubts import APART_DB


@dataclass(frozen=True)
class Explanation:
    """A warning in words."""

    headline: str
    what_to_do: str


WARNINGS: dict[str, Explanation] = {
    "precision-not-held": Explanation(
        "the engine does not compute in the precision asked for",
        "Compare it with the precision that its build record lists under layer_dtypes, or choose a backend that has "
        "this precision on this device.",
    ),
    "not-repeatable": Explanation(
        "run again on the same inputs, the engine gave other outputs",
        "Something in it depends on chance, as a race between kernels does: try another version of the library or "
        "another batch size, and do not ship it before the same input gives the same output.",
    ),
    "less-accurate": Explanation(
        f"the outputs agree at least {APART_DB:g} dB less with the reference than those of other backends at this "
        "precision",
        "Other backends show what the precision costs this model, so look for what else is wrong: try another version "
        "of the library, another batch size, or the layers one by one. It is not ranked.",
    ),
    "not-steady": Explanation(
        "latency was still drifting when warm-up reached its limit",
        "Raise warmup.max_s, or let the machine cool and calm down.",
    ),
    "not-converged": Explanation(
        "timing reached timing.max_s before the interval of the median was as narrow as timing.ci_rel",
        "Raise timing.max_s, or run on a calmer machine; the interval shown is the one that was reached.",
    ),
    "drifting": Explanation(
        "latency went on changing while it was timed",
        "Raise warmup.min_s; lock the clocks, or let the machine cool and calm down.",
    ),
    "few-samples": Explanation(
        "the median rests on few inferences",
        "Raise timing.max_s or timing.min_samples.",
    ),
    "bimodal": Explanation(
        "latency switches between two speeds, so the median may be either",
        "Look at the raw samples; fix clocks and thread placement, and stop other work on the machine.",
    ),
    "noisy-machine": Explanation(
        "other processes or the hypervisor took CPU time during timing, also when the round was measured again",
        "Stop other work on the machine and run again. timing.json has every attempt under `disturbed`, and "
        "timing.retries says how many there are.",
    ),
    "throttled": Explanation(
        "the GPU was slowed down by its power or temperature limit",
        "Improve cooling, or lower and lock its clocks so that every target meets the same speed.",
    ),
    "shared-gpu": Explanation(
        "other processes computed on the GPU during timing",
        "Stop them, or choose another GPU with `device: cuda:<index>`.",
    ),
    "waits-for-host": Explanation(
        "the GPU waited for the host: this is how fast its CPU enqueues work, which anything else on the host slows",
        "Use a label with `cuda_graph: true`, or a larger batch. With several GPUs, `snakemake --resources gpu=1` "
        "measures one target at a time.",
    ),
    "clock-resolution": Explanation(
        "an inference is so short that the call and the clock are a noticeable part of it",
        "Use a larger batch; read throughput instead of latency.",
    ),
    "rounds-disagree": Explanation(
        "fresh processes gave different latencies",
        "Raise timing.rounds; look for other load, changing clocks or memory placement.",
    ),
    "unpaired": Explanation(
        "measured in another session than the other targets of its model, so its rounds are not paired with theirs",
        "What changes from one session to another is in its intervals, by assumption (docs/timing.md). To compare it "
        "closely, measure all anew: `snakemake --cores 1 report --forcerun time`.",
    ),
    "one-round": Explanation(
        "a single round: its interval does not contain the variation between processes",
        "Set timing.rounds to 2 or more before calling a difference one.",
    ),
}


def in_order(codes: Iterable[str]) -> list[str]:
    """Each code once, in the order of `WARNINGS`; codes that it does not know come last, by name."""
    found = set(codes)
    return [code for code in WARNINGS if code in found] + sorted(found - WARNINGS.keys())
