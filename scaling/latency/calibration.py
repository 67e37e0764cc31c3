"""A device's time model with what it was measured on, as one JSON file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular, write_json
from scaling.cost import Cost, count_cost
from scaling.cost.latency_model import BY_KIND, LatencyModel, amounts
from scaling.data.locations import cache_folder
from scaling.errors import ConfigError
from scaling.latency.fitting import Errors, fit, one_factor, relative_errors, summary
from scaling.latency.timing import Conditions, Mode, measure_ms, medians
from scaling.model import KernelTable
from scaling.network.architecture import ArchitectureSpec
from scaling.provenance import utc_now
from scaling.toml_errors import first_problem
from scaling.training.kernels import Progress, no_progress

FARTHEST = 4.0
"""Times beyond the calibrated range at which a prediction is refused."""
SLACK = 1.05
"""A range is taken to be this much wider before anything is said."""
RIVALS = {"FLOPs": "ms_per_gmac", "activations": "ms_per_mactivation"}
"""What the model is compared with: times in proportion to one cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One network that was timed.

    Args:
        held_out: whether it took no part in the fit.
        measured_ms: median over rounds.
        spread: interquartile range of the rounds over their median.
    """

    name: str
    held_out: bool
    macs: int
    activations: int
    params: int
    image_size: int
    measured_ms: float
    spread: float
    predicted_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A time model of one device under stated conditions.

    Args:
        ranges: least and most of every amount that the model uses, and of the costs and the image size.
        errors: on held-out networks, of the model and of one cost alone; by name, the model's `model`.
        measured_at: UTC, ISO 8601.
    """

    conditions: Conditions
    model: LatencyModel
    ranges: Mapping[str, tuple[float, float]]
    errors: Mapping[str, Errors]
    measured: tuple[Measured, ...]
    rounds: int
    measured_at: str

    def predict_ms(self, spec: ArchitectureSpec) -> float:
        """Return milliseconds of a batch.

        Raises:
            ConfigError: an amount is more than 4 times beyond what was measured.
        """
        cost = count_cost(spec)
        far = {name: times for name, times in self.beyond(spec).items() if times > FARTHEST}
        if far:
            name, times = max(far.items(), key=lambda item: item[1])
            low, high = self.ranges[name]
            raise ConfigError(
                f"{spec.name} is {times:.3g} times beyond the calibrated range in {name} ({low:.4g} to "
                f"{high:.4g}): calibrate on networks of its size and kind"
            )
        return float(self.model.predict(cost))

    def beyond(self, spec: ArchitectureSpec) -> dict[str, float]:
        """Return in which amounts a network is beyond the calibrated range, and how many times."""
        found = {}
        for name, value in _amounts(self.model, count_cost(spec)).items():
            low, high = self.ranges[name]
            times = max(_ratio(value, high), _ratio(low, value))
            if times > SLACK:
                found[name] = times
        return found


def _ratio(value: float, other: float) -> float:
    if value <= other:
        return 1.0
    return value / other if other > 0 else math.inf


def _range_names(model: LatencyModel) -> list[str]:
    """Return what a calibration has ranges of: whole costs, and the amounts of its model."""
    kinds = (name.removeprefix("ms_per_") for name in model.terms if name in BY_KIND)
    return ["macs", "activations", "params", "image_size", *kinds]


def _amounts(model: LatencyModel, cost: Cost) -> dict[str, float]:
    whole = {"macs": cost.macs, "activations": cost.activations, "params": cost.params}
    kinds = amounts([name for name in model.terms if name in BY_KIND], cost)
    own = {name.removeprefix("ms_per_"): float(value) for name, value in kinds.items()}
    return {**whole, "image_size": cost.spec.image_size, **own}


def calibrate(
    fitted: Sequence[ArchitectureSpec],
    held_out: Sequence[ArchitectureSpec],
    conditions: Conditions,
    device: torch.device,
    kernels: KernelTable | None,
    *,
    rounds: int,
    progress: Progress = no_progress,
) -> Calibration:
    """Time networks, fit the model to some of them, and see how far off it is on the others.

    Raises:
        ConfigError: there are too few networks.
    """
    specs = [*fitted, *held_out]
    times = measure_ms(specs, conditions, device, kernels, rounds=rounds, progress=progress)
    return conclude(specs, times, len(fitted), conditions)


