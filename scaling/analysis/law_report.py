"""Everything `scaling fit` finds in one source: a law for each strategy, and the surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scaling.analysis.law_fits import Bootstrap
from scaling.analysis.law_networks import LawData
from scaling.analysis.law_surface import SurfaceLaw, fit_surface
from scaling.analysis.laws import CostLaw, fit_cost_law

SURFACE = "depth, width, resolution"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawReport:
    """The laws of one source.

    Args:
        source: the networks.
        laws: one a strategy, refused ones among them.
        surface: in depth, width and resolution.
    """

    source: LawData
    laws: tuple[CostLaw, ...]
    surface: SurfaceLaw


def report_laws(source: LawData, draws_of: Callable[[str], Bootstrap]) -> LawReport:
    """Fit every law of a source.

    Args:
        source: networks of one experiment.
        draws_of: the bootstrap of a law, by the strategy's name or `SURFACE`.
    """
    laws = tuple(
        fit_cost_law(name, networks, source.noise, draws_of(name))
        for name, networks in source.strategies().items()
    )
    return LawReport(
        source=source, laws=laws, surface=fit_surface(source.networks, source.noise, draws_of(SURFACE))
    )
