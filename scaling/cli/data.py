"""`scaling data`: what data sets there are, fetch one, look at one."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from scaling.cli.options import FILE, PATH, cache_option
from scaling.cli.output import answer, console, json_option, say
from scaling.data import (
    LARGEST_SEED,
    SMALLEST_IMAGE,
    SPLIT_NAMES,
    SplitName,
    channel_statistics,
    checksum,
    cifar,
    dataset_info,
    dataset_names,
    fashion_mnist,
    folders,
    glyphs,
    load_split,
)
from scaling.data.contact_sheet import contact_sheet as draw_sheet
from scaling.data.locations import cache_folder
from scaling.errors import DataError

LARGEST_ROW = 256
"""Pixels: the last row of a contact sheet has four times that."""
data_folder_option = click.option("--data-dir", type=PATH, help="Folder of your own copies.")


@click.group()
def data() -> None:
    """List, fetch and look at data sets."""


@data.command(name="list")
@json_option
def list_data(as_json: bool) -> None:
    """List the data sets, their splits and whether they are at hand."""
    rows = [_row(name) for name in dataset_names()]
    answer(rows, as_json, lambda: _print_list(rows))


def _print_list(rows: list[dict[str, object]]) -> None:
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    for heading in ("classes", "native\nsize", *SPLIT_NAMES, "at\nhand"):
        table.add_column(heading, justify="right")
    for row in rows:
        native = "any" if row["native_size"] is None else f"{row['native_size']} px"
        counts = [f"{row[split]:,}" for split in SPLIT_NAMES]
        at_hand = "yes" if row["at_hand"] else "no"
        table.add_row(str(row["name"]), str(row["num_classes"]), native, *counts, at_hand)
    console.print(table)
    console.print("imagefolder:PATH: your own pictures in class folders (scaling data show imagefolder:PATH)")
    for row in rows:
        if not row["at_hand"]:
            console.print(f"Get {row['name']} with: scaling data fetch {row['name']}")


def _row(name: str) -> dict[str, object]:
    info = dataset_info(name)
    counts, at_hand = _counts(name)
    return {
        "name": info.name,
        "num_classes": info.num_classes,
        "in_channels": info.in_channels,
        "native_size": info.native_size,
        **{str(split): count for split, count in counts.items()},
        "at_hand": at_hand,
        "mean": list(info.mean),
        "std": list(info.std),
        "licence": info.licence,
        "source": info.source,
    }


def _counts(name: str) -> tuple[dict[SplitName, int | None], bool]:
    """Return the images of each split, None where there is no such split, and whether they are at hand."""
    if name == glyphs.INFO.name:
        return dict(glyphs.DEFAULT_COUNTS), True
    if name in cifar.ARCHIVES:
        archive = cifar.ARCHIVES[name]
        counts = {split: len(cifar.split_indices(archive, split, seed=0)) for split in SPLIT_NAMES}
        return dict(counts), cifar.locate(archive, data_dir=None, cache_dir=None) is not None
    if name.startswith(folders.PREFIX):
        return {split: _files(name, split) for split in SPLIT_NAMES}, True
    if name == fashion_mnist.INFO.name:
        counts = {split: len(fashion_mnist.split_indices(split, seed=0)) for split in SPLIT_NAMES}
        return dict(counts), fashion_mnist.at_hand()
    raise DataError(f"nothing is known of the images of {name!r}")


def _files(name: str, split: SplitName) -> int | None:
    try:
        return len(folders.split_folder(folders.folder_of(name), split, seed=0).files)
    except DataError:
        if split == "test":  # many folders have none
            return None
        raise


@data.command()
@click.argument("name")
@click.option(
    "--measure", type=int, metavar="COUNT", help="Load so many training images; mean and std of them."
)
@click.option("--image-size", type=int, help="To measure at (the native size, else 64).")
@data_folder_option
@json_option
def show(
    name: str, measure: int | None, image_size: int | None, data_dir: Path | None, as_json: bool
) -> None:
    """Show what is known of NAME; imagefolder:PATH for class folders of pictures."""
    row, info = _row(name), dataset_info(name)
    if measure is not None:
        size = image_size or info.native_size or 64
        sample = load_split(name, "train", image_size=size, count=measure, seed=0, data_dir=data_dir)
        mean, std = channel_statistics(sample)
        row |= {"measured_images": measure, "measured_mean": list(mean), "measured_std": list(std)}
        row["checksum"] = checksum(sample)

    def printed() -> None:
        for key, value in row.items():
            console.print(f"[bold]{key.replace('_', ' ')}[/bold]: {_shown(value)}")
        few = ", ".join(info.class_names[:10]) + (" …" if info.num_classes > 10 else "")
        console.print(f"[bold]classes[/bold]: {few}")

    answer(row | {"class_names": list(info.class_names)}, as_json, printed)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one:.4f}" for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


@data.command()
@click.argument("name")
@data_folder_option
@cache_option
@json_option
def fetch(name: str, data_dir: Path | None, cache_dir: Path | None, as_json: bool) -> None:
    """Find NAME or download it, verify every file, and say where it lies."""
    info = dataset_info(name)
    files = (*fashion_mnist.TRAIN_FILES, *fashion_mnist.TEST_FILES) if info is fashion_mnist.INFO else ()
    places = {}
    if name in cifar.ARCHIVES:
        archive = cifar.ARCHIVES[name]
        path = cifar.locate(archive, data_dir=data_dir, cache_dir=cache_dir)
        if path is None:
            path = cifar.fetch(archive, cache_folder(cache_dir) / name)
        cifar.verify(archive, path)
        places[archive.file_name] = str(path)
    for file in files:
        path, _ = fashion_mnist.obtain(file, data_dir=data_dir, cache_dir=cache_dir)
        places[file.name] = str(path)
    whose = "yours" if name.startswith(folders.PREFIX) else "drawn by this package"
    lines = [f"verified: {path}" for path in places.values()]
    text = "\n".join(lines or [f"{info.name} is {whose}: there is nothing to fetch."])
    answer({"name": info.name, "files": places}, as_json, lambda: say(text))


@data.command()
@click.option("-o", "--output", type=FILE, required=True)
@click.option("--image-size", type=int, default=24, show_default=True, help="Of the first row, in pixels.")
@click.option("--seed", type=int, default=0, show_default=True)
def contact_sheet(output: Path, image_size: int, seed: int) -> None:
    """Draw a contact sheet of the glyphs data set into OUTPUT (.png, .svg or .pdf)."""
    if not SMALLEST_IMAGE <= image_size <= LARGEST_ROW:
        raise DataError(f"image size must be between {SMALLEST_IMAGE} and {LARGEST_ROW}, got {image_size}")
    if not 0 <= seed <= LARGEST_SEED:
        raise DataError(f"the seed must be between 0 and {LARGEST_SEED}, got {seed}")
    if output.suffix not in {".png", ".svg", ".pdf"}:
        raise DataError(f"the output must end in .png, .svg or .pdf, got {output.name!r}")
    try:
        draw_sheet(image_size=image_size, seed=seed).savefig(output, dpi=120)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error.strerror}") from None
    say(f"wrote {output}")
