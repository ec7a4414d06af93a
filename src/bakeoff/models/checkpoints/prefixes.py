"""What the keys of a state dict begin with that was saved from inside another module: `module.`, `net.`, ..."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection


def prefixes(keys: Collection[str]) -> list[str]:
    """Beginnings, each up to a dot, that more than half of the keys have, the shortest first: '', 'a.', 'a.b.'.

    More than half and not all, so that a message can name the one odd key among many. The last part of a key names a
    parameter of a module and belongs to no prefix.
    """
    found = [""]
    inner = [key.split(".") for key in keys]
    for depth in range(max(map(len, inner), default=0)):
        inner = [parts for parts in inner if len(parts) > depth + 1]
        part, count = Counter(parts[depth] for parts in inner).most_common(1)[0] if inner else ("", 0)
        if 2 * count <= len(keys):
            break
        inner = [parts for parts in inner if parts[depth] == part]
        found.append(f"{found[-1]}{part}.")
    return found
