"""Setups: data, baseline, rounding, numerics, recipe, engine in one table."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from run_records import SETUP, setup

from scaling.errors import ConfigError
from scaling.runs.setup import Setup


def test_a_setup_comes_back_from_plain_data() -> None:
    assert Setup.model_validate(SETUP.document()) == SETUP
    assert Setup.model_validate(SETUP.document()).key() == SETUP.key()


def test_its_key_covers_what_shapes_results_and_nothing_else() -> None:
    engine = SETUP.document()["engine"]
    assert setup(engine={**engine, "workers": 3, "checkpoint_s": 5}).key() == SETUP.key()
    others = [
        setup(recipe={"epochs": 3}),
        setup(data={"train": 99}),
        setup(numerics={"batch_norm_momentum": 0.2}),
        setup(rounding={"channel_divisor": 4}),
        setup(baseline={"head_channels": 34}),
        setup(engine={**engine, "kernels": "stock"}),
    ]
    assert len({one.key() for one in [SETUP, *others]}) == 1 + len(others)


def test_the_network_takes_the_datas_classes_and_channels() -> None:
    spec = SETUP.baseline_spec
    assert (spec.num_classes, spec.in_channels, spec.image_size) == (34, 1, 16)
    assert SETUP.device == "cpu"
    assert SETUP.rounding_rules.channel_divisor == 2
    assert SETUP.model_numerics.batch_norm_momentum == 0.1


def test_an_unknown_key_is_an_error_and_nothing_can_be_changed() -> None:
    with pytest.raises(ValidationError, match="colour"):
        setup(data={"colour": True})
    with pytest.raises(ValidationError, match="frozen"):
        SETUP.data.train = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"rounding": {"channel_divisor": 16}}, "not a multiple of channel_divisor 16"),
        ({"rounding": {"image_size_step": 5}}, "not a multiple of image_size_step 5"),
        ({"data": {"name": "fashion-mnist"}, "baseline": {"image_size": 32}}, "above the data's own, 28"),
    ],
)
def test_parts_that_do_not_fit_are_named(tables: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        setup(**tables).check()
    assert SETUP.check() is SETUP
