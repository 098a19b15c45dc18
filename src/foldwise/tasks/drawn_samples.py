"""Samples that a generator has drawn, and the folder that they are written to.

N: samples, Z: size of a latent vector, T: time steps, F: channels of a series.
"""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import atomic_directory, sha256_file, write_sealed_json
from foldwise.data.csv_cells import csv_safe
from foldwise.data.samples import Samples

logger = logging.getLogger(__name__)

LATENTS, TABLE, MANIFEST = "latents.npy", "samples.csv", "manifest.json"
_MAX_NAME_BYTES = 100


@dataclass(frozen=True)
class DrawnSamples:
    """Samples with the latents that they were made of, and where they come from."""

    samples: Samples
    latents: npt.NDArray[np.float32]  # (N, Z), or (N, T, Z) of series
    facts: dict[str, Any]  # seed, generator and its hash: JSON values


def write_drawn_samples(folder: Path, drawn: DrawnSamples) -> None:
    """Write one file per sample, latents, table and manifest, all or nothing.

    Pictures are PNGs in one folder per class, as the source `image_folder` reads them; series are
    CSVs with a column per channel. Row i of `samples.csv` belongs to row i of `latents.npy`.
    """
    samples = drawn.samples
    with atomic_directory(folder) as temporary:
        files = _write_files(temporary, samples, str(drawn.facts["weights_sha256"]))
        np.save(temporary / LATENTS, drawn.latents, allow_pickle=False)
        table = _table(files, drawn)
        csv_safe(table).to_csv(temporary / TABLE, index=False)
        hashes = {name: sha256_file(temporary / name) for name in (LATENTS, TABLE)}
        facts = {**drawn.facts, "num_samples": len(samples), "synthetic": True, "files": hashes}
        write_sealed_json(temporary / MANIFEST, facts)
    logger.info("Wrote %d drawn samples to %s.", len(samples), folder)


def class_folders(classes: Sequence[str]) -> list[str]:
    """Return a folder's name for each class: its own, where every file system takes it.

    >>> class_folders(["cat", "a/b", ".."])
    ['cat', 'class_1', 'class_2']
    """
    names: list[str] = []
    taken: set[str] = set()
    for index, label in enumerate(classes):
        name = label if _is_plain(label) and label.casefold() not in taken else f"class_{index}"
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        names.append(name)
    return names


def _is_plain(label: str) -> bool:
    """Tell whether a class's name is that of a folder on any system, and no hidden one."""
    if (
        not label
        or label != label.strip(" .")
        or len(label.encode(errors="replace")) > (_MAX_NAME_BYTES)
    ):
        return False
    return label.isprintable() and not set(label) & set('/\\:*?"<>|')


def _table(files: list[str], drawn: DrawnSamples) -> pd.DataFrame:
    facts = drawn.facts
    return pd.DataFrame(
        {
            "file": files,
            "label": drawn.samples.table["label"],
            "latent_row": np.arange(len(files)),
            "seed": facts["seed"],
            "generator_sha256": facts["weights_sha256"],
            "synthetic": True,
        }
    )


def _write_files(root: Path, samples: Samples, generator_hash: str) -> list[str]:
    """Write each sample; return the paths from the root."""
    kind, ending = ("pictures", "png") if samples.modality == "image" else ("series", "csv")
    folders = class_folders(samples.classes)
    counts = [0] * len(folders)
    files = []
    for x, label in zip(samples.x, samples.y, strict=True):
        path = root / kind / folders[label] / f"{counts[label]:05d}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if samples.modality == "image":
            path.write_bytes(_png(x, generator_hash))
        else:
            _write_series(path, x, [feature.name for feature in samples.features])
        counts[label] += 1
        files.append(path.relative_to(root).as_posix())
    return files


def _png(image: npt.NDArray[np.uint8], generator_hash: str) -> bytes:
    """Encode (C, H, W) as a PNG that says that it is no photograph."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    note = PngInfo()
    note.add_text("Source", f"synthetic: drawn from the generator {generator_hash}")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", pnginfo=note)
    return file.getvalue()


def _write_series(path: Path, x: npt.NDArray[np.float32], names: list[str]) -> None:
    """Write (T, F) with one column per channel."""
    columns = names if len(names) == x.shape[1] else [f"dim_{i}" for i in range(x.shape[1])]
    header = csv_safe(pd.DataFrame({"name": columns}))["name"].tolist()
    pd.DataFrame(x, columns=header).to_csv(path, index=False)
