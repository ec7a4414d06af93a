"""The command line `python -m bakeoff`: finds the verbs in this package and loads only the one that is asked for.

The list of verbs is made from the files' names and docstrings without importing them, since together they import half
of the library. That keeps `python -m bakeoff --help` quick, and a verb whose imports fail cannot break the others.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path
from typing import Any, cast

import click

from bakeoff import __version__
from bakeoff import tools as _tools
from bakeoff.core.errors import BakeoffError
from bakeoff.core.suggest import nearest

PROGRAM = "python -m bakeoff"


def verbs() -> dict[str, str]:
    """Name of the module behind each verb, by verb, in alphabetical order."""
    modules = sorted(module.name for module in pkgutil.iter_modules(_tools.__path__) if not module.name.startswith("_"))
    return {name.replace("_", "-"): f"{_tools.__name__}.{name}" for name in modules}


def summary(verb: str) -> str:
    """The first line of the docstring of a verb's file, which is read but not imported."""
    file = Path(_tools.__path__[0]) / f"{verb.replace('-', '_')}.py"
    words = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return words.partition("\n")[0]


class Verbs(click.Group):
    """The group of all verbs, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs."""
        return list(verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb; None where there is none of that name."""
        name = verbs().get(cmd_name)
        if name is None:
            return None
        module = importlib.import_module(name)
        command = cast("click.Command", module.command)
        command.help = _with_examples_as_they_stand(module.__doc__ or "")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is a usage error that names the nearest."""
        if args[0] not in verbs() and not args[0].startswith("-"):
            ctx.fail(f"there is no verb '{args[0]}'{nearest(args[0], verbs())}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each verb with the first line of its docstring."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, summary(verb)) for verb in verbs()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb. What a user can mend is told in one message, with exit status 1."""
        try:
            return super().invoke(ctx)
        except BakeoffError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)


def _with_examples_as_they_stand(docstring: str) -> str:
    """A docstring for click, which rewraps paragraphs but for those that begin with a backspace character."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(f"\b\n{text}" if text.startswith(" ") else text for text in paragraphs)


@click.group(
    cls=Verbs, invoke_without_command=True, subcommand_metavar="VERB ...", context_settings={"max_content_width": 120}
)
@click.version_option(__version__, prog_name="bakeoff", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Bakeoff's tools: all that is not a run of a study (`snakemake --cores 1 report`).

    `python -m bakeoff VERB --help` explains a verb and gives an example.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the process ends with the verb's exit status."""
    cli(args=sys.argv[1:] if arguments is None else arguments, prog_name=PROGRAM)
