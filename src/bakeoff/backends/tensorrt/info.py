"""engine_info.json: what is in a TensorRT engine, and which tensors it takes and gives in which order.

The engine inspector lists the engine's own, fused layers, but it needs the engine loaded, and so an NVIDIA driver.
Without one, the layers are those of the network that the engine was built from, before fusion; the field `source` says
which they are. A layer between explicit pairs of quantization and dequantization has floating tensors in the network
although it computes in 8 bits: for it the field `Computes` says in which type.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bakeoff.artifacts.io import write_text
from bakeoff.backends.base import Built
from bakeoff.backends.tensorrt.library import dtype_name
from bakeoff.core.errors import EngineError
from bakeoff.core.precision import Precision
from bakeoff.profiling.precision_held import is_compute, record_dtypes

FILE = "engine_info.json"
FROM_NETWORK = "network before fusion"
FROM_INSPECTOR = "engine inspector"

# The inspector writes `Half`, `Row major linear FP16 format`, ... depending on the version.
_INSPECTED_DTYPES = (
    (re.compile(r"bf16|bfloat16", re.I), "bfloat16"),
    (re.compile(r"fp16|half|float16", re.I), "float16"),
    (re.compile(r"fp8|float8", re.I), "float8_e4m3fn"),
    (re.compile(r"uint8", re.I), "uint8"),
    (re.compile(r"int8", re.I), "int8"),
    (re.compile(r"int32", re.I), "int32"),
    (re.compile(r"int64", re.I), "int64"),
    (re.compile(r"bool", re.I), "bool"),
    (re.compile(r"fp32|float", re.I), "float32"),
)


_QUANTIZABLE = re.compile("CONVOLUTION|DECONVOLUTION|MATRIX_MULTIPLY")


@dataclass
class LayerInfo:
    """One layer of an engine or network."""

    name: str
    type: str
    dtype: str | None
    input_shapes: list[list[int]] = field(default_factory=list)
    output_shapes: list[list[int]] = field(default_factory=list)
    fused: list[str] = field(default_factory=list)


def from_network(network: Any, library: str, version: str) -> dict[str, Any]:
    """Content of engine_info.json from a network definition."""
    layers = []
    network_layers = [network.get_layer(i) for i in range(network.num_layers)]
    producers = {layer.get_output(k).name: layer for layer in network_layers for k in range(layer.num_outputs)}
    for layer in network_layers:
        quantized = _quantized_dtype(layer, producers)
        layers.append(
            {
                "Name": layer.name,
                "LayerType": layer.type.name,
                "Inputs": [_tensor(layer.get_input(k)) for k in range(layer.num_inputs) if layer.get_input(k)],
                "Outputs": [_tensor(layer.get_output(k)) for k in range(layer.num_outputs)],
                "Metadata": layer.metadata,
                **({"Computes": quantized} if quantized else {}),
            }
        )
    return {
        "library": {library: version},
        "inputs": [network.get_input(i).name for i in range(network.num_inputs)],
        "outputs": [network.get_output(i).name for i in range(network.num_outputs)],
        "source": FROM_NETWORK,
        "engine": {"Layers": layers},
    }


def from_inspector(information: str, before: dict[str, Any]) -> dict[str, Any]:
    """Content of engine_info.json from the inspector's JSON, in place of the network's layers."""
    return {**before, "source": FROM_INSPECTOR, "engine": json.loads(information)}


def inspect(engine: Any, trt: Any, before: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Content of engine_info.json by the inspector of a loaded engine; with a context, in that context's shapes.

    Raises EngineError where the inspector's answer is no JSON.
    """
    inspector = engine.create_engine_inspector()
    if context is not None:
        inspector.execution_context = context
    text = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    try:
        content = from_inspector(text, before)
        content["engine"]["Layers"]
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"the engine inspector's answer cannot be read ({error}): {text[:200]!r}") from error
    return content


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write engine_info.json."""
    write_text(folder / FILE, json.dumps(content, indent=1))


def read(folder: Path) -> dict[str, Any]:
    """Read engine_info.json. Raises EngineError where it is missing or damaged."""
    try:
        content: dict[str, Any] = json.loads((folder / FILE).read_text())
        content["inputs"], content["outputs"], content["engine"]["Layers"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{folder / FILE} is missing or damaged ({error}); build the engine again") from error
    return content


def layers(content: dict[str, Any]) -> list[LayerInfo]:
    """The layers in engine_info.json; those of an engine built without detailed verbosity have a name alone."""
    found = []
    for entry in content["engine"]["Layers"]:
        if not isinstance(entry, dict):
            found.append(LayerInfo(name=str(entry), type="layer", dtype=None))
            continue
        inputs, outputs = entry.get("Inputs") or [], entry.get("Outputs") or []
        metadata = re.findall(r"\[ONNX Layer: ([^\]]+)\]", entry.get("Metadata") or "")
        found.append(
            LayerInfo(
                name=entry["Name"],
                type=entry.get("LayerType") or "layer",
                dtype=entry.get("Computes") or _tf32(entry) or _dtype(inputs) or _dtype(outputs),
                input_shapes=_shapes(inputs),
                output_shapes=_shapes(outputs),
                fused=[name for name in dict.fromkeys(metadata) if name != entry["Name"]],
            )
        )
    return found


def at_batch(found: list[LayerInfo], batch_size: int) -> list[LayerInfo]:
    """The layers with their leading dynamic dimension, the batch, filled in: the inspector writes -1 for it."""

    def filled(shapes: list[list[int]]) -> list[list[int]]:
        return [[batch_size, *shape[1:]] if shape[:1] == [-1] else shape for shape in shapes]

    return [
        replace(layer, input_shapes=filled(layer.input_shapes), output_shapes=filled(layer.output_shapes))
        for layer in found
    ]


def record_types(
    built: Built, network: list[LayerInfo], finished: list[LayerInfo] | None, precision: Precision
) -> None:
    """Set `layer_dtypes` and `holds_precision` of a build by its finished engine.

    Networks are strongly typed: one that misses the precision makes an engine that does. That a network has it is no
    proof that the engine does, so where the engine was not or cannot be asked, the answer is that it is not known.

    Args:
        built: What is filled in.
        network: Layers of the network, before fusion.
        finished: Layers of the engine by the inspector; None where it was not asked.
        precision: What was asked for.
    """
    of_network = Built(files=[])
    record_dtypes(of_network, [(layer.type, layer.dtype) for layer in network], precision)
    if of_network.holds_precision is False:
        built.layer_dtypes, built.holds_precision = of_network.layer_dtypes, False
        built.notes += of_network.notes
    elif finished is None:
        built.layer_dtypes = of_network.layer_dtypes
        built.notes += of_network.notes
        built.notes.append(
            f"whether the engine holds {precision} is not known: types are those of the network before fusion"
        )
    else:
        layers = [(_computes(layer), layer.dtype) for layer in finished]
        # Fusion makes products fewer, so those that are there speak for all, but none speaks for none.
        told = any(dtype and is_compute(kind) for kind, dtype in layers)
        products = 0 if told else sum(is_compute(layer.type) for layer in network)
        record_dtypes(built, layers, precision, at_least=products)


def _computes(layer: LayerInfo) -> str:
    """The type of an engine's layer for counting: one that fused a convolution or a product is one."""
    heavy = next((name for name in (layer.type, layer.name, *layer.fused) if is_compute(name)), None)
    return heavy or layer.type


