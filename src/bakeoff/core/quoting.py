"""Somebody else's exception in one readable line."""

from __future__ import annotations

import re

MAX_CHARACTERS = 300


def cause(error: BaseException) -> str:
    """Type and first telling line of the exception: `ValueError: bad shape`."""
    line = first_line(str(error))
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def first_line(text: str) -> str:
    """First line that is not blank, without terminal colours, at most MAX_CHARACTERS long."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
