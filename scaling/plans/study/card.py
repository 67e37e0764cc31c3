"""The reproducibility card: what the field asks a study to state, filled by the program, gaps shown.

The items follow Lindauer & Hutter 2020 (JMLR 21, best practices for research on architecture search) and the
NeurIPS checklist; the wording is ours.
"""

from __future__ import annotations

from collections import Counter
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
from scaling.plans.study.trials import StudyState
from scaling.runs.arithmetic import arithmetic_document, arithmetic_words


class Answer(StrEnum):
    """What became of an item."""

    FILLED = "filled"
    GAP = "gap"
    """The study does not do it, or does not know it yet."""
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of the card, answered in a sentence."""

    question: str
    answer: str
    state: Answer


def card_of(
    plan: StudyPlan,
    state: StudyState,
    trials: pd.DataFrame,
    found: Conclusions,
    provenance: Mapping[str, Any],
    *,
    measured: Sequence[str] = (),
) -> tuple[Item, ...]:
    """Return the card of a study at this moment; `measured` says what is known of measured times."""
    return (
        *_code(plan, provenance),
        *_training(plan, state, found),
        *_comparison(plan, state, trials, found, measured),
        _random_search(plan, trials),
        *_effort(state, provenance),
    )


def _item(question: str, answer: str, *, gap: bool = False) -> Item:
    return Item(question=question, answer=answer, state=Answer.GAP if gap else Answer.FILLED)


def _code(plan: StudyPlan, provenance: Mapping[str, Any]) -> Iterator[Item]:
    commit, dirty = provenance.get("commit"), provenance.get("dirty")
    yield _item("Prediction written before the run?", plan.study.prediction)
    code = "not run from a checkout, so no commit is known"
    if commit:
        code = f"this repository at {commit}" + (" with changes that are not committed" if dirty else "")
    yield _item("Code of search and of the training pipeline?", code, gap=bool(dirty or not commit))
    yield _item("Command?", " ".join(provenance.get("command", [])))


def _training(plan: StudyPlan, state: StudyState, found: Conclusions) -> Iterator[Item]:
    setup, computed, error = plan.setup, arithmetic_document(state.records), found.validation_error
    recipe = asdict(setup.recipe).items()
    yield _item(
        "Training recipe, in full?",
        ", ".join(f"{name} {value}" for name, value in recipe if name != "augmentation"),
    )
    yield _item(
        "Data, split, and their checksums?",
        f"{setup.data.name}: {plan.train_images:,} train, {plan.validation_images:,} validation, "
        f"split seed {setup.data.seed}; SHA-256 in provenance.json",
    )
    yield _item(
        "Validation size and its standard error?",
        f"{found.validation_images:,} images"
        + ("" if error is None else f", {100 * error:.2f} points, which networks judged on them share"),
        gap=error is None,
    )
    yield _item(
        "Test set kept apart?",
        "no image of the test split was looked at; every accuracy is of the validation split, "
        "after the final epoch, never the best one",
    )
    mixed = arithmetic_words(computed)
    kinds = [f"{name.replace('_', '-')}: {', '.join(values)}" for name, values in computed.items() if values]
    yield _item(
        "Kernels and arithmetic?",
        "; ".join(kinds + mixed) or f"kernels {setup.engine.kernels}, {setup.device}",
        gap=bool(mixed),
    )


def _comparison(
    plan: StudyPlan, state: StudyState, trials: pd.DataFrame, found: Conclusions, measured: Sequence[str]
) -> Iterator[Item]:
    scaled = trials[trials["target_factor"].notna() & (trials["achieved_factor"].notna())]
    spread = (scaled["achieved_factor"] / scaled["target_factor"] - 1).abs().max() if len(scaled) else None
    dearer = " and images, so a dearer network had more compute" if plan.equal == Equal.EPOCHS else ""
    yield _item(
        "Same budget for every method?",
        f"equal {training_words(plan, state.networks)}{dearer}; "
        f"equal achieved {COSTS[plan.space.target.metric]} within a level"
        + ("" if spread is None or pd.isna(spread) else f", at most {100 * float(spread):.1f} % off"),
    )
    if words := calibration_words(plan, state.networks):
        answer = " ".join([*words, *measured])
        yield _item("Predicted time of which device, and how far off?", answer, gap=plan.calibration is None)
    yield _item(
        "Seeds, and are they paired?",
        f"{list(plan.table.seeds)}, the same for every network; "
        "mean and 95 % interval of each, comparisons paired and corrected (result.json)",
    )
    rates = sorted(plan.table.learning_rates)
    own = "the recipe's" if plan.setup.rates_in_use is None else "each network's bracketed one"
    several = f"{', '.join(f'{rate:g}' for rate in rates)} times {own}"
    yield _item(
        "What was tuned, and for whom?",
        "nothing within the study: the recipe is the setup's for every network; how its author "
        "chose it the program cannot know (docs/log.md for those that ship); learning rate: "
        + (several if len(rates) > 1 else f"{own} alone"),
        gap=len(rates) == 1,
    )
    survives = {None: "not known", True: "yes", False: "no"}[found.survives]
    yield _item(
        "Do conclusions survive other learning rates?",
        survives if len(rates) > 1 else f"only {own} was tried",
        gap=found.survives is None,
    )


def _random_search(plan: StudyPlan, trials: pd.DataFrame) -> Item:
    question = "Random-search baseline?"
    if not isinstance(plan.design, SearchThenFamily):
        return Item(question=question, answer="nothing is searched here", state=Answer.NOT_APPLICABLE)
    complete = trials[trials["state"] == "complete"]
    step1 = complete[complete["kind"] == SEARCH].groupby("name")["top1"].mean()
    fresh = complete[complete["kind"] == CONFIRM].groupby("name")["top1"].mean()
    if step1.empty or fresh.empty:
        return _item(question, "step 1 is not finished", gap=True)
    return _item(
        question,
        f"a direction drawn at random from step 1 has {100 * step1.mean():.2f} % on average "
        f"({len(step1)} networks); the chosen one has {100 * fresh.max():.2f} % by fresh seeds. All "
        "directions of the lattice were trained, so no sampler was involved that could beat chance",
    )


def _effort(state: StudyState, provenance: Mapping[str, Any]) -> Iterator[Item]:
    trained, ended = state.records, Counter(one.state.value for one in state.records)
    processors = sorted({f"{one.provenance['processor']}, {one.provenance['device']}" for one in trained})
    yield _item(
        "Total time, trainings that came to nothing included?",
        f"{sum(one.wall_s for one in trained) / 3600:.2f} worker hours in {len(trained)} trainings "
        f"({ended['complete']} complete, {ended['diverged']} diverged, {ended['failed']} failed), "
        f"{len(state.missing)} missing; choosing the setup is not in it (docs/log.md)",
        gap=bool(state.missing),
    )
    yield _item(
        "Hardware and versions?",
        f"{'; '.join(processors) or 'nothing trained yet'}; torch "
        f"{provenance.get('packages', {}).get('torch')}, Python {provenance.get('python')}",
        gap=not processors,
    )
    yield _item(
        "Confounders that are left?",
        "one data set, one recipe and one training length a study; tiny networks, so nothing here "
        "is a claim about ImageNet",
        gap=True,
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
    marks = {Answer.FILLED: "", Answer.GAP: " **(gap)**", Answer.NOT_APPLICABLE: " (not applicable)"}
    lines = [f"# Reproducibility card: {title}", ""]
    lines += [f"- **{one.question}**{marks[one.state]} {one.answer}." for one in items]
    return "\n".join(lines).replace("..", ".") + "\n"
