"""Fixtures that all tests share, and how tests are shared out between the two processes of `make test`."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

with suppress(ImportError):  # a machine with a GPU may have what tests/gpu needs and no more
    from hypothesis import settings

    # No time is asserted anywhere: on a busy machine the first example can take longer than Hypothesis would allow.
    settings.register_profile("bakeoff", deadline=None)
    settings.load_profile("bakeoff")

ROOT = Path(__file__).parent.parent

# Tests run in two processes on two cores. With two threads each, PyTorch's threads wait for each other in loops and
# tests of models take half as long again. It is read when torch is imported; jobs of studies set their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = (
    "tests/workflow/test_study.py",
    "tests/unit/backends/",
    "tests/workflow/test_failures.py",
    "tests/unit/exports/",
    "tests/workflow/test_gpu_sharing.py",
    "tests/browser/",
    "tests/unit/report/",
    "tests/unit/jobs/test_device_lock.py",
    "tests/unit/models/",
    "tests/workflow/",
)
"""Files and folders that take longest, in the order in which they begin, so that both processes end together.

A folder that is named here stays whole in one process, because its files share what is dear to make (exports, reports).
Other files go one by one to whichever process is free.
"""
LAST = "tests/gpu/"
"""Measures on a GPU, where there is one: when little else is left to run beside it."""
APART = ("tests/workflow/",)
"""Folders named above whose files share nothing: they may go to different processes."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def quick_onnx_export() -> Iterator[None]:
    """Lets the ONNX exporter read its table of operators once, not for each model: that takes most of a small export.

    The method is private to PyTorch; where a version lacks it, exports are only slower.
    """
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        read_table = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(read_table)))
        yield


def place_of(nodeid: str) -> int:
    """Where a test's file comes in the order of beginning."""
    if nodeid.startswith(LAST):
        return len(LONGEST_FIRST) + 1
    return next((i for i, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST))


def unit_of(nodeid: str) -> str:
    """What stays in one process with a test: its file, or a folder that stays whole."""
    file = nodeid.partition("::")[0]
    whole = (start for start in (*LONGEST_FIRST, LAST) if start.endswith("/") and start not in APART)
    return next((folder for folder in whole if file.startswith(folder)), file)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first where several processes share the tests; the order within a file stays."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: place_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests are shared out by files (`--dist loadfile`): longest first, and some folders whole."""
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return LongestFirst(config, log)
