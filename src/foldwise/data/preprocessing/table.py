"""The encoding of a table, fitted on a training part."""

from typing import Literal

from foldwise.config import Config
from foldwise.data.table_encoding import TableEncoding


class TablePreprocessing(Config):
    """How columns become numbers."""

    kind: Literal["table"] = "table"
    encoding: TableEncoding
