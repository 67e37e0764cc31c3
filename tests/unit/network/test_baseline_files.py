"""A baseline of one's own: read from TOML or block strings, refused with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scaling import ConfigError, count_cost
from scaling.cli import group
from scaling.network.baseline_files import baseline_from, read_baseline
from scaling.network.baselines import BASELINES, EFFICIENTNET_B0, MOBILENET_V1, RESNET_50
from scaling.network.block_strings import stage_to_string
from scaling.network.rounding import RELEASED, CoefficientRounding
from scaling.runs.experiment_file import load_setup
from scaling.toml_errors import line_of

TOML = """\
# A small ResNet.

[baseline]
name = "my-net"     # what it is called
image_size = 64
stem_channels = 32
stem_kernel_size = 5
stem_pool_stride = 2
stages = [
  # the first keeps its map
  "r2_k3_s11_e4_i32_o64_bottleneck",
  "r2_k3_s22_e4_i64_o128_bottleneck",
]
head_channels = 0
activation = "relu"
dropout = 0.0

[rounding]
channel_divisor = 4
"""


def written(folder: Path, text: str, name: str = "my_net.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def described(*arguments: str) -> Any:
    outcome = CliRunner().invoke(group, ["describe", *arguments, "--json"], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_a_network_is_what_its_file_says(tmp_path: Path) -> None:
    found = read_baseline(written(tmp_path, TOML))
    spec = found.spec
    assert (spec.name, spec.image_size, spec.dropout, spec.activation) == ("my-net", 64, 0, "relu")
    assert (spec.stem.out_channels, spec.stem.kernel_size, spec.stem.pool_stride) == (32, 5, 2)
    assert [stage.operator for stage in spec.stages] == ["Bottleneck4"] * 2
    assert spec.head.out_channels == 0
    assert (found.rounding.channel_divisor, found.rounding.coefficient_rounding) == (4, "released")


def test_every_known_baseline_can_be_written_as_a_file(tmp_path: Path) -> None:
    for spec in (EFFICIENTNET_B0, MOBILENET_V1, RESNET_50):
        text = f"""[baseline]
image_size = {spec.image_size}
stem_channels = {spec.stem.out_channels}
stem_kernel_size = {spec.stem.kernel_size}
stem_pool_stride = {spec.stem.pool_stride}
stages = {json.dumps([stage_to_string(stage) for stage in spec.stages])}
head_channels = {spec.head.out_channels}
activation = "{spec.activation}"
"""
        found = read_baseline(written(tmp_path, text, "copy.toml"))
        assert found.spec == spec
        assert (found.spec.name, found.rounding) == ("copy", RELEASED)


def test_a_file_may_change_a_known_network(tmp_path: Path) -> None:
    text = '[baseline]\nname = "resnet-50"\nimage_size = 32\nsmall_input = "early"\n'
    found = read_baseline(written(tmp_path, text)).spec
    assert (found.image_size, found.stem.stride, found.stem.pool_stride) == (32, 1, 1)
    assert found.stages[0] == RESNET_50.stages[0]


def test_the_command_line_takes_a_file_wherever_it_takes_a_name(tmp_path: Path) -> None:
    path = str(written(tmp_path, TOML))
    cost = count_cost(read_baseline(Path(path)).spec)
    as_it_is, by_name = described("--baseline", path), described(path)
    assert as_it_is == by_name
    assert (as_it_is["name"], as_it_is["params"], as_it_is["macs"]) == ("my-net", cost.params, cost.macs)
    bases = ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=2"]
    scaled = described("--baseline", path, *bases)
    assert scaled["baseline"] == "my-net"
    assert [stage["out_channels"] // 4 for stage in scaled["stages"]] == [20, 40]  # of 16 and 32, by 4
    assert scaled["depth_coefficient"] == 1.4
    exact = described("--baseline", path, *bases, "--coefficient-rounding=none")
    assert exact["depth_coefficient"] == pytest.approx(1.44)


def test_rules_of_the_file_hold_unless_the_command_line_says_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path, TOML + 'coefficient_rounding = "none"\nimage_size_step = 16\n')
    assert read_baseline(path).rounding.coefficient_rounding == CoefficientRounding.NONE
    scaled = described("--baseline", str(path), "--alpha=1", "--beta=1", "--gamma=1.15", "--phi=1")
    assert scaled["image_size"] == 80
    finer = [str(path), "--alpha=1", "--beta=1", "--gamma=1.15", "--phi=1", "--image-size-step=1"]
    assert described("--baseline", *finer)["image_size"] == 74


WRONG = {
    "key": ("activation", "activatoin", "line 15: unknown key 'baseline.activatoin'; did you mean 'act"),
    "table": ("[rounding]", "[roundings]", "line 18: unknown key 'roundings'; did you mean 'rounding'?"),
    "block string": ("r2_k3_s22_e4_i64", "r2_k3_s2_e4_i64", "line 12: baseline.stages.1: expected a block"),
    "kind": ("s11_e4_i32_o64_b", "s11_e4_i32_o66_b", "line 11: baseline.stages.0: the out_chan"),
    "chain": ("i64_o128", "i60_o128", "line 12: baseline: stage 2 takes 60 channels but stage 1 gives 64"),
    "stem chain": (
        "stem_channels = 32",
        "stem_channels = 24",
        "line 11: baseline: stage 1 takes 32 channels",
    ),
    "image size": ("image_size = 64", "image_size = 7", "line 5: baseline.image_size: image size must be"),
    "kernel": ("kernel_size = 5", "kernel_size = 4", "line 7: baseline.stem_kernel_size: stem kernel_size"),
    "type": ("pool_stride = 2", 'pool_stride = "two"', "line 8: baseline.stem_pool_stride: Input should"),
    "choice": ('"relu"', '"tanh"', "line 15: baseline.activation: Input should be 'silu', 'relu6' or 'relu'"),
    "missing": ("head_channels = 0\n", "", "line 3: baseline: stages also need stem_channels, head_channels"),
    "dropout": ("dropout = 0.0", "dropout = 1.0", "line 16: baseline.dropout: Input should be less"),
    "divisor": ("divisor = 4", "divisor = 0", "line 18: channel_divisor must be between 1 and 1024"),
    "syntax": ("head_channels = 0", "head_channels 0", "is not TOML: Expected '=' after a key"),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_with_file_and_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert TOML.count(old) == 1
    path = written(tmp_path, TOML.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_baseline(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert message in text
    assert "\n" not in text


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the baseline .*none\.toml: No such file"):
        baseline_from(str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="is an experiment file"):
        read_baseline(written(tmp_path, 'kind = "search"\n'))
    with pytest.raises(ConfigError, match=r"my_net\.toml: baseline: Field required"):
        read_baseline(written(tmp_path, ""))


STRINGS = """\
# three stages
r1_k3_s11_e1_i16_o8_se0.25
r2_k5_s22_e6_i8_o24    # no squeeze