def _quantized_dtype(layer: Any, producers: dict[str, Any]) -> str | None:
    """The 8-bit type of a layer that is given two dequantized tensors of the same type (its input and its weights).

    Explicit quantization: TensorRT moves the dequantization past such a layer and computes in the 8-bit type.
    """
    if layer.num_inputs < 2 or not _QUANTIZABLE.match(layer.type.name):
        return None
    types = {_dequantized(layer.get_input(k), producers) for k in range(2)}
    return types.pop() if len(types) == 1 else None


def _dequantized(tensor: Any, producers: dict[str, Any]) -> str | None:
    producer = producers.get(tensor.name) if tensor is not None else None
    while producer is not None and producer.type.name == "SHUFFLE":
        producer = producers.get(producer.get_input(0).name)
    if producer is None or producer.type.name != "DEQUANTIZE":
        return None
    return dtype_name(producer.get_input(0).dtype)


def _tensor(tensor: Any) -> dict[str, Any]:
    return {"Name": tensor.name, "Dimensions": list(tensor.shape), "Datatype": dtype_name(tensor.dtype)}


def _dtype(tensors: list[Any]) -> str | None:
    for tensor in tensors:
        if isinstance(tensor, dict):
            text = str(tensor.get("Datatype") or tensor.get("Format/Datatype") or tensor.get("Format") or "")
            for pattern, name in _INSPECTED_DTYPES:
                if pattern.search(text):
                    return name
    return None


def _tf32(entry: dict[str, Any]) -> str | None:
    """TF32 where the kernel's name says so: its tensors are float32."""
    return "tf32" if "tf32" in str(entry.get("TacticName", "")).lower() else None


def _shapes(tensors: list[Any]) -> list[list[int]]:
    return [list(t["Dimensions"]) for t in tensors if isinstance(t, dict) and isinstance(t.get("Dimensions"), list)]
