"""Write the files that are generated from the code: JSON Schemas and reference pages.

These are workflow/schemas/*.json, docs/config.md, docs/artifacts.md, and the tables between markers in README.md and
config/README.md. Paths are relative to the working directory, which has to be the top of a checkout.

    python -m bakeoff docs --check

tells which of them are not current, changes none, and ends with status 1 where there is one. `make docs` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from bakeoff.accuracy.tolerance import DEFAULT_TOLERANCE
from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.base import Record
from bakeoff.artifacts.build import BuildRecord, CalibrationRecord, ExportRecord
from bakeoff.artifacts.collected import Collected, Row
from bakeoff.artifacts.contest import ContestRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.plan import PlanRecord
from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.backends import KINDS, kind_class, make_backend
from bakeoff.backends.base import Request
from bakeoff.config.study import Study
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Gpu, Machine
from bakeoff.core.precision import MEANING, PRECISIONS
from bakeoff.models.sources import SOURCES, source_class

ARTIFACTS: dict[str, tuple[type[Record], str]] = {
    "plan": (PlanRecord, "results/<study>/plan.json"),
    "environment": (EnvironmentRecord, "results/<study>/environment.json"),
    "reference": (ReferenceRecord, "results/<study>/<model>/reference/reference.json"),
    "export": (ExportRecord, "results/<study>/<model>/exports/<format>-<precision>/export.json"),
    "calibration": (CalibrationRecord, "results/<study>/<model>/calibration/calibration.json"),
    "build": (BuildRecord, "results/<study>/<model>/<backend>/<precision>/build.json"),
    "accuracy": (AccuracyRecord, "results/<study>/<model>/<backend>/<precision>/accuracy.json"),
    "timing": (TimingRecord, "results/<study>/<model>/<backend>/<precision>/b<batch>/round<k>/timing.json"),
    "profile": (ProfileRecord, "results/<study>/<model>/<backend>/<precision>/b<batch>/profile.json"),
    "contest": (ContestRecord, "results/<study>/.contest/round<k>.json"),
    "collected": (Collected, "results/<study>/collected.json"),
}

_MADE = "<!-- Made by `make docs` from the schemas in src/bakeoff; do not edit. -->\n"


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a config file, for editors: `kind` may be left out where the label is a kind."""
    schema = Study.model_json_schema()
    backends = schema["properties"]["backends"]
    entry = backends.get("additionalProperties") or next(iter(backends["patternProperties"].values()))
    by_kind = entry["discriminator"]["mapping"]
    for reference in by_kind.values():
        definition = schema["$defs"][reference.rpartition("/")[2]]
        definition["properties"]["kind"].pop("default", None)
    backends.pop("patternProperties", None)
    backends["propertyNames"] = {"pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", "maxLength": 80}
    backends["properties"] = {
        kind: {"anyOf": [{"$ref": reference}, {"type": "null"}]} for kind, reference in by_kind.items()
    }
    backends["additionalProperties"] = {
        "required": ["kind"],
        "oneOf": [{"$ref": reference} for reference in by_kind.values()],
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Bakeoff study", **schema}


def generated() -> dict[str, str]:
    """Content of every generated file, by path."""
    files = {"workflow/schemas/config.schema.json": _json(config_schema())}
    for name, (record, _) in ARTIFACTS.items():
        files[f"workflow/schemas/{name}.schema.json"] = _json(record.model_json_schema(by_alias=True))
    files["docs/config.md"] = _config_page()
    files["docs/artifacts.md"] = _artifacts_page()
    files["README.md"] = _between("README.md", "backends", backend_table())
    files["config/README.md"] = _between("config/README.md", "keys", _top_level_table())
    return files


def full_machines() -> dict[str, tuple[str, Machine]]:
    """Two made-up machines that lack nothing, each with the device to use: a CPU alone, and a GPU."""
    flags = frozenset({"avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_fp16", "amx_int8"})
    gpu = Gpu(0, "an NVIDIA GPU", 80 * 2**30, (9, 0), "")
    optional = frozenset({"torch_tensorrt", "torch2trt", "tensorrt", "tensorrt_rtx"})
    return {
        "CPU": ("cpu", Machine("a processor", flags, 8, (), None, "g++", optional)),
        "NVIDIA GPU": ("cuda:0", Machine("a processor", flags, 8, (gpu,), "580", "g++", optional)),
    }


def backend_table() -> Iterator[str]:
    """Which backend kind takes which precision on which device, as the backends themselves say.

    Asked of a processor with every instruction set and of a GPU of compute capability 9.0, every optional package
    installed; on a lesser machine the plan leaves out more, each cell with its reason.
    """
    machines = full_machines()
    yield "| kind | what it is | on a CPU | on an NVIDIA GPU |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        backend = make_backend({"kind": kind})
        cells = []
        for device, machine in machines.values():
            built: list[str] = []
            runs: list[str] = []
            for precision in PRECISIONS:
                request = Request(precision, device, "file", machine)
                if backend.cannot_build(request) is None:
                    (runs if backend.cannot_run(request) is None else built).append(precision)
            words = ", ".join(runs) or ("builds " + ", ".join(built) + "; does not run" if built else "–")
            cells.append(words)
        yield f"| `{kind}` | {backend.summary} | {cells[0]} | {cells[1]} |"


def _top_level_table() -> Iterator[str]:
    """The keys at the top level of a config."""
    schema = Study.model_json_schema()
    return _table(schema, schema)


def _between(path: str, name: str, lines: Iterable[str]) -> str:
    """Content of a hand-written file with these lines between its markers of that name.

    Raises BakeoffError where the file or a marker is missing.
    """
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        raise BakeoffError(f"there is no {path} in {Path.cwd()}; run this at the top of a checkout") from None
    begin, end = f"<!-- {name}: made by `make docs` -->", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise BakeoffError(f"{path} lacks the markers {begin} and {end}")
    content = "\n".join(lines).rstrip()
    return f"{before}{begin}\n{content}\n{end}{after}"


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _config_page() -> str:
    schema = Study.model_json_schema()
    lines = [
        "# Config reference\n",
        _MADE,
        "A study is one YAML file. `config.yaml` is the default one; another is run by\n"
        "`snakemake --cores 1 report --configfile studies/x.yaml`, which replaces the default, it is not merged.\n"
        "Unknown keys, wrong types, NaN and infinity are refused before anything runs.\n\n"
        "The first line `# yaml-language-server: $schema=workflow/schemas/config.schema.json` gives completion\n"
        "in editors.\n",
        "## Top level\n",
        *_table(schema, schema),
    ]
    sections = ("Batch", "Warmup", "Timing", "Accuracy", "Tolerance", "Calibration", "Profile", "Limits", "Report")
    keys = (
        "batch",
        "warmup",
        "timing",
        "accuracy",
        "accuracy.tolerance.<precision>",
        "calibration",
        "profile",
        "limits",
        "report",
    )
    for name, key in zip(sections, keys, strict=True):
        definition = schema["$defs"][name]
        lines += [f"## `{key}`\n", definition.get("description", "") + "\n", *_table(definition, schema)]
        if name == "Tolerance":
            lines += [
                "Defaults:\n",
                *(
                    f"- `{precision}`: "
                    + ", ".join(f"{k} {v:g}" for k, v in limits.filled_in().model_dump(exclude_none=True).items())
                    for precision, limits in DEFAULT_TOLERANCE.items()
                ),
                "",
            ]
    lines.append("## `models.<label>`, by `source`\n")
    for source in SOURCES:
        definition = schema["$defs"][source_class(source).Config.__name__]
        lines += [f"### source: {source}\n", definition["description"] + "\n", *_table(definition, schema)]
    lines += [
        "### `models.<label>.inputs.<name>`\n",
        schema["$defs"]["InputSpec"]["description"] + "\n",
        *_table(schema["$defs"]["InputSpec"], schema),
    ]
    lines.append("## `backends.<label>`, by `kind`\n")
    lines.append("The kind may be left out where the label is the kind's name.\n")
    for kind in KINDS:
        cls = kind_class(kind)
        definition = schema["$defs"][cls.Options.__name__]
        lines += [f"### kind: {kind}\n", f"{cls.summary[0].upper()}{cls.summary[1:]}.\n", *_table(definition, schema)]
    lines += ["## Precisions\n", *(f"- `{precision}`: {meaning}" for precision, meaning in MEANING.items()), ""]
    return "\n".join(lines)


def _artifacts_page() -> str:
    lines = [
        "# Artifact reference\n",
        _MADE,
        "Every JSON artifact starts with `schema`, `target` and `status` (`ok`, `failed`, `blocked`, `unsupported`)\n"
        "and, unless ok, says `reason` (one line), `error_type` and `log` (path). Files are written to a temporary\n"
        "name and renamed. The JSON Schemas are in workflow/schemas/.\n\n"
        "Without `batch.dynamic`, engines and exports lie one folder deeper, in `b<batch>/`.\n",
    ]
    for name, (record, path) in ARTIFACTS.items():
        schema = record.model_json_schema(by_alias=True)
        lines += [f"## {name}\n", f"`{path}`\n", f"{schema['description']}\n", *_table(schema, schema)]
        if name == "collected":
            continue
        for part, definition in schema.get("$defs", {}).items():
            if part != "Cell":
                lines += [f"### {name}: {part}\n", definition.get("description", "") + "\n"]
                lines += _table(definition, schema)
    row = Row.model_json_schema()
    lines += ["## results.csv\n", "`reports/<study>/results.csv`\n", f"{row['description']}\n", *_table(row, row)]
    lines.append("Further speed-up columns of `report.speedup_against` follow as `speedup_vs_<label>_<precision>`.\n")
    return "\n".join(lines)


def _table(section: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    required = section.get("required", [])
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for key, field in section.get("properties", {}).items():
        default = "required" if key in required else _default(field)
        meaning = " ".join(field.get("description", _described(field, root)).split())
        yield f"| `{key}` | {_type(field)} | {default} | {meaning.replace('|', '&#124;')} |"
    yield ""


def _described(field: dict[str, Any], root: dict[str, Any]) -> str:
    reference = field.get("$ref") or next((f["$ref"] for f in field.get("anyOf", []) if "$ref" in f), None)
    if not reference:
        return ""
    return str(root.get("$defs", {}).get(reference.rpartition("/")[2], {}).get("description", ""))


def _default(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "default" not in field or field["default"] is None or isinstance(field["default"], dict):
        return ""
    return f"`{json.dumps(field['default'])}`"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " or ".join(dict.fromkeys(_type(option) for option in field[union]))
    kind = str(field.get("type", "any"))
    if kind == "array":
        items = field.get("items") or (field.get("prefixItems") or [{}])[0]
        return f"list of {_type(items)}"
    if kind == "object":
        inner = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()), None)
        return f"mapping to {_type(inner)}" if isinstance(inner, dict) else "mapping"
    bounds = [
        f"{sign} {field[name]:g}"
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if name in field
    ]
    return " ".join([kind, *bounds])


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; end with status 1 where a file is not current.")
def command(check: bool) -> None:
    """Write the files, or check them."""
    stale = []
    for path, content in generated().items():
        file = Path(path)
        if not file.exists() or file.read_text() != content:
            stale.append(path)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
    if check and stale:
        raise BakeoffError(f"not current, run `make docs`: {', '.join(stale)}")
