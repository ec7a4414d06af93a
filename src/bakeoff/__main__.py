"""The entry of every tool: `python -m bakeoff VERB`, `python -m bakeoff --help` lists the verbs."""

from bakeoff.tools._command_line import main

if __name__ == "__main__":
    main()
