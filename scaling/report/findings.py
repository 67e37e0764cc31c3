"""What a run found, in sentences that its numbers make."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling.analysis.choosing import contenders
from scaling.analysis.noise import NoiseFloor
from scaling.plans.search.conclusion import conclusion, unlearned
from scaling.plans.search.samplers import Sampler
from scaling.report.record import RunRecord
from scaling.tables import network_name

NOTHING_YET = "No network has a complete training yet, so there is no finding."


def findings(record: RunRecord) -> list[str]:
    """Return the conclusion as sentences, each with the interval or the noise it rests on."""
    if record.ranking().empty:
        return [NOTHING_YET]
    chance = [] if record.settings is None else unlearned(record.trials, record.settings)
    return [*_found(record), *chance]


def _found(record: RunRecord) -> list[str]:
    ranking, noise = record.ranking(), record.noise
    if record.surface is not None and record.settings is not None:
        said = conclusion(record.surface.document(), record.settings.setup.data.name)
        fresh = []
        if record.settings.search.sampler != Sampler.SURFACE:  # the surface names what it has had confirmed
            fresh = _confirmed(contenders(record.trials, noise))
        return [*said, *fresh, *([] if noise is None else [_noise(noise)])]
    sentences, confirmed = [_best(ranking, noise)], _confirmed(contenders(record.trials, noise))
    if noise is None:
        sentences += confirmed
        sentences.append(
            "No network has two complete seeds: without a noise floor no difference is a finding."
        )
        return sentences
    if len(ranking) > 1:
        sentences.append(_alike(ranking))
    for name in ("baseline", "compound"):
        row = ranking[(ranking["kind"] == "reference") & (ranking["name"] == name)]
        if len(row) and row.index[0] != 0:
            sentences.append(_against(ranking.iloc[0], row.iloc[0], noise))
    return [*sentences, *confirmed, _noise(noise)]


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}".replace("-", "−")


def _best(ranking: pd.DataFrame, noise: NoiseFloor | None) -> str:
    best = ranking.iloc[0]
    seeds = int(best["seeds"])
    interval = ""
    if noise is not None:
        half = noise.reach(seeds)
        low, high = _percent(max(0.0, best["top1"] - half)), _percent(min(1.0, best["top1"] + half))
        interval = f" (95 % interval {low} to {high}, from the pooled noise)"
    return (
        f"Highest mean: {network_name(best)}, {_percent(best['top1'])} % over {seeds} "
        f"seed{'s' * (seeds != 1)}{interval}, at {best['achieved_factor']:.2f} times the baseline's "
        f"multiply-adds and {best['image_size']} px."
    )


def _confirmed(choice: pd.DataFrame) -> list[str]:
    """Say what fresh seeds make of the candidates; nothing where none were trained."""
    best = choice.iloc[0]
    if best["evidence"] != "fresh":
        return []
    same = int((choice["verdict"].iloc[1:] == "same").sum())
    interval = (
        ""
        if pd.isna(best["low"])
        else f" (95 % interval {_percent(best['low'])} to {_percent(best['high'])})"
    )
    return [
        f"Trained again with {best['seeds']} seeds that did not choose it, {network_name(best)} is best of "
        f"the candidates: {_percent(best['top1'])} %{interval}; the seeds that chose it had said "
        f"{_percent(best['search_top1'])} %. {same} of the other {len(choice) - 1} networks cannot be told "
        "apart from it by Holm-corrected t-tests."
    ]


def _alike(ranking: pd.DataFrame) -> str:
    others = ranking.iloc[1:]
    same = int((others["verdict"] == "same").sum())
    if same == len(others):
        return f"None of the other {same} networks can be told apart from it at 95 %."
    return (
        f"{same} of the other {len(others)} networks cannot be told apart from it at 95 %; "
        f"{len(others) - same} {'is' if len(others) - same == 1 else 'are'} below it beyond the noise."
    )


def _against(best: pd.Series[Any], other: pd.Series[Any], noise: NoiseFloor) -> str:
    gap = float(best["top1"] - other["top1"])
    least = noise.least_difference(int(best["seeds"]), int(other["seeds"]))
    verdict = "beyond" if gap >= least > 0 else "within"
    what = "the unscaled baseline" if other["name"] == "baseline" else "the paper's compound point"
    return (
        f"Over {what} ({_percent(other['top1'])} %) the difference is {_percent(gap)} points, 95 % interval "
        f"{_percent(gap - least)} to {_percent(gap + least)}: {verdict} the noise."
    )


def _noise(noise: NoiseFloor) -> str:
    return (
        f"Noise: seeds of one network spread by {100 * noise.standard_deviation:.2f} points (standard "
        f"deviation, {noise.degrees_of_freedom} degrees of freedom). Intervals are two-sided t, not "
        "corrected for several comparisons, and the best of many is chosen after the fact."
    )


def state_of(record: RunRecord) -> str:
    """Say whether a run is finished, in one word or two."""
    if record.provenance.get("finished"):
        return "finished"
    waiting = bool((record.trials["state"] == "waiting").any()) if len(record.trials) else True
    return (
        "under way, or stopped before its end" if waiting or not record.provenance else "not marked finished"
    )


def failures(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the trials that did not end with an accuracy: one entry a state, with their numbers."""
    meanings = {
        "failed": "ended by an error",
        "diverged": "loss was no longer a number",
        "pruned": "stopped early by the pruner",
        "infeasible": "off the cost target, never trained",
        "waiting": "not trained yet",
    }
    found = []
    for state, meaning in meanings.items():
        rows = trials[trials["state"] == state]
        if len(rows):
            numbers = sorted(int(trial) for trial in rows["trial"].dropna().unique())
            found.append(
                {"state": state, "meaning": meaning, "trials": numbers, "trainings": _trainings(rows)}
            )
    return found


def _trainings(rows: pd.DataFrame) -> str:
    """Count trainings; of pruned networks those that had begun, and the seeds that were never needed."""
    count, begun = len(rows), int(rows["top1"].notna().sum())
    words = f"{count} training{'s' * (count != 1)}"
    pruned = bool((rows["state"] == "pruned").all())
    return f"{words}, {count - begun} of them never begun" if pruned and begun < count else words
