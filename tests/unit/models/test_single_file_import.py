"""A library's model made by importing its one file is the same model as the whole library's."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
import torch
from bakeoff.models.single_file_import import call_builder
from bakeoff.models.sources import source_class
module = call_builder({builder!r}, source_class({source!r}).placeholders, {args!r})
print(json.dumps({{
    "made": module is not None,
    "dynamo": "torch._dynamo" in sys.modules,
    "state": None if module is None else {{k: list(v.shape) for k, v in module.state_dict().items()}},
}}))
"""


def in_fresh_process(source, builder, args):
    """What call_builder does in a process that has imported nothing but torch."""
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
def test_it_is_the_library_s_model(source, module, function, args):
    made = in_fresh_process(source, {"module": module, "function": function}, args)
    assert made["made"]
    assert not made["dynamo"]
    if source == "torchvision":
        import torchvision

        whole = torchvision.models.get_model(function, **args)
    else:
        import timm

        whole = timm.create_model(function, **args)
    assert made["state"] == {name: list(value.shape) for name, value in whole.state_dict().items()}


def test_where_the_file_does_not_suffice_nothing_is_left_behind():
    code = """
import sys
import torch
from bakeoff.models.single_file_import import call_builder
from bakeoff.models.sources import source_class
packages = source_class("torchvision").placeholders
assert call_builder({"module": "torchvision.models.nothing", "function": "f"}, packages, {}) is None
import torchvision
assert torchvision.models.get_model("alexnet", weights=None) is not None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_models_by_their_files_then_the_whole_library_in_one_process():
    code = """
import torch
from bakeoff.models.single_file_import import call_builder
from bakeoff.models.sources import source_class, source_of
packages = source_class("torchvision").placeholders
builder = {"module": "torchvision.models.resnet", "function": "resnet18"}
first = call_builder(builder, packages, {"weights": None})
second = call_builder(builder, packages, {"weights": None})
assert first is not None and second is not None
first.eval()
third = source_of("m", {"source": "torchvision", "name": "efficientnet_b0"}).make_architecture()
assert first(torch.zeros(1, 3, 32, 32)).shape == third(torch.zeros(1, 3, 32, 32)).shape
"""
    subprocess.run([sys.executable, "-c", code], check=True)
