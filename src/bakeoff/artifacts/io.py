"""Reading and writing artifacts: written to a temporary name and renamed, so none is ever half there.

Whoever finds a damaged file says so by moving the file's time of change: the next run then reads it, finds that it is
not as it was made, and makes it anew (see bakeoff.freshness.doubts).
"""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from bakeoff.artifacts.base import FileDigest, Record
from bakeoff.core.errors import BakeoffError, DamagedError

R = TypeVar("R", bound=Record)

TEMPORARY = (".", ".tmp")
"""How the name of a file begins and ends that is being written."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_FULL_BYTES = 1 << 16


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary file to write, beside `path`: it takes that name at the end of the block; an error removes it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{TEMPORARY[0]}{path.name}.", suffix=TEMPORARY[1])
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there."""
    with whole(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file so that it is either whole or not there."""
    write_bytes(path, text.encode())


def write_record(path: str | Path, record: Record) -> None:
    """Write an artifact."""
    write_text(path, record.model_dump_json(by_alias=True, indent=1) + "\n")


def read_record(path: str | Path, kind: type[R]) -> R:
    """Read an artifact. Raises BakeoffError where it is missing, DamagedError where it is damaged."""
    try:
        content = Path(path).read_bytes()
        with _garbage_uncollected():
            return kind.model_validate_json(content)
    except FileNotFoundError:
        raise BakeoffError(f"{path} is missing; run the study again to make it") from None
    except ValidationError as error:
        tell_damaged(path)
        raise DamagedError(f"{path} {_damage(error)}; run the study again to make it anew") from None


def read_foreign_record(path: str | Path, kind: type[R]) -> R:
    """Read an artifact of somebody else: another study's, another machine's, another version's. Nothing is written.

    Raises:
        BakeoffError: It cannot be read; the message says why, for a sentence that names the file before it.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BakeoffError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        with _garbage_uncollected():
            return kind.model_validate_json(content)
    except ValidationError as error:
        raise BakeoffError(_newer(content, kind) or _damage(error)) from None


def _damage(error: ValidationError) -> str:
    """That a file is damaged, by the first thing that is wrong in it."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"is damaged ({where}: {first['msg']})"


def _newer(content: bytes, kind: type[Record]) -> str | None:
    """That a file was made by a later version, which writes another version of its schema; None where it was not."""
    try:
        name, _, version = json.loads(content)["schema"].rpartition("/")
        own_name, _, own_version = kind.model_fields["schema_"].default.rpartition("/")
        newer = name == own_name and int(version) > int(own_version)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return f"was made by a newer Bakeoff (schema {name}/{version}; this one reads /{own_version})" if newer else None


@contextmanager
def _garbage_uncollected() -> Iterator[None]:
    """Leave the garbage collector off: it takes three quarters of reading thousands of results."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def digest(path: str | Path) -> FileDigest:
    """Size and SHA-256 of a file."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(bytes=os.stat(path).st_size, sha256=sha256)


def digests(folder: str | Path, names: list[str]) -> dict[str, FileDigest]:
    """Digests of the named files of a folder, in the order given."""
    return {name: digest(Path(folder) / name) for name in names}


def check_digests(folder: str | Path, files: dict[str, FileDigest]) -> None:
    """Raise DamagedError where a file is not as the job that made it left it."""
    for name, expected in files.items():
        path = Path(folder) / name
        if not path.exists():
            raise DamagedError(f"{path} is missing; run the study again to make it anew")
        if digest(path) != expected:
            tell_damaged(path)
            raise DamagedError(
                f"{path} is not as it was when it was made (its hash differs); run the study again to make it anew"
            )


def tell_damaged(path: str | Path) -> None:
    """See that the next run looks into a file, and makes it anew if it is not as it was made."""
    with suppress(OSError):
        os.utime(path)


def no_space(error: BaseException, *folders: str | Path) -> str | None:
    """What to say where a full disk is behind an error; None where it is not.

    Args:
        error: Libraries written in C++ hide the cause, so a full disk of one of the folders counts as well.
        folders: Where the failed code writes.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            where = [Path(name).parent for name in (cause.filename2, cause.filename) if isinstance(name, str)]
            return _no_space(*where, *folders, ".")
        cause = cause.__cause__ or cause.__context__
    full = [folder for folder in folders if shutil.disk_usage(folder).free < _FULL_BYTES]
    return _no_space(*full) if full else None


def _no_space(folder: str | Path, *_others: str | Path) -> str:
    return f"no space left on device: {folder}; free some and run again"
