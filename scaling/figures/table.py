"""Every chart by name: the one table that commands, reports and the gallery read."""

from __future__ import annotations

from functools import partial

from scaling.figures.chart import FamilyChart, Layout, RunChart
from scaling.figures.family_flops import draw_family, draw_family_flops, family_flops_frame
from scaling.figures.family_params import draw_family_params, family_params_frame
from scaling.figures.law import draw_law, published_law_frame
from scaling.figures.left_out import (
    at_achieved_cost,
    at_few_costs,
    short_lines,
    with_surface,
    without_surface,
)
from scaling.figures.nominal_achieved import draw_nominal_achieved, nominal_achieved_frame
from scaling.figures.phi_implied import draw_phi_implied, phi_implied_frame
from scaling.figures.published_methods import (
    draw_other_baselines,
    draw_scaling_methods,
    other_baselines_frame,
    scaling_methods_frame,
)
from scaling.figures.released_weights import draw_released_weights, released_weights_frame
from scaling.figures.run_accuracy import draw_run, run_frame
from scaling.figures.run_cost import cost_words, draw_run_cost, run_cost_frame
from scaling.figures.run_dimensions import (
    dimensions_words,
    draw_run_dimensions,
    draw_run_widths,
    run_dimensions_frame,
    run_widths_frame,
    widths_words,
)
from scaling.figures.run_gains import draw_run_gains, gains_words, run_gains_frame
from scaling.figures.run_methods import draw_run_methods, methods_words, run_methods_frame
from scaling.figures.run_noise import draw_run_noise, noise_words, run_noise_frame
from scaling.figures.run_pareto import draw_run_pareto, pareto_words, run_pareto_frame
from scaling.figures.run_surface import draw_run_surface, run_surface_frame, surface_words
from scaling.figures.run_triangle import draw_run_triangle, run_triangle_frame, triangle_words
from scaling.figures.single_axis import (
    draw_single_axis,
    draw_width_axis,
    single_axis_frame,
    width_axis_frame,
)
from scaling.figures.stage_costs import display_name, draw_stage_costs, stage_costs_frame
from scaling.figures.width_profile import draw_width_profile, width_profile_frame
from scaling.figures.words import accuracy_words
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import variant

STAGE_COSTS = "stage_costs"


def stage_costs_chart(spec: ArchitectureSpec) -> FamilyChart:
    """Return the chart of one network's cost by stage."""
    return FamilyChart(
        frame=partial(stage_costs_frame, spec),
        draw=draw_stage_costs,
        caption=f"Parameters, multiply-adds and activations of {display_name(spec)} by stage, exact.",
        layout=Layout(double=2.6, single=6.6, panels=3),
    )


PAPER_CHARTS = ("family", "family_params", "family_flops")
"""The charts that people come for; a run leaves them beside its own."""

FAMILY_CHARTS: dict[str, FamilyChart] = {
    "family": FamilyChart(
        frame=family_params_frame,
        draw=draw_family,
        caption=(
            "Size and FLOPs against ImageNet accuracy: EfficientNet-B0 to B7 and their rivals, as printed in "
            "Table 2 of the paper (its Figs. 1 and 5)."
        ),
        layout=Layout(double=3.2, single=6.0, panels=2),
    ),
    "family_params": FamilyChart(
        frame=family_params_frame,
        draw=draw_family_params,
        caption="Model size against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 1).",
        layout=Layout(double=4.0),
    ),
    "family_flops": FamilyChart(
        frame=family_flops_frame,
        draw=draw_family_flops,
        caption="FLOPs against ImageNet accuracy, as printed in Table 2 (the paper's Fig. 5).",
        layout=Layout(double=4.0),
    ),
    "single_axis": FamilyChart(
        frame=single_axis_frame,
        draw=draw_single_axis,
        caption=(
            "Exact cost of B0 scaled in depth, width or resolution alone, at the points of the paper's "
            "Fig. 3. The accuracies of that figure are printed nowhere, so none is shown."
        ),
    ),
    "width_axis": FamilyChart(
        frame=width_axis_frame,
        draw=draw_width_axis,
        caption="Exact cost of B0 widened at the four depths and resolutions of the paper's Fig. 4.",
    ),
    "scaling_methods": FamilyChart(
        frame=scaling_methods_frame,
        draw=draw_scaling_methods,
        caption=(
            "EfficientNet-B0 scaled in four ways, as printed in Table 7 (the ends of the paper's Fig. 8). "
            "Exact arithmetic gives 1.575, 1.450 and 1.538 billion for the single dimensions; the data hold "
            "both."
        ),
    ),
    "other_baselines": FamilyChart(
        frame=other_baselines_frame,
        draw=draw_other_baselines,
        caption="MobileNetV1, MobileNetV2 and ResNet-50 scaled in several ways, as printed in Table 3.",
        layout=Layout(double=2.7, single=7.0, panels=3),
    ),
    "released_weights": FamilyChart(
        frame=released_weights_frame,
        draw=draw_released_weights,
        caption=(
            "Published ImageNet accuracy of weights that can be downloaded, beside the paper's. The star was "
            "trained with 300 million further images."
        ),
        layout=Layout(double=3.4, single=4.0),
    ),
    "phi_implied": FamilyChart(
        frame=phi_implied_frame,
        draw=draw_phi_implied,
        caption=(
            "The phi that each dimension of the release implies. At the paper's bases the three part from "
            "B5 on; one triple with alpha·beta²·gamma² = 2 lets them meet in every variant."
        ),
        layout=Layout(double=3.2, single=5.6, panels=2),
    ),
    "nominal_achieved": FamilyChart(
        frame=nominal_achieved_frame,
        draw=draw_nominal_achieved,
        caption=(
            "Nominal against achieved cost of random directions from B0: rounding makes a nominal 2× cost "
            "anything from 1.8× to 3.4×, unless phi is moved until the network is on target."
        ),
        layout=Layout(double=3.0, single=5.8, panels=2),
    ),
    "stage_costs": stage_costs_chart(variant("b0")),
    "width_profile": FamilyChart(
        frame=width_profile_frame,
        draw=draw_width_profile,
        caption="Output channels of every block of B0 to B7.",
    ),
    "law": FamilyChart(
        frame=published_law_frame,
        draw=draw_law,
        caption=(
            "error = E + A·C^(−a), fitted to the published error of B0 to B7 (Table 2) and their exact "
            "multiply-adds; grey: what the law of B0 to B6 foretells of B7, with its 95 % interval."
        ),
        layout=Layout(double=3.2, single=4.2),
    ),
}
"""Charts of published figures and of the generator."""

