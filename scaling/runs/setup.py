"""What is trained, and how: data, baseline, rounding, numerics, recipe, engine. One table, or one file."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from scaling.cost.doublings import doublings
from scaling.data import SplitName
from scaling.data.folders import PREFIX, check_sizes
from scaling.errors import ConfigError
from scaling.model import TENSORFLOW, Numerics
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import BaselineTable, RoundingTable
from scaling.network.baselines import rules_of_baseline
from scaling.network.generation import scaled_channels
from scaling.network.rounding import RELEASED, RoundingRules
from scaling.network.serialization import architecture_key
from scaling.runs.job import DataTable, Job
from scaling.runs.rates import LearningRates
from scaling.training.engine import best_device
from scaling.training.options import EngineOptions
from scaling.training.recipe import Recipe

log = logging.getLogger(__name__)


class ConfigTable(BaseModel):
    """A table of a file that people write: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NumericsTable(ConfigTable):
    """`[numerics]`: batch norm; short proxies need a faster momentum than the released 0.01."""

    batch_norm_epsilon: float = Field(
        default=TENSORFLOW.batch_norm_epsilon, description="added to the variance"
    )
    batch_norm_momentum: float = Field(
        default=TENSORFLOW.batch_norm_momentum,
        description="share of each batch in the moving statistics; short runs need 0.1",
    )


