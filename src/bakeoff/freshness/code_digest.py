"""What a stage's results depend on besides its inputs: Bakeoff's own code for that stage.

It follows from imports: the modules that a stage begins with, all modules of Bakeoff that those import (also inside
functions), and so on. bakeoff.freshness.what_counts says where each stage begins, and what is left out, each with its
reason.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Collection, Sequence
from pathlib import Path

from bakeoff import backends
from bakeoff.artifacts.stages import RECORDS
from bakeoff.freshness.imports import Tree
from bakeoff.freshness.what_counts import BESIDES, DATA, ENTRIES, EXCLUSIONS, REGISTRIES, Exclusion, excluded

PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_digest(stage: str, kind: str | None = None, members: tuple[str, ...] = ()) -> str:
    """A short digest of the code behind a stage, which is the same wherever the checkout lies.

    Args:
        stage: A stage of bakeoff.freshness.what_counts.ENTRIES.
        kind: The backend kind that the stage uses, whose code counts, wherever it lies: beside Bakeoff's own backends
            or in a folder that BAKEOFF_BACKENDS names.
        members: Names of further modules that the stage imports by name, of a package in
            bakeoff.freshness.what_counts.REGISTRIES: `bakeoff.models.sources.timm`, for example (`member_of` tells the
            one of a class). Of such a package all modules count where none is named.

    Raises:
        ValueError: A member is no module of such a package.
    """
    return digest_of(tree(), stage, (*(members_of_kind(kind) if kind else ()), *members))


def digest_of(tree: Tree, stage: str, members: Collection[str] = ()) -> str:
    """The same for the modules of a tree, of which `members` may be backends, too. Raises ValueError as it does."""
    lines = [f"{name} {tree.digest(file)}" for name, file in sorted(code_files(tree, stage, members).items())]
    if stage in RECORDS:
        lines.append(RECORDS[stage].model_fields["schema_"].default)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@functools.cache
def tree() -> Tree:
    """Bakeoff's modules as this process found them; those of registries may lie in folders elsewhere, too."""
    registries = [importlib.import_module(registry.package) for registry in REGISTRIES]
    return Tree(PACKAGE, {registry.__name__: tuple(registry.__path__) for registry in registries})


def forget() -> None:
    """Look at the files anew from now on."""
    tree.cache_clear()
    code_digest.cache_clear()


def members_of_kind(kind: str) -> tuple[str, ...]:
    """The modules of bakeoff.backends that hold a kind: the one of its name, and the one that defines its class.

    None where neither is there (a class that another distribution defines); then all backends count.
    """
    of_its_name = f"{backends.__name__}.{kind}"
    found = member_of(backends.kind_class(kind)) if kind in backends.KINDS else ()
    return tuple(dict.fromkeys([*([of_its_name] if tree().find(of_its_name) else []), *found]))


def member_of(thing: type) -> tuple[str, ...]:
    """The module of a registry that a class is defined in, or its folder's; none where it is defined elsewhere."""
    for registry in REGISTRIES:
        begin = f"{registry.package}."
        if thing.__module__.startswith(begin):
            return (begin + thing.__module__.removeprefix(begin).partition(".")[0],)
    return ()


def code_files(
    tree: Tree, stage: str, members: Collection[str] = (), exclusions: Sequence[Exclusion] = EXCLUSIONS
) -> dict[str, str]:
    """The files that count for a stage: the path of each by its name, which is the same in all checkouts.

    Args:
        tree: Bakeoff's modules.
        stage: A stage of bakeoff.freshness.what_counts.ENTRIES.
        members: As for `code_digest`.
        exclusions: What is left out.

    Raises:
        ValueError: A member is no module of a registry.
    """
    registries = {registry.package for registry in REGISTRIES}
    for member in members:
        if _package(member) not in registries or tree.find(member) is None:
            raise ValueError(f"{member} is no module of {', '.join(sorted(registries))}")
    of_any = {registry.package for registry in REGISTRIES if stage not in registry.without}
    of_any -= {_package(member) for member in members}
    left_out = excluded(stage, exclusions)
    files: dict[str, str] = {}
    seen: set[str] = set()
    entries = [*ENTRIES[stage], *(besides.module for besides in BESIDES if stage in besides.stages)]
    to_see = [module for entry in entries for module in _modules_of(tree, entry)]

    def count_whole(member: str) -> None:
        folder = tree.files_in(member)
        files.update(folder)
        to_see.extend([member, *(_module(name) for name in folder if name.endswith(".py"))])

    for member in members:
        count_whole(member)
    while to_see:
        module = to_see.pop()
        if module in seen or left_out(module):
            continue
        seen.add(module)
        found = tree.find(module)
        if found is None:
            continue
        if found.file:
            files[tree.file_name(module)] = found.file
        to_see += [*tree.imports(module), _package(module)]
        if module in of_any:
            for member in tree.members(module):
                count_whole(member)
        if _package(module) in registries:  # another member, of which something is imported: its data may be read
            files |= _data_in(tree, module)
    return files | (_data_in(tree, DATA[stage]) if stage in DATA else {})


def _data_in(tree: Tree, package: str) -> dict[str, str]:
    return {name: file for name, file in tree.files_in(package).items() if not name.endswith(".py")}


def _modules_of(tree: Tree, entry: str) -> list[str]:
    package = entry.removesuffix(".*")
    return [entry] if entry == package else [package, *tree.members(package)]


def _package(module: str) -> str:
    """The package that a module lies in; empty for the outermost."""
    return module.rpartition(".")[0]


def _module(file_name: str) -> str:
    """The name of the module in a file of this name."""
    return file_name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
