"""The tables of docs/findings.md: python docs/findings_tables.py prints them, `write` puts them in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).parents[1]
STUDIES = ROOT / "results" / "studies"
PAGE = ROOT / "docs" / "findings.md"
MARK, END = "<!-- python docs/findings_tables.py -->", "<!-- end -->"
ORDER = (
    "methods",
    "dimensions",
    "width_depth_resolution",
    "other_baselines",
    "search_then_family",
    "noise",
    "law",
)


def tables() -> str:
    """Return question, prediction, outcome and table of every committed study, as Markdown."""
    found = [
        (path.parent.name, json.loads(path.read_text(encoding="utf-8")))
        for path in STUDIES.glob("*/result.json")
    ]
    found.sort(key=lambda one: (_place(one[1]["study"]), one[0]))
    return "\n\n".join(_study(name, document) for name, document in found)


def _place(study: str) -> tuple[int, str]:
    return (ORDER.index(study) if study in ORDER else len(ORDER)), study


def _study(folder: str, document: dict[str, Any]) -> str:
    conclusions, missing = document["conclusions"], document["missing_trainings"]
    state = f"; {missing} trainings are missing" if missing else ""
    parts = [
        f"### {document['study']}, {document['data']}",
        f"*{document['question']}* Predicted: {document['prediction']} "
        f"**Outcome: {conclusions['verdict']}{state}.** {_rates(conclusions['survives_learning_rates'])}"
        f"([{folder}](../results/studies/{folder}/result.json), equal {document['equal']}, "
        f"{conclusions['validation_images']:,} validation images)",
    ]
    for title, rows in (
        ("predicted", [*_claims(conclusions["expected"]), *_spread(conclusions.get("spread"))]),
        ("network", list(_networks(document["networks"]))),
    ):
        if rows:
            frame = pd.DataFrame(rows).rename(columns={"name": title})
            align = ["left", *["right"] * (len(frame.columns) - 1)]
            parts.append(frame.to_markdown(index=False, disable_numparse=True, colalign=align))
    return "\n\n".join(parts)


def _rates(survives: bool | None) -> str:
    if survives is None:
        return ""
    return f"The verdicts {'are the same at all' if survives else 'differ between'} learning rates. "


def _claims(expected: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    several = len({one["learning_rate_factor"] for one in expected}) > 1
    for one in expected:
        measured, rate = one["measured"], {"learning rate": f"{one['learning_rate_factor']:g}×"}
        yield {
            "name": one["claim"],
            **(rate if several else {}),
            "points (95 %)": _interval(measured, percent=True),
            "p (Holm)": "" if measured is None else _p(measured["p_holm"]),
            "verdict": one["verdict"],
        }


def _spread(spread: dict[str, Any] | None) -> Iterator[dict[str, str]]:
    """Yield the predicted spread of seeds, a standard deviation with its chi-square interval."""
    if spread is not None:
        measured = spread["measured"]
        shown = "" if measured["value"] is None else _interval(measured, percent=True).replace("+", "")
        yield {"name": spread["claim"], "points (95 %)": shown, "p (Holm)": "", "verdict": spread["verdict"]}


def _interval(measured: dict[str, Any] | None, *, percent: bool) -> str:
    if measured is None:
        return ""
    scale = 100 if percent else 1
    value, low, high = (scale * measured[key] for key in ("value", "low", "high"))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _networks(networks: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the networks as trained at the recipe's own learning rate."""
    for one in networks:
        if one["learning_rate_factor"] != 1 or one["mean"] is None:
            continue
        reach = None if one["low"] is None else (one["high"] - one["low"]) / 2
        yield {
            "name": one["name"],
            "cost": f"{one['achieved_factor']:.2f}×",
            "px": str(one["image_size"]),
            "top-1 %": f"{100 * one['mean']:.1f}" + ("" if reach is None else f" ± {100 * reach:.1f}"),
            "seeds": str(len(one["seeds"])),
        }


def write() -> str:
    """Put the tables between their marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARK)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{MARK}\n{tables()}\n{END}{after}", encoding="utf-8")
    return f"wrote {PAGE.name}"


if __name__ == "__main__":
    print(write() if sys.argv[1:] == ["write"] else tables())
