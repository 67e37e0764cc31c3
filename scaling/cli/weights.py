"""`scaling weights`: from and to the files of other implementations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from scaling.cli.fetching import fetch
from scaling.cli.output import compose, console, emit_json, json_option
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

_OTHERS = ", ".join(source.value for source in WeightsSource)
_PATH = click.Path(path_type=Path)


def _network_options(command: Any) -> Any:
    return compose(
        click.argument("file", type=_PATH),
        click.option(
            "--variant",
            required=True,
            help="Whose weights: b0 … b8, l2, lite0 … lite4, mobilenetv1, mobilenetv2, resnet-50.",
        ),
        click.option("--num-classes", type=int, help="Outputs of the classifier (1000)."),
        click.option("--output", "-o", type=_PATH, required=True, help="The file to write."),
    )(command)


def _spec(variant: str, num_classes: int | None) -> ArchitectureSpec:
    spec = network_named(variant)
    return spec if num_classes is None else replace(spec, num_classes=num_classes)


@click.group()
def weights() -> None:
    """Carry weights between implementations, by names and bit for bit."""


@weights.command(name="import")
@_network_options
@click.option("--from", "source", required=True, help=f"Whose names the tensors carry: {_OTHERS}.")
@json_option
def import_weights(
    file: Path, variant: str, num_classes: int | None, output: Path, source: str, as_json: bool
) -> None:
    """Turn another implementation's FILE into our own .safetensors.

    FILE is .pth, .pt, .bin, .safetensors or .weights.h5; pickles are opened for tensors only.
    """
    spec = _spec(variant, num_classes)
    state = own_state(spec, read_state(file), source)
    write_own(output, spec, state, source=source)
    _report(spec, {"source": source, "output": str(output), "tensors": len(state)}, as_json)


@weights.command(name="export")
@_network_options
@click.option("--to", required=True, help=f"Whose names to write: {_OTHERS}.")
@json_option
def export_weights(
    file: Path, variant: str, num_classes: int | None, output: Path, to: str, as_json: bool
) -> None:
    """Turn our own FILE.safetensors into another implementation's.

    The output is .pth, .pt, .bin or .safetensors; for Keras .weights.h5.
    """
    spec = _spec(variant, num_classes)
    state = theirs_from_own(spec, read_own(file, spec).state, to)
    write_state(output, spec, state, to)
    _report(spec, {"to": to, "output": str(output), "tensors": len(state)}, as_json)


def _report(spec: ArchitectureSpec, document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json({"variant": spec.name, "num_classes": spec.num_classes, **document})
    else:
        console.print(
            f"wrote {document['output']}: {spec.name}, {document['tensors']} tensors", soft_wrap=True
        )


weights.add_command(fetch)
