"""Says whether a config file is a valid study: `python -m bakeoff.tools.check_config study.yaml`.

`make report` asks before it starts Snakemake, which answers a config file that is missing, no text, or full of
multiplying anchors with a traceback of its own, before any of Bakeoff's code runs.
"""

from __future__ import annotations

import sys

from bakeoff.config.load import load_study
from bakeoff.core.errors import BakeoffError


def main(config: str) -> int:
    """Print what is wrong with the config, if anything. Returns the exit status."""
    try:
        load_study(config)
    except BakeoffError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Say whether a config file is a valid study.")
    parser.add_argument("config", help="the study's config file")
    sys.exit(main(parser.parse_args().config))
