"""The folder of a run: whose it is, one launch at a time, and nothing deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_runs import configuration, experiment

from scaling.cli.output import run
from scaling.cli.search import search
from scaling.errors import ConfigError, ResultsError
from scaling.search.folder import RunFolder, difference, hold, open_folder, set_aside


def a_folder(path: Path) -> RunFolder:
    return RunFolder(path=path)


def test_a_new_folder_is_made_and_an_old_one_goes_on(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "a" / "b")
    assert open_folder(folder, configuration()) is False
    assert folder.read_config() == configuration()
    assert open_folder(folder, configuration(search={"workers": 5})) is True


def test_another_configuration_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    open_folder(folder, configuration())
    other = configuration(recipe={"learning_rate": 0.5})
    with pytest.raises(ConfigError, match=r"recipe.learning_rate: 0.01 there, 0.5 here"):
        open_folder(folder, other)
    assert folder.read_config() == configuration()
    assert (
        difference(configuration().document(), configuration(search={"workers": 9}).document())
        == "no visible difference"
    )


def test_folders_of_something_else_are_left_alone(tmp_path: Path) -> None:
    for name in ("study.sqlite3", "trials.csv"):
        folder = a_folder(tmp_path / name.partition(".")[0])
        folder.path.mkdir()
        (folder.path / name).write_text("mine")
        with pytest.raises(ResultsError, match=r"holds results but no config\.json"):
            open_folder(folder, configuration())
        with pytest.raises(ResultsError, match="not the folder of a run; --fresh leaves it alone"):
            set_aside(folder)
        assert (folder.path / name).read_text() == "mine"


def test_setting_aside_keeps_everything(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    assert set_aside(folder) is None
    names = set()
    for number in range(3):
        open_folder(folder, configuration())
        folder.trials.write_text(f"results {number}")
        aside = set_aside(folder)
        assert aside is not None
        assert not folder.path.exists()
        assert (aside / "trials.csv").read_text() == f"results {number}"
        names.add(aside.name)
    assert len(names) == 3
    folder.path.mkdir()
    assert set_aside(folder) is None


def test_the_current_folder_can_be_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_folder(a_folder(tmp_path / "run"), configuration())
    monkeypatch.chdir(tmp_path / "run")
    aside = set_aside(a_folder(Path()))
    assert aside is not None
    assert (aside / "config.json").exists()


def test_one_launch_at_a_time(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    open_folder(folder, configuration())
    lock = hold(folder)
    for attempt in (hold, set_aside):
        with pytest.raises(ResultsError, match="another run is using"):
            attempt(folder)
    lock.release()
    hold(folder).release()


@pytest.mark.parametrize("content", ["", "[]", "3", "null", "{", '{"kind": "search"}', "\xff"])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_damaged_configuration_is_one_line(
    content: str, fresh: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    output.mkdir()
    (output / "config.json").write_bytes(content.encode("latin-1"))
    if fresh:  # set aside whatever it holds, without reading it
        assert set_aside(RunFolder(path=output)) is not None
        return
    with pytest.raises(SystemExit) as leave:
        run(search, ["--config", str(experiment(tmp_path)), "--output", str(output)])
    out, err = capsys.readouterr()
    assert (leave.value.code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("more", [[], ["--fresh"]])
def test_a_file_in_the_way_is_one_line(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "file"
    output.write_text("mine")
    with pytest.raises(SystemExit) as leave:
        run(search, ["--config", str(experiment(tmp_path)), "--output", str(output), *more])
    out, err = capsys.readouterr()
    assert (leave.value.code, out, err.count("\n")) == (2, "", 1)
    assert output.read_text() == "mine"


def test_reading_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"is not the folder of a run: it has no config\.json"):
        a_folder(tmp_path).read_config()
