"""`scaling figures`: the charts of the paper from published figures, and those of a run of ours."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.cli.options import FOLDER, unverified_option
from scaling.cli.output import json_option, say_written
from scaling.drawings.rendering import FORMATS
from scaling.errors import ConfigError
from scaling.figures import FAMILY_CHARTS, RUN_CHARTS, save_family_figures, save_run_figures
from scaling.figures.own_baselines import OwnRun
from scaling.figures.saving import family_chart, save_own_baselines
from scaling.figures.style import SIZES, Size
from scaling.figures.table import OWN_BASELINES
from scaling.report import read_record


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("-o", "--output", required=True, type=FOLDER, help="Folder for the files; made if need be.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    default=("svg", "png"),
    show_default=True,
    help="May be given several times.",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.Choice(SIZES),
    default=("double",),
    show_default=True,
    help="Columns: NAME.svg is two wide, NAME_single.svg one. May be given several times.",
)
@click.option(
    "--run",
    "run_directories",
    multiple=True,
    type=FOLDER,
    help="Folder of a run or study; own_baselines takes several, one a baseline.",
)
@unverified_option
@json_option
def figures(
    names: tuple[str, ...],
    output: Path,
    formats: tuple[str, ...],
    sizes: tuple[Size, ...],
    run_directories: tuple[Path, ...],
    unverified: bool,
    as_json: bool,
) -> None:
    """Draw charts, each with its data beside it as CSV.

    Of the paper and its family: family (both of family_params, Fig. 1, and family_flops, Fig. 5),
    single_axis (Fig. 3), width_axis (Fig. 4), scaling_methods (Fig. 8), other_baselines (Table 3),
    released_weights, phi_implied, nominal_achieved, stage_costs (of B0; stage_costs_b7 of B7),
    width_profile, law (error against cost, fitted).

    Of a run, with --run: run_params, run_flops, run_noise, run_triangle, run_cost, run_pareto,
    run_methods (Fig. 8), run_dimensions (Fig. 3), run_widths (Fig. 4).

    Of several runs, one a baseline: own_baselines (Table 3, published above our own).

    Without a name: all of the run, or all that need none.
    """
    wanted = names or tuple(RUN_CHARTS if run_directories else FAMILY_CHARTS)
    _check(wanted, run_directories)
    records = [read_record(folder, unverified=unverified) for folder in run_directories]
    published = [name for name in wanted if name not in RUN_CHARTS and name != OWN_BASELINES]
    paths = save_family_figures(output, formats, names=published, sizes=sizes)
    if OWN_BASELINES in wanted:
        own = [OwnRun(baseline=one.baseline, title=one.title, trials=one.trials) for one in records]
        paths += save_own_baselines(own, output, formats, sizes)
    if len(records) == 1:
        mine = [name for name in wanted if name in RUN_CHARTS]
        paths += save_run_figures(records[0].chart_data(), output, formats, names=mine, sizes=sizes)
    say_written(paths, as_json)


def _check(names: tuple[str, ...], run_directories: tuple[Path, ...]) -> None:
    for name in names:
        if name == OWN_BASELINES and not run_directories:
            raise ConfigError(f"{name} draws runs, one a baseline: --run FOLDER --run FOLDER …")
        if name in RUN_CHARTS and len(run_directories) != 1:
            raise ConfigError(f"{name} draws one run: say which with --run FOLDER")
        if name not in (*RUN_CHARTS, OWN_BASELINES):
            try:
                family_chart(name)
            except ConfigError as error:
                raise ConfigError(f"{error}; of a run: {', '.join((*RUN_CHARTS, OWN_BASELINES))}") from None
