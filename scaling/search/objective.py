"""Train a claimed network with each of its seeds; what is finished is kept at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from optuna.exceptions import UpdateFinishedTrialError

from scaling.data import dataset_info, load_split
from scaling.data.dataset import Split
from scaling.errors import ResultsError
from scaling.model import KernelTable
from scaling.network.architecture import ArchitectureSpec
from scaling.search.claims import Claim
from scaling.search.config import SearchConfig
from scaling.search.endings import PRUNED, Ending
from scaling.search.objectives import values_of
from scaling.search.patience import DATABASE_ERRORS, lost_contact
from scaling.search.pruners import Pruner
from scaling.search.pruning import Judge, PrunedError
from scaling.training import TrainingResult, train_network
from scaling.training.checkpoint import delete_checkpoint
from scaling.training.curve import Curve
from scaling.training.engine import Judged, Outcome, TrainingInterruptedError
from scaling.training.trained import plain_result

SeedReport = Callable[[int, int], None]
"""Called after each step with the seed and the number of steps done."""


def evaluate(
    config: SearchConfig,
    claim: Claim,
    device: torch.device,
    *,
    report: SeedReport,
    should_stop: Callable[[], bool],
    checkpoints: Path | None = None,
    kernels: KernelTable | None = None,
) -> Ending:
    """Train every seed that has no result yet; return how the trial ended, with the mean of its seeds.

    A divergence or an error ends the trial as such, with its reason; the search goes on.

    Raises:
        TrainingInterruptedError: `should_stop` said so; finished seeds are kept, the trial is still open.
        ResultsError: a checkpoint cannot be written; the trial is still open.
        UpdateFinishedTrialError: another worker took this trial over.
        Exception: the database went away while a result was written; the trial is to be trained again.
    """
    results = seed_results(claim.trial.user_attrs)
    try:
        judge = _judge(config, claim)
        for seed in claim.seeds:
            if seed not in results:
                results[seed] = _train_seed(
                    config, claim, seed, device, report, should_stop, judge, checkpoints, kernels
                )
            result = results[seed]
            if result["outcome"] == PRUNED:
                return Ending(outcome=PRUNED)
            complete = result["outcome"] == Outcome.COMPLETE
            if judge is not None and complete and judge.ends_after(seed, result["top1"]):
                return Ending(outcome=PRUNED, values=_values(config, claim, results))
    except (TrainingInterruptedError, UpdateFinishedTrialError, ResultsError):
        raise
    except Exception as error:  # one bad network must not end a search
        if lost_contact(error) or isinstance(error, DATABASE_ERRORS):
            raise
        return Ending(outcome="failed", error=f"{type(error).__name__}: {error}")
    if any(result["outcome"] == Outcome.DIVERGED for result in results.values()):
        return Ending(outcome="diverged")
    return Ending(outcome="complete", values=_values(config, claim, results))


def _judge(config: SearchConfig, claim: Claim) -> Judge | None:
    """Return who may end the trial early; nobody ends a reference."""
    if config.search.pruner == Pruner.NONE or claim.candidate.kind != "search":
        return None
    return Judge(config.search, claim.study, claim.trial, claim.seeds, config.recipe.epochs)


def _values(config: SearchConfig, claim: Claim, results: dict[int, dict[str, Any]]) -> tuple[float, ...]:
    return tuple(values_of(config.search.objectives, claim.candidate.spec, list(results.values())))


def _train_seed(
    config: SearchConfig,
    claim: Claim,
    seed: int,
    device: torch.device,
    report: SeedReport,
    should_stop: Callable[[], bool],
    judge: Judge | None,
    checkpoints: Path | None,
    kernels: KernelTable | None,
) -> dict[str, Any]:
    """Train one seed, or as much of it as the pruner allows; note the result with the trial."""
    checkpoint = checkpoint_of(claim, seed, checkpoints)
    try:
        result = train_once(
            config,
            claim.candidate.spec,
            seed,
            device,
            report,
            should_stop,
            checkpoint=checkpoint,
            on_epoch=None if judge is None else judge.by_epoch(seed),
            kernels=kernels,
        )
        plain = plain_result(result)
    except PrunedError as pruned:
        plain = {
            "outcome": PRUNED,
            "top1": pruned.top1,
            "epochs": pruned.epochs,
            "wall_s": pruned.wall_s,
        }
    claim.trial.set_user_attr(f"result:{seed}", plain)
    if checkpoint is not None:
        delete_checkpoint(checkpoint)
    return plain


def checkpoint_of(claim: Claim, seed: int, checkpoints: Path | None) -> Path | None:
    """Return the checkpoint of a network and seed: the same for every try of it."""
    if checkpoints is None:
        return None
    lineage = claim.trial.user_attrs.get("lineage", claim.trial.number)
    return checkpoints / f"{claim.candidate.kind}-{lineage}-{seed}.pt"


def train_once(
    config: SearchConfig,
    spec: ArchitectureSpec,
    seed: int,
    device: torch.device,
    report: SeedReport,
    should_stop: Callable[[], bool],
    on_judged: Judged = lambda _right: None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Curve], None] | None = None,
    kernels: KernelTable | None = None,
) -> TrainingResult:
    """Train one network with one seed as the experiment says.

    Raises:
        TrainingInterruptedError: `should_stop` said so.
    """
    return train_network(
        spec,
        config.recipe,
        images(config, "train", spec.image_size),
        images(config, "validation", spec.image_size),
        dataset_info(config.data.name),
        seed=seed,
        device=device,
        numerics=config.model_numerics,
        report=lambda step: report(seed, step),
        should_stop=should_stop,
        on_judged=on_judged,
        checkpoint=checkpoint,
        on_epoch=on_epoch or (lambda _curve: None),
        kernels=kernels,
        graphs=config.engine.graphs,
    )


@lru_cache(maxsize=4)
def images(config: SearchConfig, split: Literal["train", "validation"], image_size: int) -> Split:
    """Return the experiment's images at one image size; the last few sizes stay in memory."""
    table = config.data
    return load_split(
        table.name,
        split,
        image_size=image_size,
        count=table.train if split == "train" else table.validation,
        seed=table.seed,
        allow_upsampling=table.allow_upsampling,
    )


def seed_results(attributes: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return a trial's finished seeds and what each gave.

    >>> seed_results({"result:3": {"top1": 0.5}, "candidate": {}})
    {3: {'top1': 0.5}}
    """
    return {
        int(key.removeprefix("result:")): value
        for key, value in attributes.items()
        if key.startswith("result:")
    }
