"""The report of `scaling fit` as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scaling.analysis.intervals import LEVEL
from scaling.analysis.law_fits import Fit
from scaling.analysis.law_report import LawReport
from scaling.analysis.law_surface import SurfaceLaw
from scaling.analysis.laws import CostLaw
from scaling.targets.explanation import PAPER_BASES

BASES = ("alpha", "beta", "gamma")


def fit_document(report: LawReport) -> dict[str, Any]:
    """Return a report as plain data: errors are fractions, intervals 95 % of the resamples."""
    source = report.source
    return {
        "source": source.name,
        "cost": source.cost,
        "epochs": source.epochs,
        "trainings_left_out": source.left_out,
        "seed_standard_deviation": source.noise,
        "level": LEVEL,
        "form": "error = E + A·(C / smallest)^(−a)",
        "laws": [_law(law) for law in report.laws],
        "surface": _surface(report.surface),
    }


def _law(law: CostLaw) -> dict[str, Any]:
    return {
        "strategy": law.strategy,
        "networks": law.networks,
        "trainings": law.trainings,
        "distinct_costs": law.costs,
        "smallest": law.smallest,
        "factor": law.factor,
        "refusal": law.refusal,
        "exponent": law.exponent and asdict(law.exponent),
        "floor": law.floor and asdict(law.floor),
        "amplitude": law.amplitude and asdict(law.amplitude),
        "residual": law.fit and law.fit.residual,
        "resamples": law.fit and len(law.fit.draws),
        **_tried(law.fit),
    }


def _surface(surface: SurfaceLaw) -> dict[str, Any]:
    limit, first = surface.bases(), surface.bases(first_step=True)
    return {
        "form": "error = E + A_d·d^(−p) + A_w·w^(−q) + A_r·r^(−s)",
        "networks": surface.networks,
        "refusal": surface.refusal,
        "exponents": {name: asdict(one) for name, one in surface.exponents().items()},
        "amplitudes": {name: asdict(one) for name, one in surface.amplitudes().items()},
        "residual": surface.fit and surface.fit.residual,
        **_tried(surface.fit),
        "bases": limit and dict(zip(BASES, map(asdict, limit), strict=True)),
        "first_step_bases": first and dict(zip(BASES, map(asdict, first), strict=True)),
        "paper_bases": dict(PAPER_BASES),
    }


def _tried(fit: Fit | None) -> dict[str, Any]:
    """Return what was predicted from smaller scales: the largest, and all."""
    rolling = [{**asdict(held), "inside": held.inside} for held in fit.rolling] if fit else []
    return {"held_out": rolling[-1] if rolling else None, "rolling": rolling}
