"""Device memory by the driver's figures, from a stand-in for the driver."""

from types import SimpleNamespace

import pytest

from bakeoff.artifacts.timing import Telemetry
from bakeoff.measure.memory import DeviceMemory

MIB = 2**20


class Driver:
    """In use before, and at the end; what it says of this process alone."""

    def __init__(self, used, own=None):
        self.used, self.own = iter(used), own

    def read(self):
        used = next(self.used)
        return None if used is None else SimpleNamespace(memory_used_bytes=used)

    def own_memory_bytes(self):
        return self.own


def taken(used, own=None, during=(), allocator=None):
    memory = DeviceMemory("cuda:0", Driver(used, own))
    return memory.taken_bytes([Telemetry(gpu={"memory_used_bytes": value}) for value in during], allocator)


def test_it_is_what_more_is_in_use_than_before():
    assert taken([500 * MIB, 900 * MIB]) == 400 * MIB


def test_the_most_at_any_reading_counts():
    assert taken([500 * MIB, 900 * MIB], during=[950 * MIB, 700 * MIB]) == 450 * MIB


def test_the_process_s_own_figure_counts_where_the_driver_tells_it():
    """It is known even where another process gave back a gibibyte meanwhile."""
    assert taken([2000 * MIB, 1000 * MIB], own=600 * MIB) == 600 * MIB


def test_less_than_the_allocator_took_is_no_figure():
    assert taken([2000 * MIB, 2100 * MIB], allocator=300 * MIB) is None
    assert taken([2000 * MIB, 2100 * MIB], allocator=50 * MIB) == 100 * MIB
    assert taken([2000 * MIB, 1000 * MIB]) is None


@pytest.mark.parametrize("used", [[None, None], [500, None], [None, 500]])
def test_a_driver_that_does_not_say(used):
    assert taken(used) is None


def test_on_a_cpu_there_is_none():
    assert DeviceMemory("cpu").taken_bytes([], None) is None
