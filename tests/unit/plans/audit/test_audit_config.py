"""The file of an audit: read strictly, with a setup of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_audit import AUDIT, SETUP, audit_files

from scaling.errors import ConfigError
from scaling.plans.audit.config import AuditSize, load_audit
from scaling.plans.audit.networks import anchor_networks
from scaling.plans.audit.run import audit_plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "audit"', 'kind = "search"', "expected kind 'audit', got 'search'"),
        ("networks = 5", "networks = 2", "greater than or equal to 4"),
        ("networks = 5", "networks = 500", "networks at 2× where 500 were wanted"),
        ("best = 2", "best = 9", "best is 9, but there are 5 networks"),
        ("epochs = 1", "epochs = 1\nseeds = [1]", "seeds of short must be fresh"),
        ('name = "narrow"', 'name = "synflow"', "none of a score's; got 'synflow' again"),
        ("width = 0.5", "widht = 0.5", "did you mean 'width'?"),
        ("best = 2", "best = = 2", "is not TOML"),
        ('"{data}.toml"', '"absent.toml"', "absent.toml"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = audit_files(tmp_path, audit=AUDIT.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        anchor_networks(load_audit(path))
    assert message in str(caught.value)


def test_shares_of_images_need_a_number_of_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set data\.train"):
        load_audit(audit_files(tmp_path, setup=SETUP.replace("train = 60", "")))


def test_changed_settings_have_folders_and_keys_of_their_own(tmp_path: Path) -> None:
    path = audit_files(tmp_path)
    plain, workers = load_audit(path), load_audit(path, ["engine.workers=1"])
    assert (workers.title, workers.key()) == (plain.title, plain.key())
    assert plain.title == "tiny-glyphs"
    smaller = load_audit(path, ["recipe.batch_size=7"])
    assert smaller.title == f"{plain.title}-recipe-batch-size-7"
    assert smaller.key() != plain.key()


def test_words_and_the_rule_may_change_in_a_folder(tmp_path: Path) -> None:
    plain = load_audit(audit_files(tmp_path))
    reworded = load_audit(
        audit_files(tmp_path, audit=AUDIT.replace("Yes.", "No.").replace("best = 2", "best = 3"))
    )
    longer = load_audit(audit_files(tmp_path, audit=AUDIT.replace("epochs = 2", "epochs = 3")))
    assert reworded.key() == plain.key() != longer.key()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the audit"):
        load_audit(tmp_path / "absent.toml")


def test_the_papers_size_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is costed, not run"):
        audit_plan(audit_files(tmp_path), size="paper")


@pytest.mark.parametrize("size", [AuditSize.QUICK, AuditSize.STANDARD])
@pytest.mark.parametrize("data", ["glyphs", "fashion-mnist"])
def test_the_committed_audits_are_valid(size: AuditSize, data: str) -> None:
    root = Path(__file__).parents[4]
    audit = load_audit(size.file(root / "experiments" / "audit.toml"), data=data)
    assert audit.setup.data.name == data
    assert len(anchor_networks(audit)) == audit.config.anchors.networks
