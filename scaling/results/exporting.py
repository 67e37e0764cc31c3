"""Copy what a run found to where results are kept. Floor 4."""

from __future__ import annotations

import shutil
from pathlib import Path

from scaling.errors import ResultsError

KEPT = ("config.json", "trials.csv", "provenance.json")


def export_run(run: Path, target: Path) -> list[Path]:
    """Copy a run's configuration, table, provenance and charts; databases and caches stay behind.

    Args:
        run: folder of the run.
        target: folder under results/; files of the same name are replaced.

    Raises:
        ResultsError: the run lacks a file, or the target cannot be written.
    """
    figures = sorted((run / "figures").glob("run_*")) if (run / "figures").is_dir() else []
    copied = []
    try:
        (target / "figures").mkdir(parents=True, exist_ok=True)
        for source in [*(run / name for name in KEPT), *figures]:
            copied.append(Path(shutil.copy(source, target / source.relative_to(run))))
    except FileNotFoundError as error:
        raise ResultsError(f"{run} has no {Path(str(error.filename)).name}; is the run finished?") from None
    except OSError as error:
        raise ResultsError(f"cannot export to {target}: {error.strerror}") from None
    return copied
