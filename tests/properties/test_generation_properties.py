"""Generated networks: always sound, monotone in every coefficient, the same for the same input."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from spec_strategies import architectures, rounding_rules

from scaling import (
    ArchitectureSpec,
    CompoundCoefficients,
    RoundingRules,
    ScalingCoefficients,
    SpecError,
    generate,
    scale,
)
from scaling.network.baselines import EFFICIENTNET_B0

BASES = st.floats(min_value=1.0, max_value=2.0)
COEFFICIENTS = st.builds(
    ScalingCoefficients,
    depth_coefficient=st.floats(min_value=0.06, max_value=4),
    width_coefficient=st.floats(min_value=0.06, max_value=4),
    resolution_coefficient=st.floats(min_value=0.2, max_value=4),
)


def size_of(spec: ArchitectureSpec) -> list[int]:
    """Every number that scaling may raise."""
    return [
        spec.image_size,
        spec.stem.out_channels,
        spec.head.out_channels,
        *(stage.repeats for stage in spec.stages),
        *(stage.out_channels for stage in spec.stages),
    ]


@given(spec=architectures(largest_image=40), coefficients=COEFFICIENTS, rules=rounding_rules())
def test_any_network_scales_or_is_refused_in_one_line(
    spec: ArchitectureSpec, coefficients: ScalingCoefficients, rules: RoundingRules
) -> None:
    try:
        found = scale(spec, coefficients, rules)
    except SpecError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is one of two right answers here
        return
    chain = [found.stem.out_channels, *(stage.out_channels for stage in found.stages)]
    assert [stage.in_channels for stage in found.stages] == chain[:-1]
    rounded = chain if rules.scaled_stem_and_head else chain[1:]
    assert all(channels % rules.channel_divisor == 0 for channels in rounded)
    if not rules.scaled_stem_and_head:
        assert (found.stem, found.head) == (spec.stem, spec.head)
    if not rules.scaled_end_repeats:
        ends = (found.stages[0].repeats, found.stages[-1].repeats)
        assert ends == (spec.stages[0].repeats, spec.stages[-1].repeats)
    assert found.image_size % rules.image_size_step == 0
    assert (found.in_channels, found.num_classes) == (spec.in_channels, spec.num_classes)
    assert [(s.kernel_size, s.stride, s.expand_ratio, s.se_ratio) for s in found.stages] == [
        (s.kernel_size, s.stride, s.expand_ratio, s.se_ratio) for s in spec.stages
    ]


@given(
    start=COEFFICIENTS,
    axis=st.sampled_from(["depth_coefficient", "width_coefficient", "resolution_coefficient"]),
    more=st.floats(min_value=1, max_value=3),
    rules=rounding_rules(),
)
def test_no_number_of_a_network_falls_when_a_coefficient_rises(
    start: ScalingCoefficients, axis: str, more: float, rules: RoundingRules
) -> None:
    try:
        low = scale(EFFICIENTNET_B0, start, rules)
        high = scale(EFFICIENTNET_B0, replace(start, **{axis: getattr(start, axis) * more}), rules)
    except SpecError:
        assume(False)
    assert all(before <= after for before, after in zip(size_of(low), size_of(high), strict=True))


@given(alpha=BASES, beta=BASES, gamma=BASES, one=st.floats(-1, 2), other=st.floats(-1, 2))
def test_bases_of_1_and_above_grow_with_phi(
    alpha: float, beta: float, gamma: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    small = generate(alpha=alpha, beta=beta, gamma=gamma, phi=low)
    large = generate(alpha=alpha, beta=beta, gamma=gamma, phi=high)
    assert all(before <= after for before, after in zip(size_of(small), size_of(large), strict=True))


@given(alpha=BASES, beta=BASES, gamma=BASES, phi=st.floats(-1, 2))
def test_generation_is_scaling_of_the_named_baseline(
    alpha: float, beta: float, gamma: float, phi: float
) -> None:
    generated = generate(alpha=alpha, beta=beta, gamma=gamma, phi=phi)
    compound = CompoundCoefficients(alpha=alpha, beta=beta, gamma=gamma, phi=phi)
    assert generated == scale(EFFICIENTNET_B0, compound)
    assert generated.derivation == scale(EFFICIENTNET_B0, compound).derivation
