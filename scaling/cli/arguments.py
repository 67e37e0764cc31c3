"""Options that choose a network, shared by every command that takes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from scaling.cli.options import named_option, num_classes_option
from scaling.cli.output import compose
from scaling.cost import count_cost
from scaling.errors import ConfigError, SpecError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import baseline_from, network_named
from scaling.network.baselines import BASELINES, Baseline
from scaling.network.families import generate, named
from scaling.network.rounding import CoefficientRounding
from scaling.network.small_inputs import SmallInput, for_small_input

MOST_PARAMS = 10**11
DEFAULT_BASELINE = "efficientnet-b0"
NETWORK = """
NAME is an official variant (b0 … b8, l2, lite0 … lite4), a baseline (mobilenetv2, resnet-50 …), a file of
your own, or FILE.json as a command prints it; or give --baseline, to scale it --alpha --beta --gamma --phi.
"""
Command = TypeVar("Command", bound=Callable[..., Any])


def base_options(*, required: bool = False) -> Callable[[Command], Command]:
    """Return the options --alpha, --beta and --gamma."""
    return compose(
        click.option("--alpha", type=float, required=required, help="Depth base, above 0."),
        click.option("--beta", type=float, required=required, help="Width base, above 0."),
        click.option("--gamma", type=float, required=required, help="Resolution base, above 0."),
    )


def rounding_options(command: Command) -> Command:
    """Add the options that change a baseline's rounding rules; read them with `with_rounding`."""
    return compose(
        named_option(
            "--coefficient-rounding",
            CoefficientRounding,
            help="'released' (depth and width to one decimal; the default) or 'none'.",
        ),
        click.option("--image-size-step", type=int, help="Round image sizes to this many pixels (1)."),
    )(command)


def baseline_options(command: Command) -> Command:
    """Add the options that choose what is scaled, and how."""
    return compose(
        click.option(
            "--baseline",
            default=DEFAULT_BASELINE,
            show_default=True,
            help=f"What to scale: {', '.join(BASELINES)}, a variant, or FILE.toml of your own.",
        ),
        rounding_options,
    )(command)


def spec_options(command: Command) -> Command:
    """Add the options that choose a network, and say so in its help; `spec_from_options` reads them."""
    command.__doc__ = f"{inspect.getdoc(command) or ''}\n{NETWORK}"
    return compose(
        click.argument("name", required=False),
        base_options(),
        click.option("--phi", type=float, help="Compound coefficient, any finite real."),
        baseline_options,
        num_classes_option,
        click.option("--in-channels", type=int, help="Channels of the image (3)."),
        click.option("--image-size", type=int, help="Side in pixels, 8 to 4096, instead of the scaled one."),
        click.option(
            "--small-input",
            default=SmallInput.NONE.value,
            show_default=True,
            help=f"Strides for small images: {', '.join(SmallInput)}.",
        ),
    )(command)


def with_rounding(
    found: Baseline, coefficient_rounding: CoefficientRounding | None, image_size_step: int | None
) -> Baseline:
    """Return a baseline with the rounding rules of the options; those not given stay its own.

    Raises:
        SpecError: a rule is out of range.
    """
    given = {"coefficient_rounding": coefficient_rounding, "image_size_step": image_size_step}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(found, rounding=replace(found.rounding, **changes))


def spec_from_options(
    *,
    name: str | None,
    alpha: float | None,
    beta: float | None,
    gamma: float | None,
    phi: float | None,
    baseline: str,
    coefficient_rounding: CoefficientRounding | None,
    image_size_step: int | None,
    num_classes: int | None,
    in_channels: int | None,
    image_size: int | None,
    small_input: str,
) -> ArchitectureSpec:
    """Return the network that the options name; the small-input policy sees the final image size.

    Raises:
        ConfigError: neither a name nor all four coefficients were given, or both.
        SpecError: the network is out of range, or has more than 10^11 params.
    """
    own = baseline_from(baseline)
    start = with_rounding(own, coefficient_rounding, image_size_step)
    bases = {"alpha": alpha, "beta": beta, "gamma": gamma, "phi": phi}
    given = {key: value for key, value in bases.items() if value is not None}
    if name is not None:
        if given:
            raise ConfigError(
                f"give a name or coefficients, not both; got {name!r} and --{next(iter(given))}"
            )
        if baseline != DEFAULT_BASELINE or start.rounding != own.rounding:
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
    spec = named(for_small_input(sized, small_input))
    if (params := count_cost(spec).params) > MOST_PARAMS:
        raise SpecError(f"a network may have at most {MOST_PARAMS:.0e} params, got {params:.3g}")
    return spec
