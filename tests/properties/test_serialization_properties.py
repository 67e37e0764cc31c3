"""Random networks through JSON and block strings, and what equality covers."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from spec_strategies import NAMES, architectures

from scaling import ArchitectureSpec, SpecError, generate
from scaling.network.block_strings import stage_from_string, stage_to_string, stages_from_strings
from scaling.network.serialization import architecture_key, from_json, to_json

SPECS = architectures(largest_image=4096, widest=1000)
RATES = st.floats(min_value=0, max_value=0.99)


@given(spec=SPECS)
def test_json_round_trips_architecture_and_metadata(spec: ArchitectureSpec) -> None:
    after = from_json(to_json(spec))
    assert after == spec
    assert hash(after) == hash(spec)
    assert (after.name, after.dropout, after.stochastic_depth, after.derivation) == (
        spec.name,
        spec.dropout,
        spec.stochastic_depth,
        spec.derivation,
    )
    assert to_json(after) == to_json(spec)


@given(bases=st.tuples(*[st.floats(min_value=1, max_value=1.6)] * 3), phi=st.floats(-1, 2))
def test_coefficients_round_trip_to_the_last_bit(bases: tuple[float, float, float], phi: float) -> None:
    alpha, beta, gamma = bases
    spec = generate(alpha=alpha, beta=beta, gamma=gamma, phi=phi, coefficient_rounding="none")
    after = from_json(to_json(spec))
    assert after.derivation == spec.derivation
    assert after.derivation is not None
    assert after.derivation.compound is not None
    assert (after.derivation.compound.alpha, after.derivation.compound.phi) == (alpha, phi)


@given(spec=SPECS)
def test_block_strings_round_trip_the_stages(spec: ArchitectureSpec) -> None:
    texts = [stage_to_string(stage) for stage in spec.stages]
    assert stages_from_strings(texts) == spec.stages
    assert [stage_to_string(stage_from_string(text)) for text in texts] == texts
    assert all(len(text.split()) == 1 for text in texts)


@given(spec=SPECS, name=NAMES, dropout=RATES, stochastic_depth=RATES)
def test_equality_hash_and_key_ignore_metadata(
    spec: ArchitectureSpec, name: str, dropout: float, stochastic_depth: float
) -> None:
    other = replace(spec, name=name, dropout=dropout, stochastic_depth=stochastic_depth)
    assert other == spec
    assert hash(other) == hash(spec)
    assert architecture_key(other) == architecture_key(spec)


@given(one=SPECS, other=SPECS)
def test_keys_are_equal_exactly_when_specs_are(one: ArchitectureSpec, other: ArchitectureSpec) -> None:
    assert (one == other) == (architecture_key(one) == architecture_key(other))


@given(spec=SPECS)
def test_one_pixel_one_class_or_one_channel_more_is_another_network(spec: ArchitectureSpec) -> None:
    size = spec.image_size + (1 if spec.image_size < 4096 else -1)
    others = [
        replace(spec, image_size=size),
        replace(spec, num_classes=spec.num_classes + 1),
        replace(spec, in_channels=spec.in_channels + 1),
    ]
    assert spec not in others
    assert len({architecture_key(each) for each in (spec, *others)}) == 4


@given(text=st.text(max_size=60))
def test_any_text_is_a_block_string_or_a_spec_error(text: str) -> None:
    try:
        stage = stage_from_string(text)
    except SpecError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is one of two right answers here
        return
    assert stage_from_string(stage_to_string(stage)) == stage


@given(
    text=st.from_regex(
        r"r\d{1,5}_k\d{1,2}_s\d\d_e\d{1,2}_i\d{1,8}_o\d{1,8}(_se[0-9.e+-]{1,6})?", fullmatch=True
    )
)
def test_texts_that_look_like_block_strings_are_read_or_refused_in_one_line(text: str) -> None:
    test_any_text_is_a_block_string_or_a_spec_error.hypothesis.inner_test(text)  # type: ignore[attr-defined]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(spec=architectures(), value=JSON, data=st.data())
def test_a_document_with_one_value_replaced_is_read_or_refused_in_one_line(
    spec: ArchitectureSpec, value: object, data: st.DataObject
) -> None:
    document = json.loads(to_json(spec))
    key = data.draw(st.sampled_from(sorted(document)))
    document[key] = value
    try:
        after = from_json(json.dumps(document))
    except SpecError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is one of two right answers here
        return
    assert from_json(to_json(after)) == after
