"""How often a random direction ends on target, and that nothing is trained twice or in vain.

    python benchmarks/realisation.py

Realises 300 random directions of B0 at 224 px. Then a search of 100 trials claims its networks as workers do,
on a study in memory, until nothing is left: what would be trained is counted, nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter

import numpy as np
import optuna

from scaling import RoundingRules, variant
from scaling.cost import count_cost
from scaling.network.rounding import CoefficientRounding
from scaling.network.serialization import architecture_key
from scaling.search.candidate import references
from scaling.search.claims import claim_candidate
from scaling.search.config import SearchConfig, parse_config
from scaling.targets.directions import Direction
from scaling.targets.realise import realise
from scaling.targets.space import on_target
from scaling.targets.target import Target

RULES = RoundingRules(coefficient_rounding=CoefficientRounding.NONE)
TARGET = Target(factor=2.0, tolerance=0.03)


def realised(count: int, *, seed: int) -> dict[str, float]:
    """Return what random directions of B0 become; they are uniform over the triangle of shares."""
    baseline = variant("b0")
    base, start = count_cost(baseline).macs, time.perf_counter()
    points = np.random.default_rng(seed).random((count, 2))
    found = [realise(Direction.of_square(s, v), baseline, TARGET, RULES) for s, v in points]
    elapsed = time.perf_counter() - start
    on = [one for one in found if abs(count_cost(one.spec).macs / base / 2 - 1) <= TARGET.tolerance]
    return {
        "proposals": count,
        "on_target": len(on),
        "share_on_target": len(on) / count,
        "networks": len({architecture_key(one.spec) for one in on}),
        "networks_in_the_space": len(on_target(baseline, TARGET, RULES)),
        "ms_per_proposal": 1000 * elapsed / count,
    }


def experiment(trials: int, seed: int) -> SearchConfig:
    """Return a search around B0 at 224 px; the images are never drawn."""
    return parse_config(
        {
            "schema_version": 1,
            "kind": "search",
            "name": "realisation",
            "question": "what would be trained?",
            "prediction": "each network once",
            "data": {"name": "glyphs", "train": 2, "validation": 1},
            "baseline": {"name": "b0"},
            "rounding": {"coefficient_rounding": "none"},
            "search": {"trials": trials, "sampler": "random", "seed": seed},
            "recipe": {"epochs": 1},
        },
        where="benchmarks/realisation.py",
    )


def claimed(trials: int, *, seed: int) -> dict[str, float]:
    """Return what a search of so many trials would train, and what it drops on the way."""
    config = experiment(trials, seed)
    study, trained = optuna.create_study(direction="maximize"), Counter[str]()
    taken, infeasible = {architecture_key(candidate.spec) for candidate in references(config)}, 0
    while (claim := claim_candidate(config, study, taken, worker=0)) is not None:
        trained[architecture_key(claim.candidate.spec)] += 1
        infeasible += not claim.candidate.feasible
        claim.trial.set_user_attr("outcome", "complete")
        study.tell(claim.trial, 0.5)
    dropped = Counter(trial.user_attrs.get("dropped") for trial in study.get_trials(deepcopy=False))
    return {
        "trials": trials,
        "trained": sum(trained.values()),
        "trained_twice": sum(count - 1 for count in trained.values()),
        "trained_though_infeasible": infeasible,
        "duplicates_dropped": dropped["duplicate"],
        "infeasible_dropped": dropped["infeasible"],
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = realised(arguments.proposals, seed=arguments.seed)
    search = claimed(arguments.trials, seed=arguments.seed)
    if arguments.json:
        print(json.dumps({"realised": found, "claimed": search}, indent=2))
        return
    print(
        f"{found['proposals']} random proposals for B0 at 224 px: "
        f"{100 * found['share_on_target']:.1f} % within 3 % of 2x, {found['networks']} different networks "
        f"of {found['networks_in_the_space']} there are; {found['ms_per_proposal']:.1f} ms each"
    )
    print(
        f"a search of {search['trials']} trials trains {search['trained']} networks, "
        f"{search['trained_twice']} of them twice, {search['trained_though_infeasible']} off target; "
        f"it drops {search['duplicates_dropped']} duplicates, {search['infeasible_dropped']} infeasible ones"
    )


if __name__ == "__main__":
    main()