RUN_CHARTS: dict[str, RunChart] = {
    "run_gains": RunChart(
        frame=run_gains_frame,
        draw=draw_run_gains,
        caption=(
            "What a doubling of cost is worth by each dimension, and how the gains differ; 95 % intervals of "
            "the surface that is fitted to all trainings. Hollow: not significantly different from 0."
        ),
        words=gains_words,
        left_out=without_surface,
        layout=Layout(double=2.4, single=4.4, panels=2),
    ),
    "run_surface": RunChart(
        frame=run_surface_frame,
        draw=draw_run_surface,
        caption=(
            "Expected accuracy at the target's cost over the shares of depth, width and resolution; trained "
            "networks in the colour of their own mean."
        ),
        words=surface_words,
        left_out=without_surface,
        layout=Layout(double=3.6, single=4.0, projection="ternary"),
    ),
    "run_params": RunChart(
        frame=lambda run: run_frame(run.trials),
        draw=partial(draw_run, x="params"),
        caption="Parameters against validation accuracy: means over seeds with 95 % t-intervals.",
        words=accuracy_words,
        layout=Layout(double=3.6, single=3.6),
    ),
    "run_flops": RunChart(
        frame=lambda run: run_frame(run.trials),
        draw=partial(draw_run, x="macs"),
        caption="Multiply-adds against validation accuracy: means over seeds with 95 % t-intervals.",
        words=accuracy_words,
        layout=Layout(double=3.6, single=3.6),
    ),
    "run_noise": RunChart(
        frame=lambda run: run_noise_frame(run.trials),
        draw=draw_run_noise,
        caption=(
            "Every seed of every network, best first. The interval is of the mean, from the seed-to-seed "
            "spread pooled over all networks of the run."
        ),
        words=noise_words,
        layout=Layout(double=3.6, single=4.4),
    ),
    "run_triangle": RunChart(
        frame=lambda run: run_triangle_frame(run.trials, run.space),
        draw=draw_run_triangle,
        caption=(
            "Where each network spent its log-cost, and its accuracy. Shaded: directions in which the "
            "formula at phi = 1, rounded as in this run, misses the target."
        ),
        words=triangle_words,
        left_out=with_surface,
        layout=Layout(double=3.6, single=4.0, projection="ternary"),
    ),
    "run_cost": RunChart(
        frame=lambda run: run_cost_frame(run.trials),
        draw=draw_run_cost,
        caption="Nominal against achieved cost: what the formula promised, and what the networks cost.",
        words=cost_words,
        left_out=at_achieved_cost,
        layout=Layout(double=3.6, single=4.0),
    ),
    "run_pareto": RunChart(
        frame=lambda run: run_pareto_frame(run.trials),
        draw=draw_run_pareto,
        caption=(
            "Pareto fronts: networks that no other beats in cost and mean accuracy, and those that the noise "
            "does not rule out."
        ),
        words=pareto_words,
        left_out=at_few_costs,
        layout=Layout(double=3.0, single=5.6, panels=2),
    ),
    "run_methods": RunChart(
        frame=lambda run: run_methods_frame(run.trials),
        draw=draw_run_methods,
        caption="Ways to scale one baseline, at achieved cost (the paper's Fig. 8, on our data).",
        words=methods_words,
        left_out=short_lines(run_methods_frame, ["method"], "macs", begun=1),
        layout=Layout(double=3.6, single=3.6),
    ),
    "run_dimensions": RunChart(
        frame=lambda run: run_dimensions_frame(run.trials),
        draw=draw_run_dimensions,
        caption="One dimension at a time, the others left alone (the paper's Fig. 3, on our data).",
        words=dimensions_words,
        left_out=short_lines(run_dimensions_frame, ["dimension"], "coefficient"),
        layout=Layout(double=2.6, single=6.0, panels=3, share_y=True),
    ),
    "run_widths": RunChart(
        frame=lambda run: run_widths_frame(run.trials),
        draw=draw_run_widths,
        caption="Width at several depths and resolutions (the paper's Fig. 4, on our data).",
        words=widths_words,
        left_out=short_lines(run_widths_frame, ["d", "r"], "coefficient"),
        layout=Layout(double=3.6, single=3.6),
    ),
}
"""Charts of one run."""