def conclude(
    specs: Sequence[ArchitectureSpec],
    times: Sequence[Sequence[float]],
    fitted: int,
    conditions: Conditions,
) -> Calibration:
    """Make a calibration of networks and their times; the first `fitted` make the model."""
    costs, middle = [count_cost(spec) for spec in specs], medians(times)
    model = fit(costs[:fitted], middle[:fitted])
    rivals = {name: one_factor(costs[:fitted], middle[:fitted], term) for name, term in RIVALS.items()}
    held_out = costs[fitted:], middle[fitted:]
    errors = {
        name: summary(relative_errors(one, *held_out)) for name, one in {"model": model, **rivals}.items()
    }
    seen = [_amounts(model, cost) for cost in costs[:fitted]]
    return Calibration(
        conditions=conditions,
        model=model,
        ranges={name: (min(o[name] for o in seen), max(o[name] for o in seen)) for name in seen[0]},
        errors=errors,
        measured=tuple(
            Measured(
                name=cost.spec.name,
                held_out=number >= fitted,
                macs=cost.macs,
                activations=cost.activations,
                params=cost.params,
                image_size=cost.spec.image_size,
                measured_ms=middle[number],
                spread=_spread(times[number]),
                predicted_ms=float(model.predict(cost)),
            )
            for number, cost in enumerate(costs)
        ),
        rounds=len(times[0]),
        measured_at=utc_now(),
    )


def _spread(times: Sequence[float]) -> float:
    ordered = sorted(times)
    low, high = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    return (high - low) / ordered[len(ordered) // 2]


def path_here(conditions: Conditions) -> Path:
    """Return where a machine keeps a calibration of these conditions."""
    where = f"{conditions.processor} {conditions.device} {conditions.dtype} torch-{conditions.torch_version}"
    plain = "".join(letter if letter.isalnum() else "-" for letter in where.lower())
    name = f"{conditions.mode}-batch{conditions.batch}-threads{conditions.threads}-{plain}.json"
    return cache_folder() / "latency" / name


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Save a calibration, atomically.

    Raises:
        ResultsError: the file cannot be written.
    """
    write_json(path, document_of(calibration))


def document_of(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as plain data; what cannot be told is null."""
    plain = asdict(calibration)
    for one in plain["errors"].values():
        one |= {key: None for key, value in one.items() if isinstance(value, float) and math.isnan(value)}
    return {"schema_version": 1, "kind": "latency", **plain}


def read_calibration(path: Path) -> Calibration:
    """Read a saved calibration.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        document = json_of(read_regular(path, LARGEST_DOCUMENT))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{path} is no calibration: it is not JSON") from None
    if not isinstance(document, dict) or document.pop("kind", None) != "latency":
        raise ConfigError(f"{path} is no calibration: scaling latency --calibrate writes one")
    if (version := document.pop("schema_version", None)) != 1:
        raise ConfigError(f"{path}: expected schema_version 1, got {version!r}")
    errors = document.get("errors")
    for one in errors.values() if isinstance(errors, dict) else ():
        if isinstance(one, dict):
            one |= {key: math.nan for key in ("low", "high") if one.get(key) is None}
    try:
        found = TypeAdapter(Calibration).validate_python(document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_problem(error)}") from None
    named = {"errors": (found.errors, ["model"]), "ranges": (found.ranges, _range_names(found.model))}
    for table, (entries, wanted) in named.items():
        if missing := sorted(set(wanted) - set(entries)):
            raise ConfigError(f"{path} is damaged: {table} has no {missing[0]}")
    return found


def calibrations_here(device: torch.device) -> list[Path]:
    """Return the calibrations that this machine keeps of a device and this version of torch."""
    here = Conditions.here(device, mode=Mode.INFERENCE, batch=1, threads=1, kernels=None)
    found = []
    for path in sorted((cache_folder() / "latency").glob("*.json")):
        one = read_calibration(path).conditions
        if all(
            getattr(one, name) == getattr(here, name) for name in ("device", "processor", "torch_version")
        ):
            found.append(path)
    return found
