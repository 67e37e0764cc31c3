"""Every chart by name: the one table that commands, reports and the gallery read. Floor 7."""

from __future__ import annotations

from scaling.figures.chart import FamilyChart, Layout, RunChart
from scaling.figures.family import draw_family, family_frame
from scaling.figures.family_flops import draw_family_flops, family_flops_frame
from scaling.figures.family_params import draw_family_params, family_params_frame
from scaling.figures.run_accuracy import draw_run, run_frame
from scaling.figures.words import accuracy_words

PAPER_CHARTS = ("family", "family_params", "family_flops")
"""The charts that people come for; a run leaves them beside its own."""

FAMILY_CHARTS: dict[str, FamilyChart] = {
    "family": FamilyChart(
        frame=family_frame,
        draw=lambda frame, axes: draw_family(frame, axes[0], axes[1]),
        caption=(
            "Size and FLOPs against ImageNet accuracy: EfficientNet-B0 to B7 and their rivals, as printed in "
            "Table 2 of the paper (its Figs. 1 and 5)."
        ),
        layout=Layout(double=3.2, single=6.0, panels=2),
    ),
    "family_params": FamilyChart(
        frame=family_params_frame,
        draw=lambda frame, axes: draw_family_params(frame, axes[0]),
        caption="Model size against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 1).",
        layout=Layout(double=4.0),
    ),
    "family_flops": FamilyChart(
        frame=family_flops_frame,
        draw=lambda frame, axes: draw_family_flops(frame, axes[0]),
        caption="FLOPs against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 5).",
        layout=Layout(double=4.0),
    ),
}
"""Charts of published figures and of the generator."""

RUN_CHARTS: dict[str, RunChart] = {
    "run_params": RunChart(
        frame=lambda run: run_frame(run.trials),
        draw=lambda frame, axes, run: draw_run(frame, axes[0], x="params", noise=run.noise, title=run.title),
        caption="Parameters against validation accuracy: means over seeds with 95 % t-intervals.",
        words=accuracy_words,
        layout=Layout(double=3.6, single=3.6),
    ),
    "run_flops": RunChart(
        frame=lambda run: run_frame(run.trials),
        draw=lambda frame, axes, run: draw_run(frame, axes[0], x="macs", noise=run.noise, title=run.title),
        caption="Multiply-adds against validation accuracy: means over seeds with 95 % t-intervals.",
        words=accuracy_words,
        layout=Layout(double=3.6, single=3.6),
    ),
}
"""Charts of one run."""
