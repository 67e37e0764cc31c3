"""Charts as SVG inside a page: identifiers of their own, colours that follow the page's theme."""

from __future__ import annotations

import io
import re

from matplotlib.figure import Figure

from scaling.drawings.palette import FAINT, GREY, INK
from scaling.figures.style import lay_out, theme

# Ink, greys and paper become the page's; the colours of data stay.
THEMED = {
    INK: "var(--chart-ink)",
    GREY: "var(--chart-grey)",
    FAINT: "var(--chart-faint)",
    "#ececec": "var(--chart-faint)",
    "#a8a8a8": "var(--chart-bar)",
    "#8a8a8a": "var(--chart-bar)",
    "#f0ede4": "var(--chart-band)",
    "#e9eef3": "var(--chart-cool)",
    "#d9d4c9": "var(--chart-warm)",
    "#ffffff": "var(--chart-paper)",
    "white": "var(--chart-paper)",
}
_COLOUR = re.compile(r"(fill|stroke): (" + "|".join(re.escape(colour) for colour in THEMED) + r")(?=[;\"])")
_ATTRIBUTES = re.compile(r'(\bid="|\bhref="#|url\(#)')


def inline_svg(figure: Figure, prefix: str) -> str:
    """Return a figure as an SVG element to stand inside a page.

    Args:
        figure: drawn.
        prefix: put before every identifier, so that two charts of a page share none.
    """
    buffer = io.StringIO()
    lay_out(figure)
    with theme():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return embedded(buffer.getvalue(), prefix)


def embedded(svg: str, prefix: str, *, themed: bool = True) -> str:
    """Return an SVG document as an element of a page: no declaration, no metadata, no fixed size.

    Args:
        svg: a whole document.
        prefix: put before every identifier.
        themed: whether ink and paper become the page's.

    >>> embedded('<?xml version="1.0"?><svg width="1pt" height="2pt" id="a"><use href="#m"/></svg>', "c1-")
    '<svg id="c1-a" aria-hidden="true" focusable="false"><use href="#c1-m"/></svg>'
    """
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r"<title>.*?</title>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r"<!--.*?-->\s*", "", element, flags=re.DOTALL)
    head, rest = element[: element.index(">")], element[element.index(">") :]
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    element = head + ' aria-hidden="true" focusable="false"' + rest
    element = _ATTRIBUTES.sub(lambda match: match.group(1) + prefix, element)
    if not themed:
        return element.strip()
    return _COLOUR.sub(lambda match: f"{match.group(1)}: {THEMED[match.group(2)]}", element).strip()
