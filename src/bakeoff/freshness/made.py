"""Notes in the ledger what was made of a whole study."""

from __future__ import annotations

from bakeoff.freshness.ledger import Entry, Ledger, stamp
from bakeoff.freshness.working_folder import working_folder_token


def note_made(ledger: Ledger, name: str, files: list[str], repair: str | None) -> None:
    """Note in the ledger that something was made of the whole study, with the files that belong to it.

    Args:
        ledger: The study's ledger.
        name: As the ledger has it: a record, the plots, or what stands in for the page of all studies.
        files: What it consists of; not what other studies write, too.
        repair: The word that the job was given as its parameter `repair`.
    """
    made = {file: stamp(file) for file in files}
    ledger.write(name, Entry(repair=repair, made_in=working_folder_token(), files=made))
