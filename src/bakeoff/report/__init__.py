"""The report: a function of collected.json alone (HTML, Markdown, plots, and the index of all studies)."""
