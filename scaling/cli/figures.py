"""`scaling figures`: the charts of the paper from published figures, and those of a run of ours."""

from __future__ import annotations

from pathlib import Path

import click

from scaling.cli.output import console, emit_json, json_option
from scaling.errors import ConfigError
from scaling.figures import FAMILY_CHARTS, RUN_CHARTS, save_family_figures, save_run_figures
from scaling.figures.style import FORMATS, SIZES, Size
from scaling.report import read_record


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files; made if need be.",
)
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
    "--run", "run_directory", type=click.Path(file_okay=False, path_type=Path), help="Folder of a run."
)
@json_option
def figures(
    names: tuple[str, ...],
    output: Path,
    formats: tuple[str, ...],
    sizes: tuple[Size, ...],
    run_directory: Path | None,
    as_json: bool,
) -> None:
    """Draw charts, each with its data beside it as CSV.

    Published figures: family, family_params (Fig. 1), family_flops (Fig. 5). Of a run (with --run):
    run_params, run_flops. Without a name: all of the run, or all published ones.
    """
    wanted = names or tuple(RUN_CHARTS if run_directory else FAMILY_CHARTS)
    _check(wanted, run_directory)
    run = None if run_directory is None else read_record(run_directory).chart_data()
    published = [name for name in wanted if name in FAMILY_CHARTS]
    paths = save_family_figures(output, formats, names=published, sizes=sizes)
    if run is not None:
        paths += save_run_figures(
            run.trials,
            output,
            title=run.title,
            noise=run.noise,
            space=run.space,
            formats=formats,
            names=[name for name in wanted if name in RUN_CHARTS],
            sizes=sizes,
        )
    if as_json:
        emit_json([str(path) for path in paths])
        return
    for path in paths:
        console.print(f"wrote {path}", markup=False, soft_wrap=True)


def _check(names: tuple[str, ...], run_directory: Path | None) -> None:
    known = (*FAMILY_CHARTS, *RUN_CHARTS)
    for name in names:
        if name not in known:
            raise ConfigError(f"expected a figure among {', '.join(known)}; got {name!r}")
        if name in RUN_CHARTS and run_directory is None:
            raise ConfigError(f"{name} draws a run: say which with --run FOLDER")
