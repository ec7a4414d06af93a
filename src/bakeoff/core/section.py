"""What every section of the configuration shares: unknown keys, coercions, NaN and infinity are refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LABEL = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
"""A label becomes a folder name, so this is what a label may be: letters, digits, '.', '_', '-', no dot first."""

Name = Annotated[str, Field(pattern=f"^{LABEL}$", max_length=80)]
"""A label."""

PositiveFloat = Annotated[float, Field(gt=0, le=1e9)]
"""A number above 0 that is not absurdly large."""


class Section(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
