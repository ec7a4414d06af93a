"""Whether a processor has dot products of 8-bit integers.

Without them int8 runs all the same, by widening multiplications: little faster than fp32, and on x86 with 16-bit
sums that may saturate unless weights keep to 7 bits.
"""

from __future__ import annotations

import platform

_X86 = frozenset({"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8"})
_ARM = frozenset({"asimddp", "i8mm"})

NOTE = "this processor has no int8 dot-product instructions (VNNI): int8 runs, but little or no faster than fp32"


def has_int8_instructions(flags: frozenset[str]) -> bool:
    """Whether the flags, as the kernel names them, hold an 8-bit dot product (VNNI, AMX, Arm dot product)."""
    return bool(flags & (_X86 | _ARM))


def is_arm() -> bool:
    """Whether this is an Arm processor, whose kernels prefer signed activations."""
    return platform.machine().lower() in ("aarch64", "arm64")
