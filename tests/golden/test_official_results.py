"""What lies in results/official is what `scaling official` makes, byte by byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from scaling.official import CHARTS, FOR_PRINT, gallery, pictures

ROOT = Path(__file__).parents[2]
OFFICIAL = ROOT / "results" / "official"
pinned = pytest.mark.skipif(
    f"matplotlib=={mpl.__version__}\n" not in (ROOT / "constraints.txt").read_text(),
    reason="other releases of matplotlib draw other bytes",
)


@pytest.mark.slow
@pinned
def test_the_command_gives_the_committed_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scaling", "official", "-o", str(tmp_path / "official")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    made = {path.relative_to(tmp_path / "official") for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(OFFICIAL) for path in OFFICIAL.rglob("*") if path.is_file()}
    assert made == kept
    for name in sorted(made):
        assert (tmp_path / "official" / name).read_bytes() == (OFFICIAL / name).read_bytes(), name


def test_the_gallery_is_the_programs() -> None:
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == gallery("../results/official")


def test_every_picture_of_the_gallery_lies_there() -> None:
    shown = list(pictures())
    assert len({picture.path for picture in shown}) == len(shown)
    for picture in shown:
        assert (OFFICIAL / picture.path).is_file()
        assert picture.caption.endswith(".")
    for name in CHARTS:
        assert all((OFFICIAL / "charts" / f"{name}.{ending}").is_file() for ending in ("svg", "png", "csv"))
    assert all((OFFICIAL / "charts" / f"{name}.pdf").is_file() for name in FOR_PRINT)


def test_it_is_light_enough_to_clone() -> None:
    size = sum(path.stat().st_size for path in OFFICIAL.rglob("*") if path.is_file())
    assert size < 8_000_000
