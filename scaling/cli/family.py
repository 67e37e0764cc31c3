"""`scaling family`: one triple of bases at many phi, the second step of the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scaling.cli.arguments import DEFAULT_BASELINE, base_options, baseline_options, with_rounding
from scaling.cli.options import PATH
from scaling.cli.output import Columns, answer, console, json_option, table_by
from scaling.cost import count_cost
from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from
from scaling.network.baselines import Baseline
from scaling.network.coefficients import CompoundCoefficients
from scaling.network.families import generate, official_name, released_coefficients, variant
from scaling.network.rounding import CoefficientRounding

MOST_MEMBERS = 1000


@click.command()
@base_options(required=True)
@click.option("--phi", "phis", default="0:7", show_default=True, help="0:7, 0:7:0.5 (both ends) or 0,1,2.5.")
@baseline_options
@click.option(
    "--config",
    "config_path",
    type=PATH,
    help="Scale the baseline of this experiment file or run folder, by its rounding.",
)
@json_option
def family(
    phis: str,
    baseline: str,
    config_path: Path | None,
    coefficient_rounding: CoefficientRounding | None,
    image_size_step: int | None,
    as_json: bool,
    **bases: float,
) -> None:
    """Scale a baseline by alpha^phi, beta^phi, gamma^phi for each phi; cost each network exactly."""
    if config_path is not None and baseline != DEFAULT_BASELINE:
        raise ConfigError("give --baseline or --config, not both")
    found = _of_config(config_path) if config_path else baseline_from(baseline)
    start = with_rounding(found, coefficient_rounding, image_size_step)
    rows = members(start, bases, values_of(phis))
    document = {"baseline": start.spec.name, **bases, "members": rows}
    answer(document, as_json, lambda: _show(document))


def _of_config(path: Path) -> Baseline:
    from scaling.plans.search.config import load_config  # noqa: PLC0415  it imports torch
    from scaling.plans.search.run import read_search  # noqa: PLC0415
    from scaling.runs.folder import RunFolder  # noqa: PLC0415

    config = read_search(RunFolder(path=path)).config if path.is_dir() else load_config(path)
    return Baseline(spec=config.baseline_spec, rounding=config.setup.rounding_rules)


def values_of(text: str) -> tuple[float, ...]:
    """Read phis: `first:last`, `first:last:step` (both ends), or a list.

    Raises:
        ConfigError: it is none of these, or more than 1,000 values.

    >>> values_of("0:3"), values_of("0:1:0.5"), values_of("0,1,2.5")
    ((0.0, 1.0, 2.0, 3.0), (0.0, 0.5, 1.0), (0.0, 1.0, 2.5))
    """
    expected = f"expected --phi as 0:7, 0:7:0.5 or 0,1,2.5, got {text!r}"
    try:
        numbers = tuple(float(part) for part in text.split(":" if ":" in text else ","))
    except ValueError:
        raise ConfigError(expected) from None
    if not all(map(math.isfinite, numbers)):
        raise ConfigError(expected)
    if ":" not in text:
        found = numbers
    else:
        first, last, step = (
            numbers if len(numbers) == 3 else (*numbers, 1.0) if len(numbers) == 2 else (0, 0, 0)
        )
        if step <= 0 or last < first:
            raise ConfigError(f"{expected}: the last below the first, a step not above 0, or too many parts")
        # A step such as 0.1 may fall short of the last value by rounding.
        count = min(math.floor((last - first) / step * (1 + 1e-12) + 1e-9), MOST_MEMBERS)
        found = tuple(round(first + number * step, 12) for number in range(count + 1))
    if len(found) > MOST_MEMBERS:
        raise ConfigError(f"expected at most {MOST_MEMBERS:,} values of phi, got more in {text!r}")
    return found


def members(start: Baseline, bases: dict[str, float], phis: Sequence[float]) -> list[dict[str, Any]]:
    """Return one row a phi: coefficients, sizes, exact cost, achieved factor, nearest official variant.

    Raises:
        SpecError: a network is out of range; the message names its phi.
    """
    base_macs, officials = count_cost(start.spec).macs, _official_macs(start.spec)
    rows = []
    for phi in phis:
        try:
            compound = CompoundCoefficients(**bases, phi=phi)
            spec = generate(
                alpha=compound.alpha,
                beta=compound.beta,
                gamma=compound.gamma,
                phi=phi,
                baseline=start.spec,
                rounding=start.rounding,
            )
            cost, same = count_cost(spec), official_name(spec)
        except SpecError as error:
            raise SpecError(f"phi {phi:g}: {error}") from None
        assert spec.derivation is not None
        scaling = spec.derivation.scaling
        rows.append(
            {
                "phi": phi,
                "depth_coefficient": scaling.depth_coefficient,
                "width_coefficient": scaling.width_coefficient,
                "resolution_coefficient": scaling.resolution_coefficient,
                "image_size": spec.image_size,
                "params": cost.params,
                "macs": cost.macs,
                "activations": cost.activations,
                "nominal_factor": compound.nominal_factor,
                "achieved_factor": cost.macs / base_macs,
                "official_name": same,
                "nearest_official": same or _nearest(cost.macs, officials),
            }
        )
    return rows


def _official_macs(baseline: ArchitectureSpec) -> dict[str, int]:
    """Return the multiply-adds of the official variants of this baseline; none for other baselines."""
    if official_name(baseline) != "b0":
        return {}
    return {name: count_cost(variant(name)).macs for name in released_coefficients()}


def _nearest(macs: int, officials: dict[str, int]) -> str | None:
    """Return the official variant whose multiply-adds are nearest in ratio."""
    return min(officials, key=lambda name: abs(math.log(officials[name] / macs)), default=None)


def _show(document: dict[str, Any]) -> None:
    rows, bases = document["members"], {key: document[key] for key in ("alpha", "beta", "gamma")}
    console.print(
        f"[bold]{document['baseline']}[/bold] scaled by "
        f"{', '.join(f'{key} {value:g}' for key, value in bases.items())}; "
        f"alpha·beta²·gamma² = {CompoundCoefficients(**bases, phi=1.0).nominal_factor:.4f}\n"
    )
    columns: Columns = {
        "phi": "{row[phi]:g}",
        "depth": "{row[depth_coefficient]:.4g}",
        "width": "{row[width_coefficient]:.4g}",
        "px": "{row[image_size]}",
        "params": lambda row: _short(row["params"]),
        "MACs": lambda row: _short(row["macs"]),
        "activ.": lambda row: _short(row["activations"]),
        "cost": "{row[achieved_factor]:.2f}×",
        "near": lambda row: f"= {row['official_name']}" if row["official_name"] else row["nearest_official"],
    }
    official = rows[0]["nearest_official"] is not None
    if console.width < 78:
        del columns["activ."]
    if not official:
        del columns["near"]
    console.print(table_by(columns, rows))
    if official:
        console.print("near: official variant of the nearest multiply-adds; = where it is that network")


def _short(count: int) -> str:
    """Write a count with three digits and its unit.

    >>> _short(5_288_548), _short(11_000_000_000), _short(911)
    ('5.29 M', '11.0 B', '911')
    """
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:#.3g}".rstrip(".") + f" {unit}"
    return str(count)
