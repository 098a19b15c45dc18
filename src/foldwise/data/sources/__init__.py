"""Where samples come from: one file per kind of source, each behind the protocol `Source`.

A new kind is a new file with a class that has `kind`, its own parameters and `read()`, and its
name in the union here.
"""

from typing import Annotated

from pydantic import Field

from foldwise.data.sources.digits import DigitsSource
from foldwise.data.sources.image_folder import ImageFolderSource
from foldwise.data.sources.npz import NpzSource

AnySource = Annotated[
    DigitsSource  # the embedded default
    | ImageFolderSource
    | NpzSource,
    Field(discriminator="kind"),
]
