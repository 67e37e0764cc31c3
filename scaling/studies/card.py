"""The reproducibility card: what the field asks a study to state, filled by the program, gaps shown.

The items follow Lindauer & Hutter 2020 (JMLR 21, best practices for research on architecture search) and the
NeurIPS checklist; the wording is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from scaling.studies.conclusions import Conclusions
from scaling.studies.config import Equal, SearchThenFamily
from scaling.studies.equality import COSTS, calibration_words, training_words
from scaling.studies.networks import CONFIRM, SEARCH
from scaling.studies.trials import Bench, State


class Answer(StrEnum):
    """What became of an item."""

    FILLED = "filled"
    GAP = "gap"
    """The study does not do it, or does not know it yet."""
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of the card.

    Args:
        question: what the field asks.
        answer: in a sentence.
        state: whether it is answered.
    """

    question: str
    answer: str
    state: Answer = Answer.FILLED


def card_of(
    bench: Bench,
    state: State,
    trials: pd.DataFrame,
    found: Conclusions,
    provenance: Mapping[str, Any],
    *,
    measured: Sequence[str] = (),
) -> tuple[Item, ...]:
    """Return the card of a study as it stands.

    Args:
        bench: the study.
        state: how far it is.
        trials: its table.
        found: its conclusions.
        provenance: of this launch.
        measured: what is known of measured times, in sentences.
    """
    return (
        *_code(bench, provenance),
        *_training(bench, provenance, found),
        *_comparison(bench, state, trials, found, measured),
        _random_search(bench, trials),
        *_effort(state, provenance),
    )


def _code(bench: Bench, provenance: Mapping[str, Any]) -> tuple[Item, ...]:
    commit, dirty = provenance.get("commit"), provenance.get("dirty")
    return (
        Item(question="Prediction written before the run?", answer=bench.study.prediction),
        Item(
            question="Code of search and of the training pipeline?",
            answer=f"this repository at {commit}" + (" with changes that are not committed" if dirty else "")
            if commit
            else "not run from a checkout, so no commit is known",
            state=Answer.GAP if dirty or not commit else Answer.FILLED,
        ),
        Item(question="Command?", answer=" ".join(provenance.get("command", []))),
    )


def _training(bench: Bench, provenance: Mapping[str, Any], found: Conclusions) -> tuple[Item, ...]:
    proxy = bench.proxy
    recipe = ", ".join(
        f"{name} {value}" for name, value in asdict(proxy.recipe).items() if name != "augmentation"
    )
    error = found.validation_error
    return (
        Item(question="Training recipe, in full?", answer=recipe),
        Item(
            question="Data, split, and their checksums?",
            answer=f"{proxy.data.name}: {proxy.data.train:,} train, {proxy.data.validation:,} validation, "
            f"split seed {proxy.data.seed}; SHA-256 in provenance.json",
        ),
        Item(
            question="Validation size and its standard error?",
            answer=f"{found.validation_images:,} images"
            + ("" if error is None else f", {100 * error:.2f} points, which networks judged on them share"),
            state=Answer.GAP if error is None else Answer.FILLED,
        ),
        Item(
            question="Test set kept apart?",
            answer="no image of the test split was looked at; every accuracy is of the validation split, "
            "after the final epoch, never the best one",
        ),
        Item(
            question="Kernels and arithmetic?",
            answer=f"kernels {proxy.engine.kernels}, {provenance.get('device')}",
        ),
    )


def _comparison(
    bench: Bench, state: State, trials: pd.DataFrame, found: Conclusions, measured: Sequence[str]
) -> tuple[Item, ...]:
    scaled = trials[trials["target_factor"].notna() & (trials["achieved_factor"].notna())]
    spread = (scaled["achieved_factor"] / scaled["target_factor"] - 1).abs().max() if len(scaled) else None
    rates = bench.size.learning_rates
    survives = {None: "not known", True: "yes", False: "no"}[found.survives]
    return (
        Item(
            question="Same budget for every method?",
            answer=_budget(bench, state)
            + ("" if spread is None or pd.isna(spread) else f", at most {100 * float(spread):.1f} % off"),
        ),
        *_time(bench, state, measured),
        Item(
            question="Seeds, and are they paired?",
            answer=f"{list(bench.size.seeds)}, the same for every network; "
            "mean and 95 % interval of each, comparisons paired and corrected (result.json)",
        ),
        Item(
            question="What was tuned, and for whom?",
            answer="nothing within the study: the recipe is the proxy's for every network; how its author "
            "chose it the program cannot know (docs/log.md for those that ship); learning rate: "
            + (
                f"{', '.join(f'{rate:g}' for rate in sorted(rates))} times the recipe's"
                if len(rates) > 1
                else "the recipe's alone"
            ),
            state=Answer.FILLED if len(rates) > 1 else Answer.GAP,
        ),
        Item(
            question="Do conclusions survive other learning rates?",
            answer=survives if len(rates) > 1 else "only the recipe's own was tried",
            state=Answer.GAP if found.survives is None else Answer.FILLED,
        ),
    )


