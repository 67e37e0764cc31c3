"""What runs show of themselves in a notebook."""

from __future__ import annotations

import base64
import io

from matplotlib.figure import Figure

from scaling.figures.style import lay_out, theme


def picture(figure: Figure) -> str:
    """Return a figure as an HTML element that needs no file."""
    buffer = io.BytesIO()
    lay_out(figure)
    with theme():
        figure.savefig(buffer, format="png", dpi=110)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"/>'
