"""The charts: `<name>_frame` builds tidy data, `draw_<name>` draws it on any axes."""

from scaling.figures.run_data import RunData, SearchedSpace
from scaling.figures.saving import family_figure, run_figure, save_family_figures, save_run_figures
from scaling.figures.table import FAMILY_CHARTS, PAPER_CHARTS, RUN_CHARTS

__all__ = [
    "FAMILY_CHARTS",
    "PAPER_CHARTS",
    "RUN_CHARTS",
    "RunData",
    "SearchedSpace",
    "family_figure",
    "run_figure",
    "save_family_figures",
    "save_run_figures",
]
