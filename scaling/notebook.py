"""What networks and their costs look like in a notebook."""

from __future__ import annotations

from scaling.cost import Cost
from scaling.html_views import register_view
from scaling.network.architecture import ArchitectureSpec


def register_views() -> None:
    """Let specs and costs show themselves; `import scaling` does this, and imports nothing heavy for it."""
    register_view(ArchitectureSpec, spec_html)
    register_view(Cost, cost_html)


def spec_html(spec: ArchitectureSpec) -> str:
    """Return a network as HTML: its stages as a table, and its drawing."""
    from scaling.drawings import draw  # noqa: PLC0415  matplotlib and pandas take a second
    from scaling.tables import TableFormat, stages_table, write_table  # noqa: PLC0415  likewise

    table, svg = write_table(stages_table(spec), TableFormat.HTML), draw(spec)._repr_svg_()
    return f'<div style="display: flex; gap: 2em; align-items: flex-start"><div>{table}</div>{svg}</div>'


def cost_html(cost: Cost) -> str:
    """Return a cost as HTML: a row a stage, and the sums."""
    from scaling.tables import TableFormat, cost_table, write_table  # noqa: PLC0415  likewise

    return write_table(cost_table(cost), TableFormat.HTML)