r2_k3_s22_e1_i24_o48_separable
"""


def test_block_strings_alone_make_a_network(tmp_path: Path) -> None:
    spec = read_baseline(written(tmp_path, STRINGS, "tiny.txt")).spec
    assert (spec.name, spec.image_size) == ("tiny", 224)
    assert (spec.stem.out_channels, spec.head.out_channels) == (16, 4 * 48)
    assert [stage.operator for stage in spec.stages] == ["MBConv1", "MBConv6", "Separable"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r2_k5_s22", "r2_k5_s23", "line 3: strides of rows and columns must be equal"),
        ("i24_o48", "i20_o48", "line 5: it takes 20 channels but the stage before gives 24"),
        (STRINGS, "# nothing", "expected block strings like"),
    ],
)
def test_a_wrong_block_string_is_named_by_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, STRINGS.replace(old, new), "tiny.txt")
    with pytest.raises(ConfigError, match=message) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)


def test_a_setup_names_the_line_too(tmp_path: Path) -> None:
    text = Path("experiments/setups/glyphs.toml").read_text(encoding="utf-8")
    wrong = text.replace("r2_k5_s22_e6_i12_o20_se0.25", "r2_k5_s22_e6_i16_o20_se0.25")
    line = 1 + next(number for number, one in enumerate(wrong.splitlines()) if "i16_o20" in one)
    path = written(tmp_path, wrong, "x.toml")
    with pytest.raises(ConfigError, match=rf"x\.toml, line {line}: baseline: stage 3 takes 16 channels"):
        load_setup(path)


DOCUMENT = """\
top = 1
[a]
"b c" = [ 'x', "]", # "not this"
  'y',
]
d = { e = 1 }
[a.f]
g = '''
h = 2
'''
[[many]]
i = [1,
 2]
"""


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (("top",), 1),
        (("a",), 2),
        (("a", "b c"), 3),
        (("a", "b c", 1), 3),
        (("a", "b c", 2), 4),
        (("a", "b c", 3), 3),
        (("a", "d", "e"), 6),
        (("a", "f", "g"), 8),
        (("a", "f", "none"), 7),
        (("many", 0, "i"), 12),
        (("other",), None),
    ],
)
def test_lines_are_found_in_the_text(entry: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(DOCUMENT, entry) == line


def test_the_page_shows_a_file_that_is_read_and_figures_that_are_counted(tmp_path: Path) -> None:
    page = Path("docs/baselines.md").read_text(encoding="utf-8")
    toml = page.split("```toml\n")[1].split("```")[0]
    path = written(tmp_path, toml)
    options = ["--alpha", "1.2", "--beta", "1.1", "--gamma", "1.15", "--phi", "0:4"]
    shown = CliRunner().invoke(group, ["family", "--baseline", str(path), *options]).stdout
    rows = [" ".join(line.split()) for line in shown.splitlines() if line[:1].isdigit()]
    assert len(rows) == 5
    assert all(row in " ".join(page.split()) for row in rows)
    for name, spec in BASELINES.items():
        cost = count_cost(spec)
        assert f"| `{name}` | {cost.params:,} | {cost.macs:,} |" in page
