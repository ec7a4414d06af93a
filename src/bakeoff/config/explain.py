"""Turns pydantic's validation errors into messages that name the key, the value and the remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bakeoff.backends import KINDS, options_of
from bakeoff.config.study import Study
from bakeoff.core.quoting import short
from bakeoff.core.suggest import nearest
from bakeoff.models.sources import SOURCES, source_class


def explain(error: ValidationError, data: Mapping[Any, Any]) -> list[str]:
    """One line a mistake: `path: what is wrong, got value; what is allowed`."""
    return list(dict.fromkeys(_line(detail, data) for detail in error.errors(include_url=False)))


def _line(detail: ErrorDetails, data: Mapping[Any, Any]) -> str:
    loc = list(detail["loc"])
    tag = None
    if len(loc) > 2 and loc[0] in ("models", "backends") and isinstance(loc[2], str):
        # a discriminated union puts the chosen kind or source behind the label
        chosen = KINDS if loc[0] == "backends" else SOURCES
        if loc[2] in chosen:
            tag = loc.pop(2)
    if loc and loc[-1] == "[key]":
        loc.pop()
    path = ".".join(_part(part) for part in loc) or "the study"
    is_key = detail["loc"][-1] == "[key]"
    got = detail["input"]
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key{nearest(loc[-1], _known_keys(loc[:-1], tag))}"
        case "missing":
            return f"{path}: is missing; it must be given"
        case "union_tag_invalid":
            key, expected = _tag_of(loc)
            return f"{path}: unknown {key} {short(context.get('tag'))}{nearest(context.get('tag'), expected)}"
        case "union_tag_not_found":
            key, expected = _tag_of(loc)
            return f"{path}: '{key}' is missing; one of {', '.join(expected)}"
        case "literal_error":
            allowed = [part.strip(" '") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
            return f"{path}: {short(got)} is not one of {', '.join(allowed)}{_close(got, allowed)}"
        case "string_pattern_mismatch" if "A-Za-z0-9._-" in str(context.get("pattern")):
            use = "names an input" if "inputs" in loc else "becomes a folder name"
            return (
                f"{path}: {short(got)} {use}: only letters, digits, '.', '_' and '-' are allowed, "
                "and it must not start with a dot"
            )
        case "string_type" | "invalid_key" if is_key or detail["type"] == "invalid_key":
            return f"{path}: a key must be text, got {short(got)}; put it in quotes"
        case "string_pattern_mismatch" if loc and loc[-1] == "device":
            return f"{path}: {short(got)} is no device; one of auto, cpu, cuda, cuda:1"
        case "finite_number":
            return f"{path}: {'NaN' if math.isnan(got) else got} is no number to use; give a finite one"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{path}: must be a mapping of keys and values, got {short(got)}"
        case "too_short" if got in ([], {}):
            return f"{path}: is empty; give at least {context.get('min_length')}"
        case "value_error":
            error = context["error"]
            return f"{'.'.join([path, *map(_part, getattr(error, 'path', ()))])}: {error}"
        case _:
            message = detail["msg"][0].lower() + detail["msg"][1:]
            return f"{path}: {message}, got {short(got)}"


def _close(got: Any, allowed: list[str]) -> str:
    hint = nearest(got, allowed)
    return hint if "did you mean" in hint else ""


def _known_keys(loc: list[Any], tag: Any) -> list[str]:
    """Keys that the section at this path may have."""
    section: Any = Study
    if loc and loc[0] in ("models", "backends") and tag:
        section = options_of(tag) if loc[0] == "backends" else source_class(tag).Config
        loc = loc[2:]
    for part in loc:
        section = _section_of(section, part)
        if section is None:
            return []
    return list(section.model_fields)


def _section_of(section: Any, key: Any) -> Any:
    field = section.model_fields.get(key) if isinstance(key, str) else None
    if field is None:
        # a label or an index inside a mapping or list of sections
        return section
    return _first_section(field.annotation)


def _first_section(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _first_section(argument)
        if found is not None:
            return found
    return None


def _tag_of(loc: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
    """The key that says which schema a section has, and its values."""
    return ("kind", KINDS) if loc[0] == "backends" else ("source", SOURCES)


def _part(part: Any) -> str:
    """A key as the path of a message shows it."""
    text = part if isinstance(part, str) and part.isprintable() else short(part)
    return text if len(text) <= 80 else text[:77] + "..."
