"""How often a random direction ends on target, and that nothing is trained twice or in vain.

    python benchmarks/realisation.py

Realises 300 random directions of B0 at 224 px. Then the plan of a search of 100 trials is asked for its
networks until nothing is left: what would be trained is counted, nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter

import numpy as np

from scaling import RoundingRules, variant
from scaling.cost import count_cost
from scaling.network.rounding import CoefficientRounding
from scaling.network.serialization import architecture_key
from scaling.plans.search.config import SearchConfig, parse_config
from scaling.plans.search.history import History
from scaling.plans.search.plan import SearchPlan
from scaling.runs.record import Record, RecordState
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
    """Return a search around B0 at 224 px, of three images."""
    return parse_config(
        {
            "schema_version": 2,
            "kind": "search",
            "name": "realisation",
            "question": "what would be trained?",
            "prediction": "each network once",
            "search": {"trials": trials, "sampler": "random", "seed": seed, "confirm": 0},
            "setup": {
                "data": {"name": "glyphs", "train": 2, "validation": 1},
                "baseline": {"name": "b0"},
                "rounding": {"coefficient_rounding": "none"},
                "recipe": {"epochs": 1},
                "engine": {"device": "cpu"},
            },
        },
        where="benchmarks/realisation.py",
    )


def searched(trials: int, *, seed: int) -> dict[str, float]:
    """Return what a search of so many trials would train, and what it drops on the way."""
    config, history, records = experiment(trials, seed), History(), dict[str, Record]()
    plan, trained, infeasible = SearchPlan(config, history), Counter[str](), 0
    while jobs := plan.next_jobs(records, room=1).jobs:
        job = jobs[0]
        if plan.owner[job.key].proposal is not None:
            trained[architecture_key(job.spec)] += 1
            infeasible += config.target.excess(job.spec, config.baseline_spec) > 0
        records[job.key] = Record(
            key=job.key,
            identity={},
            spec=job.spec,
            state=RecordState.COMPLETE,
            result={"top1": 0.5},
            provenance={},
        )
    fates = Counter(one.fate.value for one in history.proposals)
    return {
        "trials": trials,
        "trained": sum(trained.values()),
        "trained_twice": sum(count - 1 for count in trained.values()),
        "trained_though_infeasible": infeasible,
        "duplicates_dropped": fates["duplicate"],
        "infeasible_dropped": fates["infeasible"],
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = realised(arguments.proposals, seed=arguments.seed)
    search = searched(arguments.trials, seed=arguments.seed)
    if arguments.json:
        print(json.dumps({"realised": found, "searched": search}, indent=2))
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
