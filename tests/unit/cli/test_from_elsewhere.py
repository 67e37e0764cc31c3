"""Commands from another folder than the checkout: its experiments are found; nothing starts unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import document, printed

from scaling.cli import search as search_commands
from scaling.library.searching import experiment_file
from scaling.plans.audit.config import load_audit
from scaling.plans.study.files import listed, load_study

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_experiments_that_come_with_it_are_found() -> None:
    assert experiment_file(None) == ROOT / "experiments" / "quick.toml"
    assert load_study("noise").path == ROOT / "experiments" / "noise.toml"
    assert {"noise", "law", "methods"} <= set(listed("study"))
    assert load_audit(Path("experiments/audit.toml")).setup.data.name == "glyphs"
    for name in ("noise", "audit"):
        assert "trainings" in printed("study", name, "--plan")


def test_ones_own_experiment_of_the_same_name_comes_first(elsewhere: Path) -> None:
    own = elsewhere / "experiments" / "noise.toml"
    own.parent.mkdir()
    text = (ROOT / "experiments" / "noise.toml").read_text()
    question = next(line for line in text.splitlines() if line.startswith("question"))
    own.write_text(text.replace(question, 'question = "mine?"'))
    assert load_study("noise").config.question == "mine?"
    assert listed("study")["noise"] == "mine?"


def test_a_bare_search_says_what_it_would_do_and_does_nothing(elsewhere: Path) -> None:
    said = printed("search")
    assert "it would train 13 proposals and" in said
    assert "scaling search run" in said
    assert document("search", "--set", "recipe.epochs=2")["epochs"] == 2
    assert not list(elsewhere.iterdir())


def test_run_search_stays_the_main_job(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(
        "scaling.cli.running._run", lambda config, *_where, **_how: started.append(config.name)
    )
    search_commands.main([])
    assert started == ["quick"]
