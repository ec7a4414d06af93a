"""What a study ran on, as named facts for readers."""

from __future__ import annotations

from typing import Any

from bakeoff.artifacts.collected import Collected
from bakeoff.core.formats import format_bytes

Facts = list[tuple[str, str]]


def headline_facts(collected: Collected) -> Facts:
    """What stands under the title: machine, date, how many targets of which kind."""
    environment = collected.environment
    counts = dict.fromkeys(("ok", "failed", "blocked", "unsupported"), 0)
    for target in collected.targets:
        counts[target.row.status] += 1
    words = [f"{counts['ok']} timed"]
    words += [
        f"{counts[status]} {text}"
        for status, text in (("failed", "failed"), ("blocked", "blocked"), ("unsupported", "cannot run here"))
        if counts[status]
    ]
    number = len(collected.targets)
    return [
        ("Machine", environment.fingerprint or environment.device or "unknown"),
        ("Measured", measured_when(collected)),
        ("Targets", f"{number}: {', '.join(words)}" if number else "none"),
    ]


def measured_when(collected: Collected) -> str:
    """From when to when the rounds were measured, first to last; not when they were collected."""
    begun = begun_of(collected)
    if not begun:
        return "not recorded"
    first, last = day(begun[0]), day(begun[-1])
    return first if first == last else f"{first.removesuffix(' UTC')} to {last}"


def begun_of(collected: Collected) -> list[str]:
    """When each round began, in order; none where nothing was measured or that was not stored yet."""
    return sorted(record.begun for target in collected.targets for record in target.rounds if record.begun)


def day(made: str) -> str:
    """The day and minute of an ISO 8601 time, as UTC."""
    return f"{made[:16].replace('T', ' ')} UTC"


RECORDED_BY = (
    "Python and Bakeoff with its commit are those of the job that recorded the environment: results that were there "
    "already may have been made by others."
)


def environment_facts(collected: Collected) -> list[tuple[str, Facts]]:
    """Groups of facts: machine, software, settings."""
    e = collected.environment
    of_machine = {**e.machine, **({"compiler": e.compiler} if e.compiler else {})}  # with its version, where recorded
    machine: Facts = [
        ("Device", e.device or "unknown"),
        ("Fingerprint", e.fingerprint or "unknown"),
        *(
            (name, _text(of_machine[key]))
            for key, name in _MACHINE.items()
            if of_machine.get(key) not in (None, [], "")
        ),
    ]
    for gpu in e.machine.get("gpus") or []:
        if isinstance(gpu, dict):
            machine.append(("GPU", ", ".join(f"{key} {_text(value)}" for key, value in gpu.items())))
    if e.memory_bytes:
        machine.append(("Memory", format_bytes(e.memory_bytes)))
    machine += [(key.replace("_", " ").capitalize(), _text(value)) for key, value in e.frequency.items()]
    software: Facts = [("Operating system", e.os or "unknown"), ("Python", e.python or "unknown")]
    software += [
        ("Bakeoff", " ".join(filter(None, [e.bakeoff, f"commit {e.commit}" if e.commit else None])) or "unknown")
    ]
    libraries: dict[str, str] = dict(e.library)
    for target in collected.targets:
        if target.build is not None:
            libraries = {**target.build.library, **libraries}
    software += sorted(libraries.items())
    settings: Facts = [("CPU threads", _text(e.threads) if e.threads else "as each backend chooses")]
    settings += [(name, value) for name, value in sorted(e.variables.items())]
    settings += [("Baseline", collected.baseline), ("Results collected", day(collected.made))]
    return [("Machine", machine), ("Software", software), ("Settings", settings)]


_MACHINE = {"cpu": "Processor", "cores": "Cores used", "driver": "NVIDIA driver", "compiler": "C++ compiler"}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items())
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "unknown"}[value]
    return str(value)
