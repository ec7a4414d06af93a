"""Snakemake's own linter over the workflow, with one exception: `python tests/lint_workflow.py`.

The linter wants a conda environment or a container image named in each rule. Bakeoff names none: where it is developed
there are neither conda channels nor containers, so they would never have been tried. The environment is locked in
envs/requirements.txt, and a run records the version of everything that it used.
"""

from __future__ import annotations

import re
import subprocess
import sys

EXCEPTION = "Specify a conda environment or container for each rule."


def main() -> int:
    """Print every other complaint. Returns the exit status: 1 where there is one, or where the linter itself fails."""
    command = [sys.executable, "-m", "snakemake", "--lint"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    complaints = [found for found in complaints_in(said) if EXCEPTION not in found]
    if run.returncode and not complaints_in(said):
        complaints = [said]
    print("\n".join(complaints), end="\n" if complaints else "")
    return 1 if complaints else 0


def complaints_in(said: str) -> list[str]:
    """What the linter complains of, each as `rule or file: title and text`."""
    complaints = []
    for section in re.split(r"^(?=Lints for )", said, flags=re.M)[1:]:
        heading, *found = re.split(r"^    \* ", section, flags=re.M)
        complaints += [f"{heading.strip()} {complaint.strip()}" for complaint in found]
    return complaints


if __name__ == "__main__":
    sys.exit(main())
