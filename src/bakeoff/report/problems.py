"""What did not run or may not be ranked, and why: one entry a reason, with the targets it concerns."""

from __future__ import annotations

from dataclasses import dataclass, field

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.report.targets import in_rank_order


@dataclass
class Problem:
    """One reason and the targets it concerns."""

    status: str
    """`failed`, `blocked`, `unsupported`, or `unranked` (it ran, but its speed is not compared)."""
    reason: str
    error_type: str | None
    logs: list[str] = field(default_factory=list)
    targets: list[TargetResult] = field(default_factory=list)


HEADLINES = {
    "failed": ("Failed", "These started and ended badly. The next run tries exactly these again."),
    "blocked": ("Blocked", "Something these need (an export or an engine) failed before, so they were never timed."),
    "unsupported": ("Cannot run here", "Known before anything started; not a failure."),
    "unranked": (
        "Timed, but not ranked",
        "Their numbers are shown, but they win nothing and are in no speed-up chart.",
    ),
}


def problems_of(collected: Collected) -> list[Problem]:
    """All problems: failed first, then blocked, unsupported and unranked; within these by number of targets."""
    found: dict[tuple[str, str, str | None], Problem] = {}
    for target in in_rank_order(collected, collected.targets):
        row = target.row
        if row.status == "ok" and target.ranked:
            continue
        cause = _cause(target)
        if row.status == "ok":
            status, reason = "unranked", target.unranked_reason or "no reason was recorded"
            error_type, log = None, None
        else:
            status, reason = row.status, row.reason or (cause.reason if cause else None) or "no reason was recorded"
            error_type, log = (cause.error_type, cause.log) if cause else (None, None)
        problem = found.setdefault((status, reason, error_type), Problem(status, reason, error_type))
        problem.targets.append(target)
        if log and log not in problem.logs:
            problem.logs.append(log)
    order = list(HEADLINES)
    return sorted(found.values(), key=lambda p: (order.index(p.status), -len(p.targets), p.reason))


def _cause(target: TargetResult) -> Record | None:
    """The first record of a target that is not ok, in the order in which its jobs ran."""
    records: list[Record | None] = [target.build, *target.rounds, target.accuracy, target.profile]
    return next(
        (record for record in records if record is not None and not record.ok and record.status != "blocked"), None
    )