class Setup(ConfigTable):
    """What is trained, and how; searches, studies, audits and noise name one.

    The network is what a plan changes; data, rounding, numerics, recipe and engine are the same for all, but
    the learning rate, where the setup has bracketed ones. A file names those: `rates = "rates/NAME.json"`.
    """

    data: DataTable
    baseline: BaselineTable
    rounding: RoundingTable = RoundingTable()
    numerics: NumericsTable = NumericsTable()
    recipe: Recipe
    engine: EngineOptions = EngineOptions()
    rates: SkipJsonSchema[LearningRates | None] = None

    @cached_property
    def baseline_spec(self) -> ArchitectureSpec:
        """The baseline with the data's classes and channels."""
        classes, channels = self.data.shape
        return replace(self.baseline.network(), in_channels=channels, num_classes=classes)

    @cached_property
    def rounding_rules(self) -> RoundingRules:
        """The rounding rules as the generator takes them."""
        named = self.baseline.stages is None
        released = rules_of_baseline(self.baseline.name) if named else RELEASED
        return replace(released, **self.rounding.model_dump())

    @cached_property
    def model_numerics(self) -> Numerics:
        """Padding and batch norm."""
        return Numerics(padding=TENSORFLOW.padding, **self.numerics.model_dump())

    @cached_property
    def device(self) -> str:
        """The type of device that trains: `cpu` or `cuda`; `auto` is decided here, once."""
        return best_device(self.engine.device).type

    @property
    def largest_image_size(self) -> int | None:
        """The data's own size, where enlarging it adds no detail; None where there is no such limit."""
        return None if self.data.allow_upsampling else self.data.native_size

    def job(
        self,
        spec: ArchitectureSpec,
        *,
        seed: int,
        learning_rate_factor: float = 1.0,
        epochs: int | None = None,
        train: int | None = None,
    ) -> Job:
        """Return one training: this setup, a network, a seed, and what a plan changes of recipe and data.

        The network has the data's classes and channels. The rate is the network's (`rate_of`) times a factor
        above 0.
        """
        recipe = replace(
            self.recipe,
            learning_rate=self.rate_of(spec) * learning_rate_factor,
            epochs=self.recipe.epochs if epochs is None else epochs,
        )
        data = self.data if train is None else self.data.model_copy(update={"train": train})
        return Job(
            spec=spec,
            recipe=recipe,
            data=data,
            numerics=self.model_numerics,
            kernels=self.engine.kernels,
            graphs=self.engine.graphs,
            device=self.device,
            seed=seed,
        )

    def check_pictures(self, image_size: int) -> None:
        """See, before anything is trained, that no picture of a folder is smaller than the largest network.

        Raises:
            DataError: one is; it is named.
        """
        data = self.data
        if data.name.startswith(PREFIX) and data.train is not None and not data.allow_upsampling:
            counts: dict[SplitName, int | None] = {"train": data.train, "validation": data.validation}
            check_sizes(data.name, counts, image_size, seed=data.seed)

    def rate_of(self, spec: ArchitectureSpec) -> float:
        """Return the learning rate of a network: interpolated between bracketed ones, or the recipe's own.

        Raises:
            SpecError: there are bracketed rates, and the network is not scaled from the baseline.
        """
        if self.rates_in_use is None:
            return self.recipe.learning_rate
        return self.rates_in_use.rate_at(*doublings(spec, self.baseline_spec))

    @cached_property
    def rates_in_use(self) -> LearningRates | None:
        """The bracketed learning rates, while the setup is what they were bracketed for; else a warning."""
        if self.rates is None or self.rates.setup == self.rates_key():
            return self.rates
        log.warning(
            "the setup was changed since its learning rates were bracketed, so every network trains at the "
            "recipe's own, %g; bracket again: scaling study rates --setup FILE --export",
            self.recipe.learning_rate,
        )
        return None

    def without_rates(self) -> Setup:
        """Return this setup with the recipe's own learning rate for every network."""
        return self if self.rates is None else Setup.model_validate(self.model_dump(exclude={"rates"}))

    def rates_key(self) -> str:
        """Return a hash of what bracketed rates were found on: baseline, data, rounding, numerics, recipe."""
        tables = {"data", "rounding", "numerics", "recipe"}
        plain = self.model_dump(mode="json", exclude_defaults=True, include=tables)
        plain["baseline"] = architecture_key(self.baseline_spec)
        return _hash_of(plain)

    def document(self) -> dict[str, Any]:
        """Return the setup as plain data."""
        return self.model_dump(mode="json")

    def shaping(self) -> dict[str, Any]:
        """Return what shapes results, settings at their defaults left out."""
        plain = self.model_dump(mode="json", exclude_defaults=True, exclude={"rates"})
        for setting in ("workers", "checkpoint_s"):
            plain.get("engine", {}).pop(setting, None)
        return plain if self.rates_in_use is None else {**plain, "rates": self.rates_in_use.shaping()}

    def key(self) -> str:
        """Return a hash of everything that shapes results."""
        return _hash_of(self.shaping())

    def check(self) -> Setup:
        """Return this setup, seen to fit together.

        Raises:
            ConfigError: scaling the baseline by 1 would change it, or its images are larger than the data's.
            ScalingError: a name is unknown or a value is out of range.
        """
        spec, rules, divisor = self.baseline_spec, self.rounding_rules, self.rounding.channel_divisor
        channels = (spec.stem.out_channels, *(s.out_channels for s in spec.stages), spec.head.out_channels)
        for count, scaled in zip(channels, scaled_channels(spec, 1.0, rules), strict=True):
            if scaled != count:
                raise ConfigError(
                    f"the baseline's {count} channels are not a multiple of channel_divisor {divisor} (of a "
                    "bottleneck, its inner ones): scaling by 1 would change it"
                )
        if rules.image_size(spec.image_size, 1.0) != spec.image_size:
            raise ConfigError(
                f"the baseline's image size {spec.image_size} is not a multiple of image_size_step "
                f"{rules.image_size_step}: scaling by 1 would change it"
            )
        largest = self.largest_image_size
        if largest is not None and spec.image_size > largest:
            raise ConfigError(
                f"the baseline's image size {spec.image_size} is above the data's own, {largest}; "
                "set data.allow_upsampling to enlarge images"
            )
        _ = self.model_numerics  # refuses what is out of range
        return self


def _hash_of(plain: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
