"""Runs a user's file: imports it and calls its factory. What goes wrong in it is told by file and line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.core.suggest import nearest
from bakeoff.models.process_state import restored

if TYPE_CHECKING:
    import torch


def call_factory(path: Path, function: str, args: dict[str, Any], key: str, notes: list[str]) -> torch.nn.Module:
    """Import the file, call its factory with `args`, return the module.

    `key` is the path of the config key that names the factory, for messages: `models.<label>.factory`. What the code
    does that is worth knowing goes into `notes`.
    Raises ModelError, naming file and line, where the file does not import, has no such factory, or the factory
    fails or returns anything but a torch.nn.Module.
    """
    with restored(notes):
        return _called(path, function, args, key, notes)


def _called(path: Path, function: str, args: dict[str, Any], key: str, notes: list[str]) -> torch.nn.Module:
    import torch

    module = _import(path, key)
    factory = getattr(module, function, None)
    if factory is None:
        own = [
            name
            for name, thing in vars(module).items()
            if callable(thing) and getattr(thing, "__module__", None) == module.__name__
        ]
        raise ModelError(f"{key}: {path} has no function or class '{function}'{nearest(function, own)}")
    if not callable(factory):
        raise ModelError(f"{key}: {function} in {path} is a {type(factory).__name__}, no function or class")
    made = _guarded(lambda: factory(**args), path, key, f"{function}({_arguments(args)})")
    if not isinstance(made, torch.nn.Module):
        raise ModelError(
            f"{key}: {function} in {path} returned {type(made).__name__}, not a torch.nn.Module; "
            "return the module itself"
        )
    if isinstance(made, torch.jit.ScriptModule):
        raise ModelError(
            f"{key}: {function} in {path} returned a scripted module, which holds no Python code; "
            "return the module before scripting, or save it with torch.jit.save and use source: torchscript"
        )
    if isinstance(made, torch._dynamo.eval_frame.OptimizedModule):
        notes.append("its factory returns a torch.compile'd module: what is measured is the module inside")
        made = made._orig_mod
    return made


def _import(path: Path, where: str) -> ModuleType:
    if not path.is_file():
        raise ModelError(f"{where}: there is no file '{path}'; paths are relative to {Path.cwd()}")
    name = f"bakeoff_user_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ModelError(f"{where}: {path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses, pickling and torch.jit.script look a class's module up by name
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        # at the end: a neighbour of the model's file must not hide an installed library
        sys.path.append(folder)
    loader = spec.loader
    _guarded(lambda: loader.exec_module(module), path, where, "its import")
    return module


def _guarded(action: Callable[[], Any], path: Path, where: str, what: str) -> Any:
    try:
        return action()
    except SyntaxError as error:
        file = error.filename or str(path)
        raise ModelError(
            f"{where}: {_shown(file, path)}, line {error.lineno}: {error.msg}; mend the file's syntax"
        ) from error
    except (Exception, SystemExit) as error:
        place = _place(error, path)
        if isinstance(error, SystemExit):
            reason = f"called exit({error.code!r}); a model's file must not end the process"
        elif isinstance(error, ModuleNotFoundError):
            reason = f"{cause(error)}; install it into this environment, or put the module beside {path}"
        elif isinstance(error, TypeError) and place == str(path):
            reason = f"{cause(error)}; check {where.removesuffix('factory')}args"
        else:
            reason = f"{cause(error)}; mend the file, or try it alone: python {path}"
        raise ModelError(f"{where}: {place}: {what} failed: {reason}") from error


def _place(error: BaseException, path: Path) -> str:
    """`path, line n` of the last frame inside the user's file, or the path alone."""
    own = str(path.resolve())
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f"{path}, line {lines[-1]}" if lines else str(path)


def _shown(file: str, path: Path) -> str:
    return str(path) if file == str(path.resolve()) else file


def _arguments(args: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in args.items())
