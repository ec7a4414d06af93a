"""Options that every backend kind understands; each kind adds its own in its file."""

from typing import Annotated

from pydantic import Field

from bakeoff.config.base import Section
from bakeoff.precision import Precision


class BackendOptions(Section):
    """One entry of `backends` in the config."""

    kind: str
    """The backend kind; may be left out where the label is one."""
    precisions: Annotated[list[Precision], Field(min_length=1)] | None = None
    """Precisions of this backend; the study's `precisions` when left out."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; the study's `threads` when left out."""
