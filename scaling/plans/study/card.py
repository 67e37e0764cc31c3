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

from scaling.plans.networks import CONFIRM, SEARCH
from scaling.plans.study.conclusions import Conclusions
from scaling.plans.study.config import Equal, SearchThenFamily
from scaling.plans.study.equality import COSTS, calibration_words, training_words
from scaling.plans.study.plan import StudyPlan
from scaling.plans.study.state import StudyState
from scaling.runs.arithmetic import arithmetic_document, arithmetic_words


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
    plan: StudyPlan,
    state: StudyState,
    trials: pd.DataFrame,
    found: Conclusions,
    provenance: Mapping[str, Any],
    *,
    measured: Sequence[str] = (),
) -> tuple[Item, ...]:
    """Return the card of a study at this moment.

    Args:
        plan: of the study.
        state: how far it is.
        trials: its table.
        found: its conclusions.
        provenance: of this launch.
        measured: what is known of measured times, in sentences.
    """
    return (
        *_code(plan, provenance),
        *_training(plan, state, found),
        *_comparison(plan, state, trials, found, measured),
        _random_search(plan, trials),
        *_effort(state, provenance),
    )


def _code(plan: StudyPlan, provenance: Mapping[str, Any]) -> tuple[Item, ...]:
    commit, dirty = provenance.get("commit"), provenance.get("dirty")
    return (
        Item(question="Prediction written before the run?", answer=plan.study.prediction),
        Item(
            question="Code of search and of the training pipeline?",
            answer=f"this repository at {commit}" + (" with changes that are not committed" if dirty else "")
            if commit
            else "not run from a checkout, so no commit is known",
            state=Answer.GAP if dirty or not commit else Answer.FILLED,
        ),
        Item(question="Command?", answer=" ".join(provenance.get("command", []))),
    )


def _training(plan: StudyPlan, state: StudyState, found: Conclusions) -> tuple[Item, ...]:
    setup, computed = plan.setup, arithmetic_document(state.records)
    recipe = ", ".join(
        f"{name} {value}" for name, value in asdict(setup.recipe).items() if name != "augmentation"
    )
    error = found.validation_error
    return (
        Item(question="Training recipe, in full?", answer=recipe),
        Item(
            question="Data, split, and their checksums?",
            answer=f"{setup.data.name}: {plan.train_images:,} train, {plan.validation_images:,} validation, "
            f"split seed {setup.data.seed}; SHA-256 in provenance.json",
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
            answer="; ".join(
                [
                    f"{name.replace('_', '-')}: {', '.join(values)}"
                    for name, values in computed.items()
                    if values
                ]
                + arithmetic_words(computed)
            )
            or f"kernels {setup.engine.kernels}, {setup.device}",
            state=Answer.GAP if arithmetic_words(computed) else Answer.FILLED,
        ),
    )


def _comparison(
    plan: StudyPlan, state: StudyState, trials: pd.DataFrame, found: Conclusions, measured: Sequence[str]
) -> tuple[Item, ...]:
    scaled = trials[trials["target_factor"].notna() & (trials["achieved_factor"].notna())]
    spread = (scaled["achieved_factor"] / scaled["target_factor"] - 1).abs().max() if len(scaled) else None
    rates = plan.table.learning_rates
    own = "the recipe's" if plan.setup.rates_in_use is None else "each network's bracketed one"
    survives = {None: "not known", True: "yes", False: "no"}[found.survives]
    return (
        Item(
            question="Same budget for every method?",
            answer=_budget(plan, state)
            + ("" if spread is None or pd.isna(spread) else f", at most {100 * float(spread):.1f} % off"),
        ),
        *_time(plan, state, measured),
        Item(
            question="Seeds, and are they paired?",
            answer=f"{list(plan.table.seeds)}, the same for every network; "
            "mean and 95 % interval of each, comparisons paired and corrected (result.json)",
        ),
        Item(
            question="What was tuned, and for whom?",
            answer="nothing within the study: the recipe is the setup's for every network; how its author "
            "chose it the program cannot know (docs/log.md for those that ship); learning rate: "
            + (
                f"{', '.join(f'{rate:g}' for rate in sorted(rates))} times {own}"
                if len(rates) > 1
                else f"{own} alone"
            ),
            state=Answer.FILLED if len(rates) > 1 else Answer.GAP,
        ),
        Item(
            question="Do conclusions survive other learning rates?",
            answer=survives if len(rates) > 1 else f"only {own} was tried",
            state=Answer.GAP if found.survives is None else Answer.FILLED,
        ),
    )


def _budget(plan: StudyPlan, state: StudyState) -> str:
    words = training_words(plan, state.networks)
    dearer = " and images, so a dearer network had more compute" if plan.equal == Equal.EPOCHS else ""
    return f"equal {words}{dearer}; equal achieved {COSTS[plan.space.target.metric]} within a level"


def _time(plan: StudyPlan, state: StudyState, measured: Sequence[str]) -> Iterator[Item]:
    """Yield the item of predicted time, where that is what is equal."""
    words = calibration_words(plan, state.networks)
    if words:
        words += measured
        yield Item(
            question="Predicted time of which device, and how far off?",
            answer=" ".join(words),
            state=Answer.GAP if plan.calibration is None else Answer.FILLED,
        )


def _random_search(plan: StudyPlan, trials: pd.DataFrame) -> Item:
    question = "Random-search baseline?"
    if not isinstance(plan.design, SearchThenFamily):
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


def _effort(state: StudyState, provenance: Mapping[str, Any]) -> tuple[Item, ...]:
    trained = state.records
    hours = sum(one.wall_s for one in trained) / 3600
    ended = {kind: sum(one.state == kind for one in trained) for kind in ("complete", "diverged", "failed")}
    processors = sorted({f"{one.provenance['processor']}, {one.provenance['device']}" for one in trained})
    return (
        Item(
            question="Total time, trainings that came to nothing included?",
            answer=f"{hours:.2f} worker hours in {len(trained)} trainings ({ended['complete']} complete, "
            f"{ended['diverged']} diverged, {ended['failed']} failed), {len(state.missing)} missing; "
            "choosing the setup is not in it (docs/log.md)",
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
