# From collected results to plots, pages and the verdict. Nothing here measures anything.
rule plots:
    input:
        PATHS.collected,
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


# The page of all studies lies outside this study's folder and is written anew with each report.
rule index:
    input:
        collected=PATHS.collected,
        html=PATHS.html,
    output:
        touch(f"{PATHS.results}/.index.done"),
    log:
        PATHS.log("index"),
    params:
        code=code("report"),
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
        index=f"{PATHS.results}/.index.done",
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
