"""A model file that does what no model file should, run as its job runs it: the job's record tells, and nobody else."""

import os

import pytest

from bakeoff.supervision.supervise import run_stage

NET = "\ndef make():\n    from torch import nn\n    return nn.Linear(4, 16)\n"

WITHOUT_TORCH = "from unittest.mock import MagicMock\ndef __getattr__(name):\n    return MagicMock()\n"
"""A torch that is imported at once, for files that end before they use it."""

UNRULY = {
    "prints": ("import sys\nprint('out')\nprint('err', file=sys.stderr)\n" + "print('x' * 100)\n" * 1000, None),
    "closes what it prints to": ("import os\nos.close(1)\nos.close(2)\n", None),
    "ends the process": ("import os\nos._exit(0)\n", "status 0 and no record"),
    "calls exit": ("import sys\nsys.exit('enough')\n", "mine.py, line 2: its import failed: called exit('enough')"),
    "interrupts": ("raise KeyboardInterrupt\n", "ended by SIGINT"),
    "raises markup": ("raise ValueError('<script>\\n\\x1b[31mred')\n", "ValueError: <script>"),
    "never returns": ("import time\ntime.sleep(10_000)\n", "still running after its limit of 6 s"),
}


@pytest.mark.parametrize("case", UNRULY)
def test_its_record_tells(case, tmp_path, capfd, monkeypatch):
    text, told = UNRULY[case]
    if told is not None:
        (tmp_path / "stand-in" / "torch").mkdir(parents=True)
        (tmp_path / "stand-in" / "torch" / "__init__.py").write_text(WITHOUT_TORCH)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand-in"), prepend=os.pathsep)
    (tmp_path / "mine.py").write_text(text + NET)
    model = {"source": "file", "factory": f"{tmp_path / 'mine.py'}:make", "inputs": {"x": {"shape": [4]}}}
    job = {
        "target": {"study": "s", "model": "net"}, "label": "net", "model": model, "data": {"n_inputs": 24},
        "threads": 1, "device": "cpu", "out": str(tmp_path / "reference"),
    }  # fmt: skip
    limit_s = 6 if case == "never returns" else 300
    record_file, log = tmp_path / "reference" / "reference.json", tmp_path / "log"
    record = run_stage("reference", job, str(record_file), str(log), 0, limit_s, [])
    assert record_file.exists()
    assert capfd.readouterr() == ("", "")
    if told is None:
        assert record.ok, record.reason
    else:
        assert record.status == "failed"
        assert told in record.reason
        assert "\n" not in record.reason
        assert "\x1b" not in record.reason
    if case == "prints":
        assert "out\n" in log.read_text()
        assert "err\n" in log.read_text()
