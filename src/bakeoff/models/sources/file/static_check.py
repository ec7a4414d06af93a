"""What can be known of a user's model file without running it: its syntax, its factory, its imports."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from bakeoff.core.suggest import nearest
from bakeoff.models.sources.file.section import FileModel

MAX_BYTES = 10_000_000
"""A larger file is no source code of a model, and is not read."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def mistakes_of_file(label: str, model: FileModel) -> Iterator[str]:
    """Mistakes that planning can tell, one line each: `path of the key: file, line: what is wrong; what to do`.

    Nothing is imported or run. Where a file does what cannot be foreseen (changes `sys.path`, fills `globals()`),
    the check leaves it to the reference job.
    """
    where, path = f"models.{label}.factory", Path(model.path)
    try:
        tree = _parse(path)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        yield f"{where}: {path}{line}: {error.msg}; mend the file's syntax"
        return
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        yield f"{where}: {path}: cannot be read as Python source ({error})"
        return
    yield from _missing_imports(tree, path, where)
    yield from _missing_factory(tree, model, where)
    yield from _wrong_arguments(tree, model, f"models.{label}.args")


def _parse(path: Path) -> ast.Module:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 10**6} MB")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes, which Python itself tells when it runs the file
        return ast.parse(path.read_bytes())


def _missing_imports(tree: ast.Module, path: Path, where: str) -> Iterator[str]:
    """Imports that run whatever happens (not those in `try`, `if` or a function) and that find nothing."""
    if any(isinstance(node, ast.Attribute) and ast.unparse(node).startswith("sys.") for node in ast.walk(tree)):
        return
    for node in tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            name = node.module or "..."
            yield (
                f"{where}: {path}, line {node.lineno}: a model's file belongs to no package, so that "
                f"'from {'.' * node.level}{node.module or ''} import' finds nothing; write 'from {name} import'"
            )
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            if not _can_import(top, path.resolve().parent):
                yield (
                    f"{where}: {path}, line {node.lineno}: there is no module '{top}'; install it into this "
                    f"environment, or put the module beside {path}"
                )


def _can_import(name: str, folder: Path) -> bool:
    """Whether a top-level module would be found, installed or beside the file."""
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        return True
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
    if any(finder.find_spec(name, None) for finder in finders):
        return True
    return PathFinder.find_spec(name, [str(folder), str(Path.cwd())]) is not None


def _missing_factory(tree: ast.Module, model: FileModel, where: str) -> Iterator[str]:
    names = set()
    for node in _run_at_import(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Import() | ast.ImportFrom():
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
                names.add(node.name)
            case ast.Name(id="globals" | "exec" | "vars" | "setattr" | "locals"):
                return
    if model.function not in names and not names & {"*", "__getattr__"}:
        own = sorted(node.name for node in tree.body if isinstance(node, _Function | ast.ClassDef))
        yield f"{where}: {model.path} has no function or class '{model.function}'{nearest(model.function, own)}"


def _run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node of the module's own scope: what functions and classes hold inside is not in it."""
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, _Function | ast.ClassDef):
            stack += node.decorator_list
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            stack += ast.iter_child_nodes(node)


def _wrong_arguments(tree: ast.Module, model: FileModel, where: str) -> Iterator[str]:
    """Arguments that the factory does not take or misses, where it is one plain function that the file defines."""
    found = [node for node in _run_at_import(tree) if _defines(node, model.function)]
    if len(found) != 1 or not isinstance(found[0], ast.FunctionDef) or found[0].decorator_list:
        return
    given = found[0].args
    names = [arg.arg for arg in [*given.args, *given.kwonlyargs]]
    if given.kwarg is None:
        for name in set(model.args) - set(names):
            yield f"{where}.{name}: {model.function} in {model.path} has no such argument{nearest(name, names)}"
    required = [arg.arg for arg in given.args[: max(0, len(given.args) - len(given.defaults))]]
    required += [a.arg for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None]
    for name in required:
        if name not in model.args:
            yield f"{where}.{name}: is missing; {model.function} in {model.path} needs it"


def _defines(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store | ast.Del)
    return getattr(node, "name", None) == name
