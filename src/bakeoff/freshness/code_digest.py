"""What a stage's results depend on besides its inputs: Bakeoff's own code for that stage.

It follows from imports: the modules that a stage begins with, all modules of Bakeoff that those import (also inside
functions), and so on. bakeoff.freshness.what_counts says where each stage begins, and what is left out, each with its
reason.
"""

from __future__ import annotations

import functools
import hashlib
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
            bakeoff.freshness.what_counts.REGISTRIES: `bakeoff.models.sources.timm`, for example. Of such a package all
            modules count where none is named.

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
    """Bakeoff's modules, those of its backends from elsewhere included, as this process found them."""
    return Tree(PACKAGE, {backends.__name__: tuple(backends.__path__)})


def forget() -> None:
    """Look at the files anew from now on."""
    tree.cache_clear()
    code_digest.cache_clear()


def members_of_kind(kind: str) -> tuple[str, ...]:
    """The modules of bakeoff.backends that hold a kind: the one of its name, and the one that its class says.

    None where neither is there (a class that another distribution defines); then all backends count.
    """
    names = [f"{backends.__name__}.{kind}"]
    if kind in backends.KINDS:
        names.append(".".join(backends.kind_class(kind).__module__.split(".")[:3]))
    return tuple(name for name in names if name.startswith(f"{backends.__name__}.") and tree().find(name))


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
    without = {registry.package for registry in REGISTRIES if stage in registry.without}
    registries = {registry.package for registry in REGISTRIES}
    for member in members:
        if _package(member) not in registries or tree.find(member) is None:
            raise ValueError(f"{member} is no module of {', '.join(sorted(registries))}")
    entries = [*ENTRIES[stage], *(besides.module for besides in BESIDES if stage in besides.stages)]
    left_out = excluded(stage, exclusions)
    files: dict[str, str] = {}
    seen: set[str] = set()
    to_see = [module for entry in entries for module in _modules_of(tree, entry)]
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
        if module in registries - without:
            to_see += [name for name in members if _package(name) == module] or tree.members(module)
        if _package(module) in registries and found.folders:
            within = tree.files_in(module)
            files |= within
            to_see += [_module(name) for name in within if name.endswith(".py")]
    if stage in DATA:
        files |= {name: file for name, file in tree.files_in(DATA[stage]).items() if not name.endswith(".py")}
    return files


def _modules_of(tree: Tree, entry: str) -> list[str]:
    package = entry.removesuffix(".*")
    return [entry] if entry == package else [package, *tree.members(package)]


def _package(module: str) -> str:
    """The package that a module lies in; empty for the outermost."""
    return module.rpartition(".")[0]


def _module(file_name: str) -> str:
    """The name of the module in a file of this name."""
    return file_name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
