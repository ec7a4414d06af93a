"""Samples in memory that exists before it is needed, so that keeping one costs the timing loop nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Samples:
    """A growing array of float64. It doubles its memory when full, between two inferences, never inside one."""

    def __init__(self, capacity: int = 4096) -> None:
        import numpy as np

        # Written, not only reserved: the kernel gives out pages at the first write to them.
        self._values = np.full(max(1, capacity), -1.0)
        self._n = 0

    def __len__(self) -> int:
        """Number of samples."""
        return self._n

    def append(self, value: float) -> None:
        """Keep one sample."""
        if self._n == self._values.size:
            import numpy as np

            self._values = np.concatenate((self._values, np.full(self._n, -1.0)))
        self._values[self._n] = value
        self._n += 1

    def array(self) -> np.ndarray:
        """The samples so far, shape (n,): a view, valid until the next `append`."""
        return self._values[: self._n]
