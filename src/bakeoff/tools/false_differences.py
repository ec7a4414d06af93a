"""Count how often equal targets of a study were told apart: every such difference is false.

Targets are equal where they have the same model, batch size, precision, kind of backend and options under different
labels, as in studies/aa.yaml. Of each group it says how many pairs are told apart one by one, whose intervals should
let 5 % be, and how many targets an answer would call slower than the best, which should happen in one group of twenty.

    python -m bakeoff false-differences results/aa
"""

from __future__ import annotations

import click

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record
from bakeoff.collect.false_differences import FalseDifferences, false_differences
from bakeoff.core.errors import BakeoffError
from bakeoff.core.formats import format_number
from bakeoff.tools._results import need_results


@click.command()
@click.argument("results")
def command(results: str) -> None:
    """Print a paragraph for each group of equal targets."""
    groups = false_differences(read_record(need_results(results) / "collected.json", Collected))
    if not groups:
        raise BakeoffError(
            f"{results} holds no two timed targets that are equal; give the results of a study with one engine under "
            "several labels, as studies/aa.yaml is"
        )
    for group in groups:
        click.echo(in_words(group))


def in_words(group: FalseDifferences) -> str:
    """What is told of one group."""
    first, many = group.targets[0], len(group.targets)
    share = format_number(100 * group.pairs_apart / group.pairs, 2)
    lines = [
        f"{first.model}, {first.precision}, batch {first.batch_size}: {many} equal targets "
        f"({first.backend} and others), {format_number(group.rounds / many)} rounds each",
        f"  pairs told apart: {group.pairs_apart} of {group.pairs} ({share} %; their intervals let 5 % be)",
        f"  called slower than the best: {len(group.called_slower)}"
        + "".join(f", {cell.backend}" for cell in group.called_slower),
        f"  the slowest over the fastest: {format_number(group.farthest, 4)}; latencies are known to "
        f"± {format_number(100 * group.half_width, 2)} % (median); rounds disagree in {group.disagree}",
    ]
    return "\n".join(lines)
