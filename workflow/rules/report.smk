# From collected results to plots, pages and the verdict. Nothing here measures anything.
rule plots:
    input:
        **RULES.planned(PATHS.plots),
        collected=PATHS.collected,
    output:
        report(
            directory(PATHS.plots),
            patterns=["{plot}.svg"],
            caption="../report/plot.rst",
            category="Plots",
            labels={"plot": "{plot}"},
        ),
    log:
        PATHS.log("plots"),
    threads: 4
    params:
        code=code("plots"),
        repair=RULES.repair(PATHS.plots),
    message:
        f"Drawing the plots of {PATHS.study}"
    script:
        "../../scripts/plots.py"


rule html:
    input:
        collected=PATHS.collected,
        plots=PATHS.plots,
    output:
        PATHS.html,
    log:
        PATHS.log("html"),
    params:
        code=code("report"),
    message:
        f"Writing the HTML report of {PATHS.study}"
    script:
        "../../scripts/html.py"


rule markdown:
    input:
        collected=PATHS.collected,
        plots=PATHS.plots,
    output:
        PATHS.markdown,
    log:
        PATHS.log("markdown"),
    params:
        code=code("report"),
    message:
        f"Writing the Markdown report of {PATHS.study}"
    script:
        "../../scripts/markdown.py"


# The page of all studies lies outside this study's folder, and each study writes it anew with its report. So it is no
# output of this rule: Snakemake would look on another study's page as damage. That it is there is looked up otherwise
# (bakeoff.freshness.doubts).
rule index:
    input:
        **RULES.planned(PATHS.index_done),
        collected=PATHS.collected,
        html=PATHS.html,
    output:
        PATHS.index_done,
    log:
        PATHS.log("index"),
    params:
        code=code("report"),
        repair=RULES.repair(PATHS.index_done),
    message:
        "Listing all studies in reports/index.html"
    script:
        "../../scripts/index.py"


# Says how the study ended; its job fails where a target failed, so that the run's exit status tells.
rule verdict:
    input:
        collected=PATHS.collected,
        html=PATHS.html,
        markdown=PATHS.markdown,
        index=PATHS.index_done,
    output:
        touch(f"{PATHS.results}/.verdict.ok"),
    log:
        PATHS.log("verdict"),
    params:
        code=code("verdict"),
    message:
        f"The verdict on {PATHS.study}"
    script:
        "../../scripts/verdict.py"
