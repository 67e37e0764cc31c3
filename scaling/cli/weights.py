"""`scaling weights`: fetch released weights; carry them from and to other implementations' files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.progress import DownloadColumn, TransferSpeedColumn

from scaling.cli.options import PATH, cache_option, num_classes_option
from scaling.cli.output import answer, compose, counting_bars, json_option, say
from scaling.network.architecture import ArchitectureSpec
from scaling.network.baseline_files import network_named
from scaling.weights import (
    WeightsSource,
    own_state,
    read_own,
    read_state,
    theirs_from_own,
    write_own,
    write_state,
)
from scaling.weights.fetching import fetch as fetch_file
from scaling.weights.fetching import released_file

_OTHERS = ", ".join(source.value for source in WeightsSource)


def _network_options(command: Any) -> Any:
    return compose(
        click.argument("file", type=PATH),
        click.option(
            "--variant",
            required=True,
            help="Whose weights: b0 … b8, l2, lite0 … lite4, mobilenetv1, mobilenetv2, resnet-50.",
        ),
        num_classes_option,
        click.option("--output", "-o", type=PATH, required=True, help="The file to write."),
        json_option,
    )(command)


def _spec(variant: str, num_classes: int | None) -> ArchitectureSpec:
    spec = network_named(variant)
    return spec if num_classes is None else replace(spec, num_classes=num_classes)


@click.group()
def weights() -> None:
    """Carry weights between implementations, by names and bit for bit."""


@weights.command(name="import")
@click.option("--from", "source", required=True, help=f"Whose names the tensors carry: {_OTHERS}.")
@_network_options
def import_weights(
    file: Path, variant: str, num_classes: int | None, output: Path, source: str, as_json: bool
) -> None:
    """Turn another implementation's FILE into our own .safetensors.

    FILE is .pth, .pt, .bin, .safetensors or .weights.h5; pickles are opened for tensors only.
    """
    spec = _spec(variant, num_classes)
    state = own_state(spec, read_state(file), source)
    write_own(output, spec, state, source=source)
    _report(spec, {"source": source}, output, state, as_json)


@weights.command(name="export")
@click.option("--to", required=True, help=f"Whose names to write: {_OTHERS}.")
@_network_options
def export_weights(
    file: Path, variant: str, num_classes: int | None, output: Path, to: str, as_json: bool
) -> None:
    """Turn our own FILE.safetensors into another implementation's.

    The output is .pth, .pt, .bin or .safetensors; for Keras .weights.h5.
    """
    spec = _spec(variant, num_classes)
    state = theirs_from_own(spec, read_own(file, spec).state, to)
    write_state(output, spec, state, to)
    _report(spec, {"to": to}, output, state, as_json)


def _report(
    spec: ArchitectureSpec, whose: dict[str, str], output: Path, state: Mapping[str, object], as_json: bool
) -> None:
    document = {"variant": spec.name, "num_classes": spec.num_classes, **whose}
    document |= {"output": str(output), "tensors": len(state)}
    answer(document, as_json, lambda: say(f"wrote {output}: {spec.name}, {len(state)} tensors"))


@weights.command()
@click.argument("variant")
@click.option("--from", "source", required=True, help="torchvision, efficientnet-pytorch, timm or timm-tf.")
@click.option("--tag", help="One training of several, such as IMAGENET1K_V2; default the first.")
@cache_option
@json_option
def fetch(variant: str, source: str, tag: str | None, cache_dir: Path | None, as_json: bool) -> None:
    """Find the released weights of VARIANT or download them, check them, and say where they lie.

    An interrupted download goes on where it stopped. timm has weights of its own (timm) and ports of the
    released code's (timm-tf).
    """
    file = released_file(source, variant, tag)
    with counting_bars(DownloadColumn(), TransferSpeedColumn()) as bars:
        bar = bars.add_task(file.file, total=None)
        found = fetch_file(
            file,
            cache_dir=cache_dir,
            report=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    document = {
        "variant": file.variant,
        "source": file.peer,
        "tag": file.tag,
        "path": str(found.path),
        "sha256": found.sha256,
        "checked": found.checked,
    }
    text = (
        f"{file.peer} {file.variant} {file.tag} ({found.checked}): {found.path}\n"
        f"Next: scaling weights import {found.path} --from {file.peer} --variant {file.variant} "
        f"--output {file.variant}.safetensors"
    )
    answer(document, as_json, lambda: say(text))
