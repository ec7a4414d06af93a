"""What every section of the configuration shares: unknown keys, coercions, NaN and infinity are refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=80)]
"""A label that becomes a folder name: letters, digits, '.', '_', '-', not starting with a dot."""


class Section(BaseModel):
    """One section of the configuration."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
