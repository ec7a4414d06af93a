"""An SVG file made fit for a page: colours follow the page's theme, and no identifier clashes with another plot's."""

import re

from bakeoff.report.plots.style import GRID, INK, MUTED, PAPER, SERIES

THEME = {
    INK: "var(--plot-ink)",
    MUTED: "var(--plot-muted)",
    GRID: "var(--plot-grid)",
    PAPER: "none",
    **{color: f"var(--series-{index})" for index, color in enumerate(SERIES)},
}
_COLOR = re.compile(r"(?<=[ :])(?:" + "|".join(THEME) + r")\b")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|xlink:href=\"#([^\"]+)\"")


def themed(svg: str, prefix: str, label: str) -> str:
    """The `<svg>` element for inlining into HTML.

    Args:
        svg: an SVG file that `style.save` wrote.
        prefix: put before each identifier that something refers to; the others are dropped.
        label: what a screen reader says; escaped already.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style type=\"text/css\">.*?</style>", "", svg, flags=re.S)
    used = {first or second for first, second in _REFERENCE.findall(svg)}

    def attributes(match: re.Match[str]) -> str:
        tag = re.sub(r" id=\"([^\"]*)\"", lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", match[0])
        tag = _REFERENCE.sub(
            lambda m: f"url(#{prefix}-{m[1]})" if m[1] else f'xlink:href="#{prefix}-{m[2]}"',
            tag,
        )
        tag = re.sub(r"style=\"[^\"]*\"", lambda m: _COLOR.sub(lambda color: THEME[color[0]], m[0]), tag)
        # The page's own font: shorter to say once than at every label.
        tag = re.sub(r" font-family: [^;\"]*;?", "", tag)
        return tag.replace(' transform="rotate(-0 ', ' data-r="') if ' transform="rotate(-0 ' in tag else tag

    # Only inside tags: text may hold anything that a user wrote.
    svg = re.sub(r"<[A-Za-z][^>]*>", attributes, svg)
    svg = re.sub(r" data-r=\"[^\"]*\"", "", svg)
    svg = re.sub(r"<g>\s*</g>|<defs>\s*</defs>", "", svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r" (?:version|xmlns:xlink|xmlns)=\"[^\"]*\"", "", head)
    head = re.sub(r"(?<= )(width|height)=\"([\d.]+)pt\"", lambda m: f'{m[1]}="{float(m[2]) * 4 / 3:.0f}"', head)
    return f'{head} role="img" aria-label="{label}">' + re.sub(r"\n\s*", "\n", rest).strip()
