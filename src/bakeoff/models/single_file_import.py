"""Makes a library's model without importing the whole library.

Importing torchvision or timm takes longer than importing torch: their top packages import every model and, through
torchvision.ops, torch's compiler. A job that only runs one eager model needs the one file that defines it. So the
packages above that file are put in place empty, and the file imports what it names itself. Where that does not
suffice (a file that takes something from a package above it), the whole library is imported as usual: the model is the
same either way.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types
from typing import Any

_EMPTY = {
    "torchvision": ("torchvision", "torchvision.models", "torchvision.ops"),
    "timm": ("torchvision", "torchvision.models", "torchvision.ops", "timm", "timm.models"),
}
"""Packages that are put in place without running their __init__.py, by the model's source."""


def built_by(source: str, name: str) -> dict[str, str] | None:
    """Module and name of the function that makes a library's model; None where the library does not tell."""
    if source == "torchvision":
        import torchvision

        builder = torchvision.models.get_model_builder(name)
    elif source == "timm":
        import timm

        architecture = name.partition(".")[0]
        if not timm.is_model(architecture):
            return None
        builder = timm.models.model_entrypoint(architecture)
    else:
        return None
    return {"module": builder.__module__, "function": builder.__name__}


def make_lean(source: str, builder: dict[str, str], args: dict[str, Any]) -> Any | None:
    """The module with random weights, made by its builder alone; None where the whole library is needed."""
    if source not in _EMPTY:
        return None
    there = [sys.modules[package] for package in _EMPTY[source] if package in sys.modules]
    if any(not isinstance(package, _EmptyPackage) for package in there):
        return None  # the whole library is imported already
    try:
        for package in _EMPTY[source]:
            if package not in sys.modules:
                sys.modules[package] = _empty(package)
        function = getattr(importlib.import_module(builder["module"]), builder["function"])
        return function(**args)
    except Exception as error:
        print(f"{builder['module']} needs its whole library ({type(error).__name__}: {error})", file=sys.stderr)
        forget_empty_packages()
        return None


def forget_empty_packages() -> None:
    """Let the next import of torchvision or timm import the whole library; models made before stay good."""
    if any(isinstance(module, _EmptyPackage) for module in sys.modules.values()):
        for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "timm")]:
            del sys.modules[name]


class _EmptyPackage(types.ModuleType):
    """A package whose __init__.py was not run."""


def _empty(package: str) -> types.ModuleType:
    """The package with its search path, its __init__.py not run."""
    top, _, rest = package.partition(".")
    spec = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{top} is not installed")
    folder = "/".join([next(iter(spec.submodule_search_locations)), *filter(None, rest.split("."))])
    module = _EmptyPackage(package)
    module.__path__ = [folder]
    module.__spec__ = importlib.machinery.ModuleSpec(package, None, is_package=True)
    module.__spec__.submodule_search_locations = [folder]
    if not rest:
        module.__version__ = importlib.metadata.version(package)  # type: ignore[attr-defined]
    return module