def _budget(bench: Bench, state: State) -> str:
    words = training_words(bench, state.members)
    dearer = " and images, so a dearer network had more compute" if bench.equal == Equal.EPOCHS else ""
    return f"equal {words}{dearer}; equal achieved {COSTS[bench.scene.target.metric]} within a level"


def _time(bench: Bench, state: State, measured: Sequence[str]) -> Iterator[Item]:
    """Yield the item of predicted time, where that is what is equal."""
    words = calibration_words(bench, state.members)
    if words:
        words += measured
        yield Item(
            question="Predicted time of which device, and how far off?",
            answer=" ".join(words),
            state=Answer.GAP if bench.calibration is None else Answer.FILLED,
        )


def _random_search(bench: Bench, trials: pd.DataFrame) -> Item:
    question = "Random-search baseline?"
    if not isinstance(bench.study.design, SearchThenFamily):
        return Item(question=question, answer="nothing is searched here", state=Answer.NOT_APPLICABLE)
    complete = trials[trials["state"] == "complete"]
    step1 = complete[complete["kind"] == SEARCH].groupby("name")["top1"].mean()
    fresh = complete[complete["kind"] == CONFIRM].groupby("name")["top1"].mean()
    if step1.empty or fresh.empty:
        return Item(question=question, answer="step 1 is not finished", state=Answer.GAP)
    return Item(
        question=question,
        answer=f"a direction drawn at random from step 1 has {100 * step1.mean():.2f} % on average "
        f"({len(step1)} networks); the chosen one has {100 * fresh.max():.2f} % by fresh seeds. All "
        "directions of the lattice were trained, so no sampler was involved that could beat chance",
    )


def _effort(state: State, provenance: Mapping[str, Any]) -> tuple[Item, ...]:
    trained = state.trained
    hours = sum(one.wall_s for one in trained) / 3600
    ended = {kind: sum(one.state == kind for one in trained) for kind in ("complete", "diverged", "failed")}
    processors = sorted({f"{one.provenance['processor']}, {one.provenance['device']}" for one in trained})
    return (
        Item(
            question="Total time, trainings that came to nothing included?",
            answer=f"{hours:.2f} worker hours in {len(trained)} trainings ({ended['complete']} complete, "
            f"{ended['diverged']} diverged, {ended['failed']} failed), {len(state.missing)} missing; "
            "choosing the proxy is not in it (docs/log.md)",
            state=Answer.GAP if state.missing else Answer.FILLED,
        ),
        Item(
            question="Hardware and versions?",
            answer=f"{'; '.join(processors) or 'nothing trained yet'}; torch "
            f"{provenance.get('packages', {}).get('torch')}, Python {provenance.get('python')}",
            state=Answer.FILLED if processors else Answer.GAP,
        ),
        Item(
            question="Confounders that are left?",
            answer="one data set, one recipe and one training length a study; tiny networks, so nothing here "
            "is a claim about ImageNet",
            state=Answer.GAP,
        ),
    )


def card_document(items: Sequence[Item]) -> dict[str, Any]:
    """Return the card as plain data."""
    return {
        "source": "after Lindauer & Hutter 2020, JMLR 21(243)",
        "gaps": sum(one.state == Answer.GAP for one in items),
        "items": [{**asdict(one), "state": one.state.value} for one in items],
    }


def card_text(title: str, items: Sequence[Item]) -> str:
    """Return the card as Markdown."""
    lines = [f"# Reproducibility card: {title}", ""]
    for one in items:
        mark = {Answer.FILLED: "", Answer.GAP: " **(gap)**", Answer.NOT_APPLICABLE: " (not applicable)"}
        lines += [f"- **{one.question}**{mark[one.state]} {one.answer}."]
    return "\n".join(lines).replace("..", ".") + "\n"
