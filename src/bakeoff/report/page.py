"""What the HTML pages share: the template environment, filters, and styles and scripts that are inlined."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bakeoff.report.blocks import DASH

HERE = Path(__file__).parent


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
    environment.filters.update(unbroken=unbroken, zip=zip)
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
    return templates().get_template(template).render(asset=asset, policy=policy, **values)
