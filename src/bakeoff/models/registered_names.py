"""The names under which a library registers its models, read from its files: nothing of the library is imported.

torchvision and timm decorate the functions that make their models with `@register_model`, and timm lists old names in
calls of `register_model_deprecations`. To read that takes a second or two, and less where a name is known; to import
the libraries would take planning much longer.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_DECORATOR = "register_model"
_DEPRECATIONS = "register_model_deprecations"


class Names(NamedTuple):
    """Names of models that a library, or one of its files, knows."""

    current: frozenset[str]
    deprecated: frozenset[str]
    """Old names, which the library takes, too."""

    def __contains__(self, name: object) -> bool:
        """Whether it is one of them."""
        return name in self.current or name in self.deprecated


class Unclear(Exception):
    """The files of a library do not say which models it knows."""


@functools.cache
def registered_names(library: str) -> RegisteredNames:
    """The names of an installed library's models. Its files are looked for once, and read when names are asked for."""
    try:
        spec = importlib.util.find_spec(library)  # of a top package: this imports nothing
    except (ImportError, ValueError):
        spec = None
    folders = (spec and spec.submodule_search_locations) or ()
    return RegisteredNames([file for folder in folders for file in sorted(Path(folder, "models").rglob("*.py"))])


class RegisteredNames:
    """What the files of a library register. Each is parsed once, when it is needed."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._parsed: dict[Path, Names] = {}

    def all(self) -> Names:
        """All names.

        Raises Unclear where there are none (the library is not installed, or registers its models in another way) or
        where some cannot be told: a file cannot be read or parsed, or a name in it is computed.
        """
        found = [self._of(file) for file in self._files]
        current = frozenset(name for names in found for name in names.current)
        if not current:
            raise Unclear("no file registers a model")
        return Names(current, frozenset(name for names in found for name in names.deprecated) - current)

    def __contains__(self, name: str) -> bool:
        """Whether a file registers the name. Raises Unclear as `all` does.

        For a name that is there, few files are parsed: first those that have it where a registration has it.
        """
        if any(name in names for names in self._parsed.values()):
            return True
        written = [text.encode() for text in (f"def {name}(", f"'{name}'", f'"{name}"')]
        for file in self._files:
            text = self._text(file)
            if any(form in text for form in written) and name in self._of(file):
                return True
        return name in self.all()

    def _of(self, file: Path) -> Names:
        if file not in self._parsed:
            self._parsed[file] = _names_in(self._text(file), file)
        return self._parsed[file]

    def _text(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise Unclear(f"{file} cannot be read ({error})") from error


def _names_in(text: bytes, file: Path) -> Names:
    """The names that one file registers. Raises Unclear."""
    if _DECORATOR.encode() not in text:
        return Names(frozenset(), frozenset())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the library's own code
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unclear(f"{file} cannot be parsed ({error})") from error
    current: set[str] = set()
    deprecated: set[str] = set()
    calls: set[ast.Call] = set()
    decorators: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            mine = [decorator for decorator in node.decorator_list if _called(decorator) == _DECORATOR]
            current.update(_registered_as(decorator, node.name) for decorator in mine)
            decorators.update(mine)
        elif isinstance(node, ast.Call) and _called(node) == _DECORATOR:
            calls.add(node)
        elif isinstance(node, ast.Call) and _called(node) == _DEPRECATIONS:
            deprecated.update(_keys_of_dict(node))
    if calls - decorators:
        raise Unclear(f"{file} registers models by calls")
    return Names(frozenset(current), frozenset(deprecated))


def _called(node: ast.expr) -> str:
    """The last name of what is called, or stands there as a decorator: `register_model` of `api.register_model()`."""
    match node.func if isinstance(node, ast.Call) else node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _registered_as(decorator: ast.expr, function: str) -> str:
    """The name that is given to the decorator, else that of the function."""
    given = [*decorator.args, *(k.value for k in decorator.keywords)] if isinstance(decorator, ast.Call) else []
    match given:
        case []:
            return function
        case [ast.Constant(value=str(name))]:
            return name
    raise Unclear(f"line {decorator.lineno}: the name of a model is computed")


def _keys_of_dict(call: ast.Call) -> Iterator[str]:
    """Keys of the dict that is the call's last argument."""
    listed = [*call.args, *(keyword.value for keyword in call.keywords)][-1:]
    match listed:
        case [ast.Dict(keys=keys)]:
            for key in keys:
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                    raise Unclear(f"line {call.lineno}: a deprecated name is computed")
                yield key.value
        case _:
            raise Unclear(f"line {call.lineno}: deprecated names are computed")
