"""The file of an audit: read strictly, with a setup of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_audit import AUDIT, SETUP, audit_files

from scaling.errors import ConfigError
from scaling.plans.audit.config import file_of, load_audit
from scaling.plans.audit.plan import AuditPlan, anchor_networks
from scaling.plans.audit.run import audit_plan
from scaling.plans.experiment import Size


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
        load_audit(audit_files(tmp_path, setup={**SETUP, "data": {"name": "glyphs", "validation": 40}}))


def test_what_shapes_no_result_changes_neither_key_nor_folder(tmp_path: Path) -> None:
    def named(*changes: str, old: str = "", new: str = "") -> tuple[str, str]:
        plan = AuditPlan.of(load_audit(audit_files(tmp_path, audit=AUDIT.replace(old, new)), changes))
        return plan.audit.title, plan.key()

    title, key = named()
    assert title == "tiny-glyphs"
    assert named("engine.workers=1") == (title, key)
    assert named(old="Yes.", new="No.") == named(old="best = 2", new="best = 3") == (title, key)
    assert named(old="epochs = 2", new="epochs = 3")[1] != key
    smaller = named("recipe.batch_size=7")
    assert smaller[0] == f"{title}-recipe-batch-size-7"
    assert smaller[1] != key


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the audit"):
        load_audit(tmp_path / "absent.toml")


def test_the_papers_size_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is costed, not run"):
        audit_plan(audit_files(tmp_path), size="paper")


@pytest.mark.parametrize("size", [Size.QUICK, Size.STANDARD])
@pytest.mark.parametrize("data", ["glyphs", "fashion-mnist"])
def test_the_committed_audits_are_valid(size: Size, data: str) -> None:
    root = Path(__file__).parents[4]
    audit = load_audit(file_of(root / "experiments" / "audit.toml", size), data=data)
    assert audit.setup.data.name == data
    assert len(anchor_networks(audit)) == audit.config.anchors.networks
