"""Notes in the ledger what was made of a whole study."""

from __future__ import annotations

from bakeoff.freshness.ledger import Entry, Ledger, stamp
from bakeoff.freshness.working_folder import working_folder_token


def note_made(ledger: Ledger, name: str, files: list[str], repair: str | None) -> None:
    """Note in the ledger that a record of the whole study was made, with the files that belong to it."""
    made = {file: stamp(file) for file in files}
    ledger.write(name, Entry(repair=repair, made_in=working_folder_token(), files=made))
