"""Makes one model of a library by importing the file that defines it, not the whole library.

Importing torchvision or timm takes longer than importing torch: their top packages import every model and, through
torchvision.ops, torch's compiler. A job that only runs one eager model needs the one file that defines that model,
and a study has many such jobs.

Python runs a package's `__init__.py` before a module inside it. To keep it from doing so, placeholders stand in
`sys.modules` for the packages above the file: they have the package's search path and nothing else. The file then
imports by itself, with the modules that it names. Where that does not suffice (a file that takes something from a
package above it), the placeholders go again and the whole library is imported as usual. The model is the same either
way: the weights loaded into it must match by name and shape.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

Builder = dict[str, str]
"""The function that makes a model: its `module` and the name of the `function` in it, as model.json keeps them."""


def builder_of(function: Callable[..., Any]) -> Builder:
    """A library's function as the module and name by which `call_builder` finds it again."""
    return {"module": function.__module__, "function": function.__name__}


def call_builder(builder: Builder, packages: Iterable[str], arguments: dict[str, Any]) -> Any | None:
    """What the builder returns, called in its own file alone.

    Args:
        builder: the function to call.
        packages: the packages that placeholders stand for, each after the package that it lies in.
        arguments: keyword arguments of the function.

    Returns None where the whole library is imported already, or where the file cannot be used without it; the reason
    of the latter is printed to the log.
    """
    packages = list(packages)
    imported = [sys.modules[package] for package in packages if package in sys.modules]
    if any(not isinstance(module, _Placeholder) for module in imported):
        return None
    try:
        for package in packages:
            if package not in sys.modules:
                sys.modules[package] = _placeholder(package)
        function = getattr(importlib.import_module(builder["module"]), builder["function"])
        return function(**arguments)
    except Exception as error:
        print(f"{builder['module']} needs its whole library ({type(error).__name__}: {error})", file=sys.stderr)
        forget_placeholders()
        return None


def forget_placeholders() -> None:
    """Take placeholders, and what was imported below them, out of `sys.modules`.

    The next import of such a library imports the whole of it. Models made before stay usable.
    """
    libraries = {_top(name) for name, module in sys.modules.items() if isinstance(module, _Placeholder)}
    if libraries:
        for name in [name for name in sys.modules if _top(name) in libraries]:
            del sys.modules[name]


class _Placeholder(types.ModuleType):
    """Stands for a package whose __init__.py was not run."""


def _top(name: str) -> str:
    return name.partition(".")[0]


def _placeholder(package: str) -> types.ModuleType:
    """A module with the package's name and search path. Raises ImportError where it is not installed."""
    top, _, rest = package.partition(".")
    spec = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{top} is not installed")
    folder = "/".join([next(iter(spec.submodule_search_locations)), *filter(None, rest.split("."))])
    module = _Placeholder(package)
    module.__path__ = [folder]
    module.__spec__ = importlib.machinery.ModuleSpec(package, None, is_package=True)
    module.__spec__.submodule_search_locations = [folder]
    if not rest:
        module.__version__ = importlib.metadata.version(package)  # type: ignore[attr-defined]
    return module
