"""Options that choose a network, shared by every command that takes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from scaling.cli.output import compose
from scaling.cost import count_cost
from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from, network_named
from scaling.network.baselines import BASELINES, Baseline
from scaling.network.families import generate, named
from scaling.network.rounding import CoefficientRounding, choice
from scaling.network.small_inputs import SmallInput, for_small_input

MOST_PARAMS = 10**11
DEFAULT_BASELINE = "efficientnet-b0"
Command = TypeVar("Command", bound=Callable[..., Any])


def spec_options(command: Command) -> Command:
    """Add the options that choose a network; read them with `spec_from_options(**options)`."""
    return compose(
        click.argument("name", required=False),
        click.option("--alpha", type=float, help="Depth base, above 0."),
        click.option("--beta", type=float, help="Width base, above 0."),
        click.option("--gamma", type=float, help="Resolution base, above 0."),
        click.option("--phi", type=float, help="Compound coefficient, any finite real."),
        *baseline_options(),
        click.option("--num-classes", type=int, help="Outputs of the classifier (1000)."),
        click.option("--in-channels", type=int, help="Channels of the image (3)."),
        click.option("--image-size", type=int, help="Side in pixels, 8 to 4096, instead of the scaled one."),
        click.option(
            "--small-input",
            default=SmallInput.NONE.value,
            show_default=True,
            help=f"Strides for small images: {', '.join(SmallInput)}.",
        ),
    )(command)


def baseline_options() -> tuple[Callable[[Command], Command], ...]:
    """Return the options that choose what is scaled, and how; read them with `chosen_baseline`."""
    return (
        click.option(
            "--baseline",
            default=DEFAULT_BASELINE,
            show_default=True,
            help=f"What to scale: {', '.join(BASELINES)}, a variant, or FILE.toml of your own.",
        ),
        click.option(
            "--coefficient-rounding",
            help="'released' (depth and width to one decimal; the default) or 'none'.",
        ),
        click.option("--image-size-step", type=int, help="Round image sizes to this many pixels (1)."),
    )


def chosen_baseline(baseline: str, coefficient_rounding: str | None, image_size_step: int | None) -> Baseline:
    """Return what the options say to scale; those that are given win over the baseline's own rules.

    Raises:
        ConfigError: the baseline's file cannot be read or is wrong.
        SpecError: nothing has that name, or a rule is out of range.
    """
    found = baseline_from(baseline)
    changes: dict[str, Any] = {}
    if coefficient_rounding is not None:
        kind = choice(CoefficientRounding, coefficient_rounding, "--coefficient-rounding")
        changes["coefficient_rounding"] = kind
    if image_size_step is not None:
        changes["image_size_step"] = image_size_step
    return replace(found, rounding=replace(found.rounding, **changes))


def spec_from_options(
    *,
    name: str | None,
    alpha: float | None,
    beta: float | None,
    gamma: float | None,
    phi: float | None,
    baseline: str,
    coefficient_rounding: str | None,
    image_size_step: int | None,
    num_classes: int | None,
    in_channels: int | None,
    image_size: int | None,
    small_input: str,
) -> ArchitectureSpec:
    """Return the network that the options name; the small-input policy sees the final image size.

    Raises:
        ConfigError: neither a name nor all four coefficients were given, or both.
        SpecError: the network is out of range.
    """
    start = chosen_baseline(baseline, coefficient_rounding, image_size_step)
    bases = {"alpha": alpha, "beta": beta, "gamma": gamma, "phi": phi}
    given = {key: value for key, value in bases.items() if value is not None}
    if name is not None:
        if given:
            raise ConfigError(
                f"give a name or coefficients, not both; got {name!r} and --{next(iter(given))}"
            )
        if baseline != DEFAULT_BASELINE or start.rounding != baseline_from(baseline).rounding:
            raise ConfigError(
                f"{name!r} is as released; --baseline and rounding go with --alpha --beta --gamma --phi"
            )
        spec = network_named(name)
    elif alpha is not None and beta is not None and gamma is not None and phi is not None:
        spec = generate(
            alpha=alpha, beta=beta, gamma=gamma, phi=phi, baseline=start.spec, rounding=start.rounding
        )
    elif not given and baseline != DEFAULT_BASELINE:
        spec = start.unscaled()
    else:
        missing = ", ".join(f"--{key}" for key in bases if key not in given)
        raise ConfigError(f"expected a variant name or --alpha --beta --gamma --phi; missing {missing}")
    overrides = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    changed = {key: value for key, value in overrides.items() if value is not None}
    sized = replace(spec, **changed)  # type: ignore[arg-type]
    return checked(named(for_small_input(sized, small_input)))


def checked(spec: ArchitectureSpec) -> ArchitectureSpec:
    """Refuse a network of more than 10^11 params.

    Raises:
        SpecError: it has more.
    """
    params = count_cost(spec).params
    if params > MOST_PARAMS:
        raise SpecError(f"a network may have at most {MOST_PARAMS:.0e} params, got {params:.3g}")
    return spec
