"""Where samples come from: one file per kind of source, each behind the protocol `Source`.

A new kind is a new file with a class that has `kind`, its own parameters and `read()`, and its
name in the union here.
"""

from typing import Annotated, get_args

from pydantic import Field

from foldwise.data.sources.digits import DigitsSource
from foldwise.data.sources.huggingface import HuggingfaceSource
from foldwise.data.sources.idx import IdxSource
from foldwise.data.sources.image_folder import ImageFolderSource
from foldwise.data.sources.image_table import ImageTableSource
from foldwise.data.sources.npz import NpzSource
from foldwise.data.sources.series_files import SeriesFilesSource
from foldwise.data.sources.series_table import SeriesTableSource
from foldwise.data.sources.table import TableSource
from foldwise.data.sources.text_table import TextTableSource
from foldwise.data.sources.torchvision_source import TorchvisionSource
from foldwise.data.sources.windows import WindowsSource

AnySource = Annotated[
    DigitsSource  # the embedded default
    | HuggingfaceSource
    | IdxSource
    | ImageFolderSource
    | ImageTableSource
    | NpzSource
    | TableSource
    | TextTableSource
    | SeriesFilesSource
    | SeriesTableSource
    | TorchvisionSource
    | WindowsSource,
    Field(discriminator="kind"),
]

# What is advised to those who give a path, but no kind.
KINDS_OF_PATHS = sorted(
    source.model_fields["kind"].default
    for source in get_args(get_args(AnySource)[0])
    if "path" in source.model_fields
)
