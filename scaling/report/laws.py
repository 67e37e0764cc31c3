"""The law of error and cost of a run, or in one line why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from scaling.analysis.intervals import Estimate
from scaling.analysis.law_fits import Bootstrap
from scaling.analysis.law_networks import ALL, LawData, sources_of
from scaling.analysis.laws import CostLaw, fit_cost_law
from scaling.errors import ResultsError
from scaling.figures.chart import Layout
from scaling.figures.law import draw_law, laws_frame
from scaling.figures.style import theme
from scaling.report.record import RunRecord

RESAMPLES = 200
"""Of a law in a report; `scaling fit` takes 400."""
CAPTION = (
    "error = E + A·C^(−a), fitted to the networks of this run, each way of scaling by itself, with 95 % of "
    "resamples; grey: what a law that has not seen the largest cost foretells of it. Proposals were chosen by"
    " what was seen before: their law describes this search."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLaws:
    """What can be said of error against cost.

    Args:
        figure: the chart; None where there is no law.
        words: each law in a sentence or two, for who cannot see the chart.
        refusal: why there is no law, or none of some ways of scaling; empty where there are all.
    """

    figure: Figure | None
    words: str
    refusal: str


def laws_of(record: RunRecord) -> RunLaws:
    """Fit a law to each way in which the run scaled; none where the range of cost is too short.

    Nor where there is a surface, which says more of the same trainings.
    """
    if record.surface is not None:
        return RunLaws(figure=None, words="", refusal="")
    try:
        sources = sources_of([record.trials], cost="macs")
    except ResultsError as error:
        return RunLaws(figure=None, words="", refusal=f"No law of error and cost: {error}.")
    source = sources[0]
    bootstrap = Bootstrap(resamples=RESAMPLES)
    laws = [fit_cost_law(name, some, source.noise, bootstrap) for name, some in source.strategies().items()]
    fitted = [law for law in laws if law.refusal is None]
    return RunLaws(
        figure=_figure(source, laws) if fitted else None,
        words=" ".join(sentence for law in fitted for sentence in _sentences(law)),
        refusal=_refusal(laws),
    )


def _figure(source: LawData, laws: Sequence[CostLaw]) -> Figure:
    with theme():
        figure, (ax,) = Layout(double=3.2).make("double")
        draw_law(laws_frame(source, laws), ax)
    return figure


def _sentences(law: CostLaw) -> Iterator[str]:
    exponent, floor, amplitude = law.exponent, law.floor, law.amplitude
    assert exponent is not None and floor is not None and amplitude is not None  # noqa: PT018
    yield (
        f"{law.strategy}, {law.networks} networks over a {law.factor:.3g}-fold cost: error = "
        f"{100 * floor.value:.1f} % + {100 * amplitude.value:.1f} %·(C / {law.smallest:,.0f})^(−"
        f"{exponent.value:.2f}); exponent {_interval(exponent)}, floor {_interval(floor, 100, 1)} %."
    )
    if law.held_out is not None:
        held = law.held_out
        yield (
            f"The largest cost, held out, was foretold at {_interval(held.predicted, 100, 1)} % and measured "
            f"at {100 * held.observed:.1f} %: {'inside' if held.inside else 'outside'} the interval."
        )


def _interval(one: Estimate, unit: float = 1.0, digits: int = 2) -> str:
    value, low, high = (f"{unit * figure:.{digits}f}" for figure in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"


def _refusal(laws: Sequence[CostLaw]) -> str:
    """Say once why there is no law at all, by that of everything; else name the ways without a law."""
    refused = [law for law in laws if law.refusal is not None]
    if not refused:
        return ""
    if len(refused) == len(laws):
        widest = max(laws, key=lambda law: (law.strategy == ALL, law.networks))
        return f"No law of error and cost: {widest.refusal} ({widest.networks} networks)."
    said = "; ".join(f"{law.strategy} ({law.networks} networks), {law.refusal}" for law in refused)
    return f"No law of: {said}."
