"""Reading a study: a mistake ends in one message that names the key, the value and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bakeoff.backends import KINDS
from bakeoff.config.explain import explain
from bakeoff.config.study import Study, cell_of_figure, parse_reference
from bakeoff.core.errors import ConfigError, DataError
from bakeoff.core.paths import RESERVED_BACKEND_LABELS, RESERVED_MODEL_LABELS, RESERVED_STUDY_NAMES
from bakeoff.core.precision import PRECISIONS
from bakeoff.core.quoting import short
from bakeoff.core.suggest import nearest
from bakeoff.models.data.listing import files_of, images_in
from bakeoff.models.sources import source_of

MAX_NODES = 100_000
"""A config with more values than this (anchors that multiply) is refused."""

MAX_BYTES = 10_000_000
"""A config file larger than this is not read."""

MAX_ROUNDS = 100_000
"""Timing rounds of all targets together: planning as many takes Snakemake minutes, timing them days."""


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key may stand only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"line {line}: the key '{key}' stands twice; remove one of them")
            if isinstance(key, str | int | float | bool):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> Any:
    """A YAML file's content. Raises ConfigError, naming file and line, where it is no YAML or repeats a key."""
    path = Path(path)
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: is larger than {MAX_BYTES // 10**6} MB; a study is a small file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such config file; paths are relative to {Path.cwd()}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; give the path of a config file in it") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML ({getattr(error, 'problem', None) or error})") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML ({error})") from None
    return data


def load_study(path: str | Path) -> Study:
    """Read and check a config file. Raises ConfigError."""
    return parse_study(read_yaml(path), source=str(path))


def parse_study(data: Any, source: str = "the config") -> Study:
    """Check a config given as plain data. Raises ConfigError with every mistake found, one a line."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{source}: a study is a mapping with at least 'models' and 'backends', got {short(data)}")
    _refuse_explosion(data, source)
    try:
        study = Study.model_validate(dict(data))
    except ValidationError as error:
        raise _config_error(source, explain(error, data)) from None
    mistakes = list(_mistakes(study))
    if mistakes:
        raise _config_error(source, mistakes)
    return study


def _config_error(source: str, mistakes: list[str]) -> ConfigError:
    shown = mistakes[:10]
    if len(mistakes) > len(shown):
        shown.append(f"... and {len(mistakes) - len(shown)} more")
    return ConfigError("\n".join([f"{source} is not a valid study:", *(f"  {m}" for m in shown)]))


def _refuse_explosion(data: Any, source: str) -> None:
    budget = MAX_NODES
    stack = [(data, 0)]
    while stack:
        value, depth = stack.pop()
        budget -= 1
        if budget < 0 or depth > 50:
            raise ConfigError(
                f"{source}: more than {MAX_NODES} values or 50 levels once its anchors are expanded; "
                "a study is a small file, write it without multiplying anchors"
            )
        if isinstance(value, Mapping):
            stack += [(v, depth + 1) for v in value.values()]
        elif isinstance(value, list | tuple):
            stack += [(v, depth + 1) for v in value]


def _mistakes(study: Study) -> Iterable[str]:
    """What the schema alone cannot know: references between keys, and files that must be there."""
    if study.study in RESERVED_STUDY_NAMES:
        yield f"study: '{study.study}' is a file of the reports folder; choose another name"
    for label, model in study.models.items():
        if label in RESERVED_MODEL_LABELS:
            yield f"models.{label}: this label is a file of the results folder; choose another one"
        yield from source_of(label, model).mistakes()
    for label, options in study.backends.items():
        kind = options.kind
        if label in RESERVED_BACKEND_LABELS:
            yield f"backends.{label}: this label is a folder of the results; choose another one"
        if label in KINDS and kind != label:
            yield f"backends.{label}: a label that is the name of a kind must be of that kind, not '{kind}'"
        yield from _twice(f"backends.{label}.precisions", "precision", options.precisions or [])
        yield from _models_named(f"backends.{label}.models", options.models or [], study)
    yield from _too_many_rounds(study)
    yield from _twice("precisions", "precision", study.precisions)
    yield from _no_images(study.calibration.images)
    yield from _no_data(study)
    yield from _not_measured(study)
    folded: dict[str, str] = {}
    for section in ("models", "backends"):
        folded.clear()
        for label in getattr(study, section):
            other = folded.setdefault(label.lower(), label)
            if other != label:
                yield f"{section}.{label}: differs from '{other}' in case only; some file systems cannot hold both"
    references = [("baseline", study.baseline)]
    references += [(f"report.speedup_against.{i}", c) for i, c in enumerate(study.report.speedup_against or [])]
    for path, text in references:
        label, precision = parse_reference(text)
        if label not in study.backends:
            yield f"{path}: {short(text)} names no backend of this study{nearest(label, study.backends)}"
        elif precision not in PRECISIONS:
            yield f"{path}: {short(precision)} is no precision{nearest(precision, PRECISIONS)}"
        elif precision not in study.precisions_of(label):
            asked = study.precisions_of(label)
            yield (
                f"{path}: backend '{label}' is not asked for {precision} here (it has {', '.join(asked)}); "
                f"write '{label}/{asked[0]}'"
            )
        elif path == "baseline" and study.backends[label].models:
            yield f"{path}: backend '{label}' is not compared on all models (backends.{label}.models); name one that is"


def _twice(path: str, what: str, listed: Sequence[str]) -> Iterable[str]:
    if len(set(listed)) != len(listed):
        yield f"{path}: a {what} stands twice in {listed}"


def _models_named(path: str, named: list[str], study: Study) -> Iterable[str]:
    yield from _twice(path, "model", named)
    for i, model in enumerate(named):
        if model not in study.models:
            yield f"{path}.{i}: {short(model)} names no model of this study{nearest(model, study.models)}"


def _no_images(folder: str | None) -> Iterable[str]:
    if folder is None:
        return
    try:
        images_in(folder, "calibration")
    except DataError as error:
        yield str(error)


def _not_measured(study: Study) -> Iterable[str]:
    """Published figures that no target of the study measures."""
    for i, figure in enumerate(study.published.figures if study.published else []):
        where = f"published.figures.{i}"
        cell = cell_of_figure(study, figure)
        if cell.model is None or cell.batch_size is None:
            missing = "model" if cell.model is None else "batch_size"
            yield f"{where}: the study has several; give {missing}"
        elif figure.backend not in study.backends:
            yield f"{where}.backend: {short(figure.backend)} names no backend{nearest(figure.backend, study.backends)}"
        elif cell.model not in study.models_of(figure.backend):
            yield f"{where}.model: {short(cell.model)} is not measured on backend '{figure.backend}'"
        elif figure.precision not in study.precisions_of(figure.backend):
            yield f"{where}.precision: backend '{figure.backend}' is not asked for {figure.precision}"
        elif cell.batch_size not in study.batch.sizes:
            yield f"{where}.batch_size: {cell.batch_size} is none of batch.sizes"


def _no_data(study: Study) -> Iterable[str]:
    for key, data in {key: data for data, key in map(study.data_of, study.models) if data is not None}.items():
        try:
            files_of(data, key)
        except DataError as error:
            yield str(error)


def _too_many_rounds(study: Study) -> Iterable[str]:
    cells = sum(len(study.models_of(label)) * len(study.precisions_of(label)) for label in study.backends)
    rounds = cells * len(study.batch.sizes) * study.timing.first_rounds
    if rounds > MAX_ROUNDS:
        yield (
            f"models, backends, precisions, batch.sizes and timing.rounds: together they make {rounds:,} rounds; "
            f"at most {MAX_ROUNDS:,} are allowed: split the study"
        )
