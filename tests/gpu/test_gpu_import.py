"""Jobs import their library before they have the GPU to themselves: no import may use it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

from bakeoff.backends import KINDS  # noqa: E402

CODE = """
import os, sys
import pynvml
from bakeoff.backends import make_backend
make_backend({"kind": sys.argv[1]}).import_library()
pynvml.nvmlInit()
gpus = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
pids = [process.pid for gpu in gpus for process in pynvml.nvmlDeviceGetComputeRunningProcesses(gpu)]
print("CONTEXT", os.getpid() in pids)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_import_makes_no_context_on_the_gpu(kind, root):
    command = [sys.executable, "-c", CODE, kind]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(root / "src"), os.environ.get("PYTHONPATH")]))}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=300)
    if told.returncode:
        pytest.skip(f"{kind} cannot be imported here: {told.stderr.strip().splitlines()[-1][:200]}")
    assert told.stdout.rpartition("CONTEXT ")[2].strip() == "False"
