"""Every chart by name: the one table that commands, reports and the gallery read."""

from __future__ import annotations

from scaling.figures import (
    family,
    law,
    nominal_achieved,
    own_baselines,
    phi_implied,
    published_methods,
    released_weights,
    run_accuracy,
    run_cost,
    run_dimensions,
    run_gains,
    run_methods,
    run_noise,
    run_pareto,
    run_surface,
    run_triangle,
    single_axis,
    stage_costs,
    width_profile,
)
from scaling.figures.chart import Chart, RunChart
from scaling.network.families import variant

STAGE_COSTS, OWN_BASELINES = "stage_costs", "own_baselines"
PAPER_CHARTS = ("family", "family_params", "family_flops")
"""The charts that people come for."""

FAMILY_CHARTS: dict[str, Chart] = {
    "family": family.FAMILY,
    "family_params": family.FAMILY_PARAMS,
    "family_flops": family.FAMILY_FLOPS,
    "single_axis": single_axis.SINGLE_AXIS,
    "width_axis": single_axis.WIDTH_AXIS,
    "scaling_methods": published_methods.SCALING_METHODS,
    "other_baselines": published_methods.OTHER_BASELINES,
    "released_weights": released_weights.RELEASED_WEIGHTS,
    "phi_implied": phi_implied.PHI_IMPLIED,
    "nominal_achieved": nominal_achieved.NOMINAL_ACHIEVED,
    STAGE_COSTS: stage_costs.stage_costs_chart(variant("b0")),
    "width_profile": width_profile.WIDTH_PROFILE,
    "law": law.LAW,
}
"""Charts of published figures and of the generator."""

RUN_CHARTS: dict[str, RunChart] = {
    "run_gains": run_gains.RUN_GAINS,
    "run_surface": run_surface.RUN_SURFACE,
    "run_params": run_accuracy.RUN_PARAMS,
    "run_flops": run_accuracy.RUN_FLOPS,
    "run_noise": run_noise.RUN_NOISE,
    "run_triangle": run_triangle.RUN_TRIANGLE,
    "run_cost": run_cost.RUN_COST,
    "run_pareto": run_pareto.RUN_PARETO,
    "run_methods": run_methods.RUN_METHODS,
    "run_dimensions": run_dimensions.RUN_DIMENSIONS,
    "run_widths": run_dimensions.RUN_WIDTHS,
}
"""Charts of one run."""

SEVERAL_RUNS_CHARTS: dict[str, Chart] = {OWN_BASELINES: own_baselines.OWN_BASELINES}
"""Charts of several runs, one a baseline; their `frame` takes a sequence of `OwnRun`."""
