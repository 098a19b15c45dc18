"""Classification data sets of torchvision, by name.

N: images, C: channels, H: height, W: width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from PIL import Image
from pydantic import Field, field_validator

from foldwise.data.bad_input import BadFile, printable
from foldwise.data.readers.image_size import ImageSize, SizePolicy
from foldwise.data.readers.pillow_images import PillowImages, Pixels
from foldwise.data.readers.torchvision_sets import (
    check_name,
    class_names_of,
    files_of,
    labels_of,
    open_parts,
)
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading, SourceConfig


class TorchvisionSource(SourceConfig):
    """A data set that torchvision knows, read where its files lie; its parts become the split.

    Sets that torchvision unpickles (CIFAR10, CIFAR100, LSUN) are refused. Two small files it reads
    with `torch.load(weights_only=True)`, which runs no code: the index of ImageNet, and what
    versions before 0.10 left in the folder `processed` of MNIST and its kin.
    """

    kind: Literal["torchvision"] = "torchvision"
    name: str  # as torchvision spells it, e.g. FashionMNIST
    root: Path  # the folder that torchvision calls so; `~` is the home folder
    download: bool = False  # into `root`, by torchvision, where files are missing
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)  # of that set alone
    image_size: ImageSize | None = None  # none: as they are, which must be alike
    size_policy: SizePolicy = "resize"
    channels: Literal["auto", 1, 3] = "auto"  # auto: 1 where all images are grey, else 3

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return check_name(name)

    def inputs(self) -> Sequence[Path]:
        """Return the folder of the set, or that of all sets where it has another name."""
        root = self.root.expanduser()
        folders = (root / self.name, root / self.name.lower())
        return (next((folder for folder in folders if folder.is_dir()), root),)

    def read(self, scratch: Path) -> Reading:
        """Read the images, those for training first.

        Raises:
            IngestError: The files are not there, or images differ in size and no size is given.
        """
        root = self.root.expanduser()
        parts = open_parts(self.name, root, self.options, self.download)
        described = [_describe(dataset, part, root) for part, dataset in parts.items()]
        table = pd.concat([some for some, _ in described], ignore_index=True)
        missing = table["label"].isna()
        bad = dict.fromkeys(table.loc[missing, "sample_id"], "its label is missing")
        table = self._limited(table[~missing])
        x, unreadable = self._write(parts, table, scratch)
        if unreadable:  # the array must have no gaps: what can be read is read again
            bad |= {table["sample_id"][row]: reason for row, reason in unreadable.items()}
            table = table.drop(index=list(unreadable)).reset_index(drop=True)
            x, _ = self._write(parts, table, scratch)
        names = dict.fromkeys(name for _, some in described for name in some)
        present = set(table["label"])
        return Reading(
            x=x,
            table=table.drop(columns="position"),
            classes=tuple(name for name in names if name in present),
            size_policy="none" if self.image_size is None else self.size_policy,
            bad_files=tuple(BadFile(printable(name), bad[name]) for name in sorted(bad)),
        )

    def _limited(self, table: pd.DataFrame) -> pd.DataFrame:
        strata = [
            f"{part} {label}"
            for part, label in zip(table["official_split"], table["label"], strict=True)
        ]
        limit = self.limit or len(table)
        rows = stratified_sample(table["sample_id"].tolist(), strata, limit)
        return table.iloc[rows].reset_index(drop=True)

    def _write(
        self, parts: dict[str | None, Any], table: pd.DataFrame, scratch: Path
    ) -> tuple[Pixels, dict[int, str]]:
        splits, positions = table["official_split"].tolist(), table["position"].tolist()

        def load(row: int) -> Image.Image:
            image: Image.Image = parts[splits[row]][positions[row]][0]
            return image

        images = PillowImages(self.image_size, self.size_policy, self.channels)
        return images.write(load, len(table), scratch)


def _describe(dataset: Any, part: str | None, root: Path) -> tuple[pd.DataFrame, list[str]]:  # noqa: ANN401  (a torchvision data set)
    """Return one row per image, sorted by id, and the names of the classes in order."""
    labels = labels_of(dataset)
    names = class_names_of(dataset, [label for label in labels if label is not None])
    files = files_of(dataset)
    if files is None:
        ids = [f"{part or 'row'}_{i:06d}" for i in range(len(labels))]
    else:  # some sets list them in the order of the disk
        ids = [printable(file.relative_to(root).as_posix()) for file in files]
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "label": [None if label is None else names[label] for label in labels],
            "position": range(len(labels)),
        }
    )
    table["official_split"] = pd.Series([part] * len(labels), dtype=object)
    return table.sort_values("sample_id", kind="stable"), list(names.values())
