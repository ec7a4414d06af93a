"""Reading and writing artifacts: written to a temporary name and renamed, so none is ever half there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from bakeoff.artifacts.base import FileDigest, Record
from bakeoff.errors import BakeoffError

R = TypeVar("R", bound=Record)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a text file so that it is either whole or not there."""
    write_bytes(path, text.encode())


def write_record(path: str | Path, record: Record) -> None:
    """Write an artifact."""
    write_text(path, record.model_dump_json(by_alias=True, indent=1) + "\n")


def read_record(path: str | Path, kind: type[R]) -> R:
    """Read an artifact. Raises BakeoffError, naming the file and the remedy, where it is damaged."""
    try:
        return kind.model_validate_json(Path(path).read_bytes())
    except FileNotFoundError:
        raise BakeoffError(f"{path} is missing; run the study again to make it") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BakeoffError(
            f"{path} is damaged ({where}: {first['msg']}); delete it and run the study again to make it anew"
        ) from None


def digest(path: str | Path) -> FileDigest:
    """Size and SHA-256 of a file."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(bytes=os.stat(path).st_size, sha256=sha256)


def digests(folder: str | Path, names: list[str]) -> dict[str, FileDigest]:
    """Digests of the named files of a folder, in the order given."""
    return {name: digest(Path(folder) / name) for name in names}


def check_digests(folder: str | Path, files: dict[str, FileDigest]) -> None:
    """Raise BakeoffError where a file is not as the job that made it left it."""
    for name, expected in files.items():
        path = Path(folder) / name
        if not path.exists():
            raise BakeoffError(f"{path} is missing; delete the record beside it and run again to make it anew")
        if digest(path) != expected:
            raise BakeoffError(
                f"{path} is not as it was when it was made (its hash differs); "
                "delete the record beside it and run again to make it anew"
            )
