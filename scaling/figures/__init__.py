"""The charts: `<name>_frame` builds tidy data, `draw_<name>` draws it on any axes. Floor 7."""

from scaling.figures.saving import (
    FAMILY_FIGURES,
    RUN_FIGURES,
    family_figure,
    run_figure,
    save_family_figures,
    save_run_figures,
)

__all__ = [
    "FAMILY_FIGURES",
    "RUN_FIGURES",
    "family_figure",
    "run_figure",
    "save_family_figures",
    "save_run_figures",
]
