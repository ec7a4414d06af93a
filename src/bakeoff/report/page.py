"""What the HTML pages share: the template environment, filters, and styles and scripts that are inlined."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bakeoff.core import formats as fmt

HERE = Path(__file__).parent
DASH = "–"


def _or_dash(write: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: DASH if value is None else write(value)


def unbroken(words: str) -> Markup:
    """The words, escaped, their intervals (`[8.86–14.3]`) kept on one line: browsers would break after the dash."""
    return Markup(re.sub(rf"\[[^\][ ]+{DASH}[^\][ ]+\]", r'<span class="nowrap">\g<0></span>', str(escape(words))))


@functools.cache
def templates() -> jinja2.Environment:
    """Templates with everything escaped; an unknown name in a template is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        ms=_or_dash(fmt.format_ms), s=_or_dash(fmt.format_s), bytes=_or_dash(fmt.format_bytes),
        ratio=_or_dash(fmt.format_ratio), rate=_or_dash(fmt.format_rate), db=_or_dash(fmt.format_db),
        num=_or_dash(fmt.format_number), change=_or_dash(fmt.format_change),
        share=_or_dash(lambda value: f"{value * 100:.1f} %"), error=_or_dash(lambda value: f"{value:.1e}"),
        unbroken=unbroken,
    )  # fmt: skip
    return environment


@functools.cache
def asset(name: str) -> Markup:
    """A style or script of ours, or a vendored one, to stand in the page as it is."""
    text = (HERE / name).read_text()
    if "</script" in text or "</style" in text:
        raise ValueError(f"{name} would end the element it is inlined into")
    return Markup(text)


def script_hash(name: str) -> str:
    """The source expression that lets exactly this script run, for the page's Content-Security-Policy."""
    digest = hashlib.sha256(str(asset(name)).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def render(template: str, scripts: list[str], **values: Any) -> str:
    """A page from a template, with the listed scripts the only ones that may run in it."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {' '.join(script_hash(name) for name in scripts)}"
    )
    return templates().get_template(template).render(asset=asset, policy=policy, DASH=DASH, **values)
