"""A folder of images with one sub-folder per class.

N: samples, C: channels, H: height, W: width.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.config import Config
from foldwise.data.sources.class_folders import EXPECTED, ClassFolders, find_class_folders
from foldwise.data.sources.folder_tree import ImageFile, scan_tree
from foldwise.data.sources.image_file import (
    PILLOW_MAX_PIXELS,
    BadImageError,
    Channels,
    DecodedImage,
    ImageSpec,
    decode_image,
    prepare_decoders,
)
from foldwise.data.sources.image_size import ImageSize, SizePolicy, height_and_width
from foldwise.data.sources.source import BadFile, IngestError, Reading, printable

_MAX_THREADS = 8  # bounds the memory for decoded images of full size


class ImageFolderSource(Config):
    """Images of any size and mode, in one sub-folder per class, nested as deep as you like.

    Where the sub-folders are called `train`, `test` and perhaps `val`, and hold the class folders,
    they become the official split. EXIF orientation is applied, transparent pixels are laid over
    white, 16-bit pixels scaled to 8 bits; the first page or frame is taken. Hidden files and files
    without the ending of an image are passed over.
    """

    kind: Literal["image_folder"] = "image_folder"
    path: Path  # `~` is the home folder
    image_size: ImageSize = 64  # pixels, or [height, width]
    size_policy: SizePolicy = "resize"
    channels: Channels = "auto"  # auto: 1 where all images are grey, else 3
    max_pixels: int = Field(50_000_000, ge=1, le=PILLOW_MAX_PIXELS)  # of one image, width x height

    def read(self) -> Reading:
        """Read all images, sorted by class, then by path.

        Raises:
            IngestError: The folder is missing, empty or not one sub-folder per class.
        """
        tree = scan_tree(_existing_folder(self.path))
        folders = find_class_folders(tree)
        decoded = self._decode(folders.files)
        images = {f: d for f, d in decoded.items() if isinstance(d, DecodedImage)}
        bad_files = [d for d in decoded.values() if isinstance(d, BadFile)]
        return Reading(
            x=_stack(list(images.values()), self.image_size, self.channels),
            table=_table(images, folders),
            classes=folders.classes,
            size_policy=self.size_policy,
            bad_files=tuple(sorted([*tree.bad_files, *bad_files])),
        )

    def _decode(self, files: Sequence[ImageFile]) -> dict[ImageFile, DecodedImage | BadFile]:
        spec = ImageSpec(self.image_size, self.size_policy, self.channels, self.max_pixels)

        def decode(file: ImageFile) -> DecodedImage | BadFile:
            try:
                return decode_image(file.path, spec)
            except BadImageError as error:
                return BadFile(printable(file.sample_id), printable(str(error)))

        prepare_decoders()
        # Pillow releases the interpreter lock while it decodes and scales.
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS)) as threads:
            return dict(zip(files, threads.map(decode, files), strict=True))


def _existing_folder(path: Path) -> Path:
    folder = path.expanduser()
    if not folder.exists():
        raise IngestError(f"ingest.source.path: '{folder}' does not exist. {EXPECTED}")
    if not folder.is_dir():
        raise IngestError(f"ingest.source.path: '{folder}' is not a folder. {EXPECTED}")
    return folder


def _stack(
    images: list[DecodedImage], size: ImageSize, channels: Channels
) -> npt.NDArray[np.uint8]:
    """Return (N, C, H, W); grey images among coloured ones get three equal channels."""
    colour = any(image.pixels.ndim == 3 for image in images)
    num_channels = (3 if colour else 1) if channels == "auto" else channels
    x = np.empty((len(images), num_channels, *height_and_width(size)), np.uint8)
    for i, image in enumerate(images):
        x[i] = np.moveaxis(image.pixels, -1, 0) if image.pixels.ndim == 3 else image.pixels
    return x


def _table(images: dict[ImageFile, DecodedImage], folders: ClassFolders) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": [file.sample_id for file in images],
            "label": [folders.label(file) for file in images],
            "official_split": [folders.official_split(file) for file in images],
            "meta_height": np.array([image.height for image in images.values()], np.int64),
            "meta_width": np.array([image.width for image in images.values()], np.int64),
        }
    )
