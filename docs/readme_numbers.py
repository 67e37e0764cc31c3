"""The numbers of README and docs: `python docs/readme_numbers.py PART` prints one, `write` puts all in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from scaling import count_cost, scale, variant
from scaling.network.baselines import EFFICIENTNET_B0
from scaling.network.decomposition import layers
from scaling.network.families import released_coefficients
from scaling.network.published import published
from scaling.network.rounding import RELEASED
from scaling.plans.search.conclusion import conclusion
from scaling.targets.directions import Direction
from scaling.targets.explanation import released_grid
from scaling.targets.inversion import Match, invert

ROOT = Path(__file__).parents[1]
PRINTED = {row["model"].lower().removeprefix("efficientnet-"): row for row in published("imagenet")}


def headline() -> str:
    """Return the family as Markdown: the phi of the exact triple, and our counts beside the printed ones."""
    found = invert(EFFICIENTNET_B0, released_grid(), rounding=RELEASED, match=Match.REALISED)
    solution = found.solution
    assert solution is not None
    rows = [_row(name, solution.phi[name]) for name in solution.phi]
    table = pd.DataFrame(rows).to_markdown(
        index=False, disable_numparse=True, colalign=["left"] + ["right"] * 9
    )
    triple = f"alpha {solution.alpha:.6f}, beta {solution.beta:.6f}, gamma {solution.gamma:.6f}"
    return f"{table}\n\nEvery phi belongs to one triple with alpha·beta²·gamma² = 2: {triple}."


def _row(name: str, phi: float) -> dict[str, str]:
    spec, cost, released = variant(name), count_cost(variant(name)), released_coefficients()[name]
    printed = PRINTED[name]
    return {
        "variant": name.upper(),
        "depth": f"{released.depth_coefficient}",
        "width": f"{released.width_coefficient}",
        "image": str(spec.image_size),
        "phi": f"{phi:.4f}",
        "params": f"{cost.params:,}",
        "printed": f"{printed['params_millions']} M",
        "multiply-adds": f"{cost.macs:,}",
        "printed ": f"{printed['macs_billions']} B",
        "layers": str(len(layers(spec))),
    }


def staircase(draws: int = 2000, seed: int = 0) -> str:
    """Say what a nominal 2× really costs: random directions from B0 at phi = 1, released rounding."""
    random, baseline = np.random.default_rng(seed), variant("b0")
    macs = count_cost(baseline).macs
    achieved = [
        count_cost(scale(baseline, Direction.of_square(*random.random(2)).bases(2.0, phi=1.0))).macs / macs
        for _ in range(draws)
    ]
    return (
        f"Of {draws:,} random directions from B0 at a nominal 2×, rounding as released makes networks of "
        f"{min(achieved):.2f}× to {max(achieved):.2f}×, {sum(achieved) / draws:.2f}× on average."
    )


def agreement() -> str:
    """Return results/agreement as Markdown: variants × peers, as `scaling verify` found them."""
    return (ROOT / "results" / "agreement" / "agreement.md").read_text(encoding="utf-8").split("\n\n")[1]


def quick() -> str:
    """Say what results/quick found, from its own document."""
    found = json.loads((ROOT / "results" / "quick" / "result.json").read_text(encoding="utf-8"))
    sentences = conclusion(found["surface"], "glyphs")
    return " ".join([f"**{sentences[0]}**", *sentences[1:-1]]) + (
        " ([results/quick](results/quick/trials.csv), written by the program.)"
    )


def coverage() -> str:
    """Say how often simulated searches hold the truth, from results/surface_coverage."""
    path = ROOT / "results" / "surface_coverage" / "coverage.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    each = ", ".join(f"{100 * one['region']:.1f} % ({name})" for name, one in found["coverage"].items())
    gains = [100 * one["gains"] for one in found["coverage"].values()]
    return (
        f"Of {found['searches']} searches each, the 95 % regions held the optimum in {each}; the 95 % "
        f"intervals of gains held {min(gains):.1f} to {max(gains):.1f} %. At an edge and in a corner regions "
        "hold more than they say: the prior puts some weight inside "
        "([results](../results/surface_coverage/coverage.json))."
    )


def speed() -> str:
    """Say how fast training and evaluation are beside the peers' of the same run, from results/training."""
    rows = pd.read_csv(ROOT / "results" / "training" / "throughput.csv")
    path = ROOT / "results" / "training" / "throughput_provenance.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    return (
        f"A training step of B0 on one core ({record['processor']} with {record['torch_cpu']}), images "
        f"a second beside the peers in the same run: at 32 px {_ratios(rows, 'train-32')}; "
        f"at 64 px {_ratios(rows, 'train-64')}. Evaluation at 224 px, batch norms folded, in bfloat16: "
        f"{_ratios(rows, 'evaluate-224', 'channels_last, folded, bfloat16')} "
        "([results/training](../results/training/throughput.csv), "
        "`python benchmarks/training_throughput.py`)."
    )


def _ratios(rows: pd.DataFrame, part: str, layout: str = "channels_last") -> str:
    of_part = rows[rows["part"] == part].set_index(["name", "layout"])["images_per_s"]
    ours = of_part["this engine", layout]
    peers = of_part[[not name.startswith("this engine") for name, _ in of_part.index]]
    plain = peers.xs("as it comes", level="layout")
    each = ", ".join(f"{ours / value:.1f}× {name}" for name, value in plain.items())
    best = ours / peers.xs("channels_last", level="layout").max()
    return f"{each} as they come and {best:.1f}× the best of them in channels_last"


def latency() -> str:
    """Say how far off the time model was on networks it had not seen, from results/latency."""
    folder = ROOT / "results" / "latency"
    errors = pd.read_csv(folder / "errors.csv").set_index(["part", "way"])
    processor = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["processor"]
    words = {
        "inference": "inference of EfficientNets",
        "inference-families": "inference across families",
        "training": "training steps",
    }
    each = [
        f"{name} {_percent(errors.loc[(part, 'model')])}, by FLOPs alone "
        f"{100 * errors.loc[(part, 'FLOPs'), 'median']:.0f} %"
        for part, name in words.items()
    ]
    return (
        f"Median error of the time model on held-out networks, one core ({processor}), 95 % interval: "
        f"{'; '.join(each)} ([results/latency](../results/latency/errors.csv), "
        "`python benchmarks/latency_model.py`)."
    )


def _percent(row: pd.Series) -> str:
    return f"{100 * row['median']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "table": ("README.md", headline),
    "quick": ("README.md", quick),
    "staircase": ("docs/search.md", staircase),
    "agreement": ("docs/weights.md", agreement),
    "coverage": ("docs/surface.md", coverage),
    "speed": ("docs/training.md", speed),
    "latency": ("docs/latency.md", latency),
}
"""The page that each part is in, and what writes it."""


def write() -> str:
    """Put every part between its marks."""
    for name, (place, part) in PARTS.items():
        page = ROOT / place
        text = page.read_text(encoding="utf-8")
        mark = f"<!-- python docs/readme_numbers.py {name} -->"
        before, _, rest = text.partition(mark)
        _, _, after = rest.partition("<!-- end -->")
        page.write_text(f"{before}{mark}\n{part()}\n<!-- end -->{after}", encoding="utf-8")
    return "wrote " + ", ".join(sorted({place for place, _ in PARTS.values()}))


if __name__ == "__main__":
    print(write() if sys.argv[1] == "write" else PARTS[sys.argv[1]][1]())
