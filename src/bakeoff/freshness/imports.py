"""Which modules of Bakeoff a module imports, read from its source: nothing is imported for that.

Planning asks this for every stage of a study, also where nothing is left to be done, so it has to be fast. See
`imports_alone` for what makes it so.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Module(NamedTuple):
    """Where a module lies."""

    file: str | None
    """Its Python file; None for a folder without `__init__.py`, which Python can import, too."""
    folders: tuple[str, ...]
    """Where its submodules lie; empty unless it is a package."""


class Tree:
    """The modules of one package as they are on disk; each file is read once, when it is first asked for."""

    def __init__(self, package: Path, spread: Mapping[str, Sequence[str]] | None = None) -> None:
        """Look at the modules of a package.

        Args:
            package: The folder of the package; its name is the package's.
            spread: Folders of the subpackages whose modules lie in several, by the subpackage's name.
        """
        self.name = package.name
        self._above = str(package.parent)
        self._spread = spread or {}
        self._found: dict[str, Module | None] = {}
        self._imports: dict[str, tuple[str, ...]] = {}
        self._digests: dict[str, str] = {}
        self._listed: dict[str, frozenset[str]] = {}

    def find(self, module: str) -> Module | None:
        """Where a module lies; None where there is none of that name, or it is none of this package's."""
        if module not in self._found:
            self._found[module] = self._look_for(module)
        return self._found[module]

    def members(self, package: str) -> list[str]:
        """The modules that lie directly in a package, those in folders of their own included, in order."""
        found = self.find(package)
        names = {
            name.removesuffix(".py")
            for folder in (found.folders if found else ())
            for name in self._names_in(folder)
            if name.endswith(".py") or "__init__.py" in self._names_in(f"{folder}/{name}")
        }
        return sorted(f"{package}.{name}" for name in names - {"__init__"})

    def files_in(self, package: str) -> dict[str, str]:
        """Every file in the folders of a package, data files included, by a name that is the same in all checkouts.

        What Python compiled and what is hidden (an editor's files, for example) is left out.
        """
        found = self.find(package)
        files: dict[str, str] = {}
        for top in reversed(found.folders if found else ()):  # of two files of one name Python takes the first
            for folder, folders, names in os.walk(top):
                folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
                within = "" if folder == top else os.path.relpath(folder, top).replace(os.sep, "/") + "/"
                for name in names:
                    if not name.startswith(".") and not name.endswith(".pyc"):
                        files[f"{package.replace('.', '/')}/{within}{name}"] = os.path.join(folder, name)
        return files

    def file_name(self, module: str) -> str:
        """The name of a module's file as `files_in` gives it, wherever the file lies."""
        found = self.find(module)
        return module.replace(".", "/") + ("/__init__.py" if found and found.folders else ".py")

    def digest(self, file: str) -> str:
        """The SHA-256 of what is in a file."""
        if file not in self._digests:
            self._digests[file] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        return self._digests[file]

    def imports(self, module: str) -> tuple[str, ...]:
        """The modules of this package that a module imports, at its top level or in a function.

        With a module come the packages that it lies in: importing `a.b.c` also runs the `__init__.py` of `a` and of
        `a.b`. What stands below `if TYPE_CHECKING:` never runs and is left out.
        """
        if module not in self._imports:
            self._imports[module] = tuple(dict.fromkeys(self._read_imports(module)))
        return self._imports[module]

    def _look_for(self, module: str) -> Module | None:
        parent, _, name = module.rpartition(".")
        if not parent:
            folders: tuple[str, ...] = (self._above,) if name == self.name else ()
        else:
            found = self.find(parent)
            folders = found.folders if found else ()
        spaces = []
        for folder in folders:
            place = f"{folder}/{name}"
            if name in self._names_in(folder) and os.path.isdir(place):
                if "__init__.py" in self._names_in(place):
                    return Module(f"{place}/__init__.py", tuple(self._spread.get(module, (place,))))
                spaces.append(place)
            if f"{name}.py" in self._names_in(folder):
                return Module(f"{place}.py", ())
        return Module(None, tuple(spaces)) if spaces else None

    def _names_in(self, folder: str) -> frozenset[str]:
        if folder not in self._listed:
            self._listed[folder] = frozenset(os.listdir(folder) if os.path.isdir(folder) else ())
        return self._listed[folder]

    def _read_imports(self, module: str) -> Iterator[str]:
        found = self.find(module)
        if found is None or found.file is None:
            return
        package = module if found.folders else module.rpartition(".")[0]
        for name, names in self._imported(found.file, package):
            if name.partition(".")[0] != self.name:
                continue
            yield from self._with_packages(name)
            for part in self.members(name) if "*" in names else (f"{name}.{part}" for part in names):
                if self.find(part):
                    yield part

    def _imported(self, file: str, package: str) -> list[tuple[str, list[str]]]:
        source = Path(file).read_bytes()
        readings: list[str | bytes] = [source]
        if file.startswith(f"{self._above}/{self.name}/"):
            # a test holds the short cut to what `ast` finds in whole sources, and sees the files of this package alone
            readings.insert(0, imports_alone(source.decode(), self.name))
        for reading in readings:
            with suppress(SyntaxError):
                return imported(reading, package)
        return []  # a user's file with a mistake, which its own import will tell of; its content counts all the same

    def _with_packages(self, module: str) -> Iterator[str]:
        parts = module.split(".")
        return (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def imported(source: str | bytes, package: str) -> list[tuple[str, list[str]]]:
    """What a source imports: the name of each module, and the names that are taken from it.

    Args:
        source: The source.
        package: The package that it lies in, which relative imports start from.

    Raises:
        SyntaxError: The source is no Python.
    """
    found: list[tuple[str, list[str]]] = []
    for node in _statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            name = ".".join([*above, *([node.module] if node.module else [])])
            found.append((name, [alias.name for alias in node.names]))
    return found


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All statements, nested ones too, without those that only a type checker sees."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and _is_for_types(node.test):
            yield from _statements(node.orelse)
        else:
            nested = (n for n in ast.iter_child_nodes(node) if isinstance(n, _HOLD_STATEMENTS))
            yield from _statements(nested)


_HOLD_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _is_for_types(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


_FOR_TYPES = re.compile(
    r"^([ \t]*)if (?:typing\.)?TYPE_CHECKING:[ \t]*(?:#.*)?\n(?:(?:\1[ \t]+\S.*|[ \t]*)\n)+", re.MULTILINE
)
_STATEMENT = re.compile(r"^[ \t]*((?:from|import)\b[^\n(;\\]*(?:\([^()]*\))?)[ \t]*(?:#.*)?$", re.MULTILINE)
_WORD = re.compile(r"\bimport\b")
_RELATIVE = re.compile(r"\bfrom[ \t]*\.[.\w]*[ \t]+import\b")
_CONTINUED = re.compile(r"\bimport\b.*\\\n|\\\n[ \t]*import\b")


def imports_alone(source: str, package: str) -> str:
    """The statements of a source that import from a package, without the rest; the whole source where unsure.

    Reading whole files with `ast` takes about five times as long. Each line with the word `import` and the package's
    name (or a relative import) must be part of a statement that this finds. A line that is not, such as one that holds
    two statements, makes it unsure. A line within a string that looks like an import counts as one.
    """
    if "\\\n" in source and _CONTINUED.search(source):
        return source
    run = _FOR_TYPES.sub("", source) if "TYPE_CHECKING" in source else source

    def lines_that_import(text: str) -> int:
        lines = (line for line in text.splitlines() if "import" in line)
        return sum((package in line or bool(_RELATIVE.search(line))) and bool(_WORD.search(line)) for line in lines)

    found = _STATEMENT.findall(run)
    statements = "\n".join(statement for statement in found if package in statement or _RELATIVE.search(statement))
    return statements if lines_that_import(statements) == lines_that_import(run) else source
