"""A library's model made without importing the whole library is the same model."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys, time
import torch
from bakeoff.models.single_file_import import make_lean
started = time.perf_counter()
module = make_lean({source!r}, {builder!r}, {args!r})
print(json.dumps({{
    "made": module is not None,
    "dynamo": "torch._dynamo" in sys.modules,
    "state": None if module is None else {{k: list(v.shape) for k, v in module.state_dict().items()}},
}}))
"""


def in_fresh_process(source, builder, args):
    """What make_lean does in a process that has imported nothing but torch."""
    code = CODE.format(source=source, builder=builder, args=args)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("source", "module", "function", "args"),
    [
        ("torchvision", "torchvision.models.resnet", "resnet18", {"weights": None}),
        ("torchvision", "torchvision.models.mobilenetv3", "mobilenet_v3_small", {"weights": None, "num_classes": 7}),
        ("timm", "timm.models.mobilenetv3", "mobilenetv3_small_050", {"pretrained": False}),
    ],
)
def test_the_lean_model_is_the_library_s_model(source, module, function, args):
    lean = in_fresh_process(source, {"module": module, "function": function}, args)
    assert lean["made"]
    assert not lean["dynamo"]
    if source == "torchvision":
        import torchvision

        whole = torchvision.models.get_model(function, **args)
    else:
        import timm

        whole = timm.create_model(function, **args)
    assert lean["state"] == {name: list(value.shape) for name, value in whole.state_dict().items()}


def test_where_the_file_does_not_suffice_nothing_is_left_behind():
    code = """
import sys
import torch
from bakeoff.models.single_file_import import make_lean
assert make_lean("torchvision", {"module": "torchvision.models.nothing", "function": "f"}, {}) is None
import torchvision
assert torchvision.models.get_model("alexnet", weights=None) is not None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_lean_models_then_the_whole_library_in_one_process():
    code = """
import torch
from bakeoff.models.single_file_import import make_lean
from bakeoff.models.make import make_architecture, parse_model
builder = {"module": "torchvision.models.resnet", "function": "resnet18"}
first = make_lean("torchvision", builder, {"weights": None})
second = make_lean("torchvision", builder, {"weights": None})
assert first is not None and second is not None
first.eval()
third = make_architecture("m", parse_model({"source": "torchvision", "name": "efficientnet_b0"}))
assert first(torch.zeros(1, 3, 32, 32)).shape == third(torch.zeros(1, 3, 32, 32)).shape
"""
    subprocess.run([sys.executable, "-c", code], check=True)
