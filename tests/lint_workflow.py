"""`snakemake --lint` without the one remark that does not apply: that each rule should name a conda environment.

Snakemake deploys no packages here. The rules run in the environment that `make env` makes from locked versions, since
what makes a result stale (the versions of packages, digests of code) is read in Snakemake's own environment. Snakemake
has no option to leave out a remark. Ends with status 1 where there is any other.
"""

import re
import subprocess
import sys

NOT_MEANT = "Specify a conda environment or container for each rule.:"


def remarks(said: str) -> list[str]:
    """Each remark with the rule or file that it is about, in Snakemake's words, but for those not meant."""
    found = []
    for part in re.split(r"^(?=Lints for )", said, flags=re.M)[1:]:
        about, _, rest = part.partition("\n")
        listed = re.split(r"^    \* ", rest, flags=re.M)[1:]
        found += [f"{about}\n    * {remark.rstrip()}" for remark in listed if not remark.startswith(NOT_MEANT)]
    return found


def main() -> int:
    """Lint the workflow in the working directory. Returns the exit status."""
    done = subprocess.run(["snakemake", "--lint"], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode and "Lints for " not in said:
        print(said, file=sys.stderr)
        return done.returncode
    found = remarks(said)
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
