"""Of what `snakemake --lint` remarks, only the wish for conda environments is left out."""

from tests.lint_workflow import remarks

SAID = """Using workflow specific profile profiles/default for setting default command line arguments.
Lints for rule plan (line 2, /x/workflow/rules/plan.smk):
    * Specify a conda environment or container for each rule.:
      This way, the used software for each specific step is documented.

Lints for rule build (line 2, /x/workflow/rules/build.smk):
    * No log directive defined:
      Without a log directive, all output will be printed to the terminal.
    * Specify a conda environment or container for each rule.:
      This way, the used software for each specific step is documented.

"""


def test_other_remarks_are_kept_with_the_rule_they_are_about():
    (remark,) = remarks(SAID)
    assert remark.splitlines() == [
        "Lints for rule build (line 2, /x/workflow/rules/build.smk):",
        "    * No log directive defined:",
        "      Without a log directive, all output will be printed to the terminal.",
    ]


def test_nothing_else_is_no_remark():
    assert remarks(SAID.partition("Lints for rule build")[0]) == []
    assert remarks("Congratulations, your workflow is in a good condition!\n") == []
