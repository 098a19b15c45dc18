"""What all sources of image files have in common.

N: samples, C: channels, H: height, W: width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.data.bad_input import BadFile, IngestError, printable
from foldwise.data.images.batch import BatchResult
from foldwise.data.images.decode import PILLOW_MAX_PIXELS, Channels, ImageSpec
from foldwise.data.images.pack import pack_images
from foldwise.data.images.store import Store
from foldwise.data.images.workers import DecodingProcessError
from foldwise.data.readers.folder_tree import ImageFile
from foldwise.data.readers.image_size import ImageSize, SizePolicy, height_and_width
from foldwise.data.sources.source import SourceConfig


@dataclass(frozen=True)
class Pictures:
    """What became of the files."""

    x: npt.NDArray[np.uint8]  # (N, C, H, W)
    columns: pd.DataFrame  # sample_id, sha256, file_*, meta_height and meta_width, (N rows)
    is_good: npt.NDArray[np.bool_]  # for each file; N of them are
    bad_files: tuple[BadFile, ...]


class ImageSource(SourceConfig):
    """How image files become arrays.

    EXIF orientation is applied, transparent pixels are laid over white, 16-bit pixels scaled to 8
    bits; the first page or frame is taken. The table gets `meta_height` and `meta_width`, upright
    and before scaling, `file_bytes`, `file_mode` (as Pillow calls it), `file_jpeg_quality`
    (estimated; missing for other formats) and `file_time` (last change, seconds since 1970, UTC).
    """

    image_size: ImageSize = 64  # pixels, or [height, width]
    size_policy: SizePolicy = "resize"
    channels: Channels = "auto"  # auto: 1 where all images are grey, else 3
    max_pixels: int = Field(50_000_000, ge=1, le=PILLOW_MAX_PIXELS)  # of one image, width x height

    def image_spec(self) -> ImageSpec:
        """Return what each file is to become."""
        size = height_and_width(self.image_size)
        return ImageSpec(*size, self.size_policy, self.channels, self.max_pixels)

    def decode(self, files: Sequence[ImageFile], store: Store, scratch: Path) -> Pictures:
        """Decode files in their order, into `x.npy` in the scratch folder.

        Raises:
            IngestError: A decoding process died.
        """
        entries = [file.entry for file in files]
        try:
            packed = pack_images(entries, store, self.image_spec(), scratch / "x.npy")
        except DecodingProcessError as error:
            raise IngestError(str(error)) from error
        bad_files = [
            BadFile(printable(files[row].sample_id), printable(reason))
            for row, reason in packed.result.bad.items()
        ]
        good = [files[row].sample_id for row in np.flatnonzero(packed.is_good).tolist()]
        columns = _columns(good, packed.result)
        return Pictures(packed.x, columns, packed.is_good, tuple(bad_files))


def _columns(sample_ids: list[str], result: BatchResult) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": pd.Series(sample_ids, dtype="str"),
            "sha256": pd.Series(result.sha256, dtype="str"),
            "file_bytes": np.array(result.file_bytes, np.int64),
            "file_mode": pd.Series(result.file_mode, dtype="str"),
            "file_jpeg_quality": np.array(result.file_jpeg_quality, np.float64),  # None: NaN
            "file_time": np.array(result.file_time, np.int64),
            "meta_height": np.array(result.meta_height, np.int64),
            "meta_width": np.array(result.meta_width, np.int64),
        }
    )
