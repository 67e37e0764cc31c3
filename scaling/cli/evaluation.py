"""`scaling evaluate`: the accuracy of weights on pictures, beside the published figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scaling.cli.arguments import spec_from_options, spec_options
from scaling.cli.options import PATH, device_option
from scaling.cli.output import answer, console, counting_bars, json_option, say, table_of
from scaling.data.imagefolder import ImageFolder, list_images
from scaling.data.preprocessing import Preprocessing, preprocessing_for, preprocessing_named
from scaling.errors import ConfigError
from scaling.network.architecture import ArchitectureSpec
from scaling.network.families import released_name
from scaling.network.published import published
from scaling.training.engine import best_device
from scaling.training.evaluation import Evaluation, Proportion
from scaling.training.evaluation import evaluate as evaluate_model
from scaling.weights import model_of_file

IMAGE_FOLDER = "imagefolder:"
SHOWN_SKIPPED = 10
"""Lines; `--json` has all."""


@click.command()
@spec_options
@click.option("--weights", "file", type=PATH, required=True, help="Our .safetensors or .pth.")
@click.option("--data", "data", required=True, metavar="imagefolder:PATH", help="One sub-folder per class.")
@click.option("--source", help="Whose weights these are, if the file does not say (tensorflow).")
@click.option("--preprocessing", "preparation", help="Of the pictures; default what belongs to the source.")
@click.option("--batch-size", type=int, default=32, show_default=True)
@click.option("--workers", type=int, help="Threads that decode; default the cores, at most 8.")
@device_option
@json_option
def evaluate(
    file: Path,
    data: str,
    source: str | None,
    preparation: str | None,
    batch_size: int,
    workers: int | None,
    device: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Top-1 and top-5 of a network with weights on a folder of pictures.

    Labels are the sub-folders in sorted order; an empty one keeps its place. Files that give no picture are
    counted and named.
    """
    # Convolutions take any image size, so weights fit whatever was asked for.
    asked = options.pop("image_size")
    spec = spec_from_options(image_size=None, **options)
    folder = _folder(data, spec)
    where = best_device(device)
    model, source = model_of_file(spec, file, source=source)
    named = spec.name or "this network"
    chosen = preprocessing_named(preparation, named) if preparation else preprocessing_for(source, named)
    image_size = _image_size(chosen, spec, asked)
    with counting_bars() as bars:
        bar = bars.add_task("evaluate", total=len(folder.files))
        found = evaluate_model(
            model,
            folder,
            chosen,
            image_size=image_size,
            batch_size=batch_size,
            device=where,
            workers=workers,
            report=lambda done: bars.update(bar, completed=done),
        )
    document = {
        "variant": spec.name,
        "weights": str(file),
        "source": source,
        "preprocessing": chosen.name,
        "image_size": image_size,
        "device": where.type,
        "classes": len(folder.class_names),
        "outputs": spec.num_classes,
        **asdict(found),
        "published": _published(spec),
    }
    answer(document, as_json, lambda: _show(document, found))


def _folder(data: str, spec: ArchitectureSpec) -> ImageFolder:
    if not data.startswith(IMAGE_FOLDER) or data == IMAGE_FOLDER:
        raise ConfigError(f"--data must be imagefolder:PATH, got {data!r}")
    if spec.in_channels != 3:
        raise ConfigError(f"pictures have 3 channels, the network takes {spec.in_channels}")
    folder = list_images(Path(data.removeprefix(IMAGE_FOLDER)))
    if len(folder.class_names) > spec.num_classes:
        raise ConfigError(
            f"{folder.root} has {len(folder.class_names)} classes, the network {spec.num_classes} outputs"
        )
    return folder


def _image_size(chosen: Preprocessing, spec: ArchitectureSpec, asked: int | None) -> int:
    size = chosen.image_size(asked or spec.image_size)
    if asked not in (None, size):
        raise ConfigError(f"preprocessing {chosen.name} is for {size} px, got --image-size {asked}")
    return size


def _published(spec: ArchitectureSpec) -> list[dict[str, Any]]:
    """Return what is published of a released variant: its weights and the paper, in percent as printed."""
    variant = released_name(spec) if spec.num_classes == 1000 else ""
    rows = [row for row in published("released_weights") if row["variant"] == variant]
    paper = [row for row in published("imagenet") if row["model"].lower() == f"efficientnet-{variant}"]
    return [
        {
            "source": row["source"],
            "image_size": int(row["image_size"]) if row.get("image_size") else None,
            "top1_percent": float(row["top1"]),
            "top5_percent": float(row["top5"]) if row["top5"] else None,
        }
        for row in [*rows, *paper]
    ]


def _show(document: dict[str, Any], found: Evaluation) -> None:
    title = f"{document['variant'] or 'network'} on {found.images:,} image(s) of {document['image_size']} px"
    console.print(f"{title}, preprocessing {document['preprocessing']}\n")
    table = table_of("", "top-1 %", "top-5 %")
    table.columns[0].no_wrap = False
    table.columns[0].overflow = "fold"
    table.add_row("here, with 95 % interval", _percent(found.top1), _percent(found.top5))
    for row in document["published"]:
        top5 = "" if row["top5_percent"] is None else f"{row['top5_percent']:.1f}"
        table.add_row(row["source"], f"{row['top1_percent']:.1f}", top5)
    console.print(table)
    console.print(f"\n{found.images_per_s:,.1f} images/s on {document['device']}, {found.wall_s:.1f} s")
    if document["classes"] < document["outputs"]:
        console.print(
            f"The folder has {document['classes']:,} classes, the network {document['outputs']:,} outputs: "
            "label 0 is the first folder by name, and so on."
        )
    if document["published"]:
        console.print("Published figures are of the 50,000 validation images of ImageNet.")
    if found.skipped:
        console.print(f"{len(found.skipped):,} file(s) skipped:")
    for skipped in found.skipped[:SHOWN_SKIPPED]:
        say(f"  {skipped.path}: {skipped.reason}")
    if (more := len(found.skipped) - SHOWN_SKIPPED) > 0:
        console.print(f"  and {more:,} more; --json names all")


def _percent(share: Proportion) -> str:
    return f"{100 * share.value:.1f} ({100 * share.low:.1f}–{100 * share.high:.1f})"
