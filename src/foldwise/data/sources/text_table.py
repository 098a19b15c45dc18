"""A table with one text per row: CSV, TSV or Parquet.

N: samples, T: tokens.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.delimited import read_column_names, read_delimited, require_columns
from foldwise.data.readers.delimited_format import DelimitedFormat
from foldwise.data.readers.row_check import RowCheck, refuse_missing
from foldwise.data.readers.row_columns import RowColumns, describe_rows
from foldwise.data.readers.target_column import Task, add_target, sorted_classes
from foldwise.data.readers.text_tokens import (
    ALPHABETS,
    TokenKind,
    UnknownLetterError,
    normalise,
    number_tokens,
)
from foldwise.data.sources.source import Reading, SourceConfig

logger = logging.getLogger(__name__)


class TextTableSource(SourceConfig, DelimitedFormat, RowColumns):
    """Texts or biological sequences, cut into tokens, and a label or a number for each.

    - characters: as they are, one for each code point (NFC)
    - words: lower-cased; runs of letters and digits, apostrophes inside included, and single signs
    - bytes: of UTF-8
    - dna, rna, protein: letters in either case; ambiguous ones become N, in proteins X; a row with
      any other letter is refused

    Texts longer than `max_length` tokens keep their first ones. The hash of a sample is that of
    its whole text, as spelled; a sequence is spelled in the letters of its alphabet. Rows are
    counted as in a spreadsheet (the header is row 1), sample ids from 0 for the first text.
    """

    kind: Literal["text_table"] = "text_table"
    path: Path  # `~` is the home folder
    text_column: str
    label_column: str  # of class names or, for a regression, numbers
    task: Task = "auto"  # auto: text and few whole numbers are classes, else a regression
    tokens: TokenKind = "characters"
    max_length: int = Field(1024, ge=1)  # tokens

    def inputs(self) -> Sequence[Path]:
        """Return the path."""
        return (self.path.expanduser(),)

    def read(self, scratch: Path) -> Reading:
        """Read all rows, in their order.

        Raises:
            IngestError: The file cannot be read, or a column is not as the parameters say.
        """
        wanted = self._columns()
        text = {self.text_column, self.label_column, *self.text_columns()}
        table = read_delimited(self.path, self, columns=wanted, text_columns=text)
        check = RowCheck(table)
        rows = describe_rows(table, self, check)
        cells = table.frame[self.text_column]
        refuse_missing(cells, "the text", check)
        texts = self._normalised(cells, check)
        add_target(rows, table.frame[self.label_column], self.task, table.decimal, check)
        kept = check.kept()
        rows = rows.iloc[kept].reset_index(drop=True)
        texts = [texts[place] for place in kept]
        spelled = texts if self.tokens in ALPHABETS else cells.iloc[kept]
        ids = number_tokens(texts, self.tokens, self.max_length, scratch)
        if ids.num_truncated:
            logger.warning(
                "Cut off %d of %d texts after ingest.source.max_length=%d %s.",
                ids.num_truncated,
                len(texts),
                self.max_length,
                "letters" if self.tokens in ("dna", "rna", "protein") else self.tokens,
            )
        rows["length"] = ids.lengths
        rows["sha256"] = [hashlib.sha256(text.encode()).hexdigest() for text in spelled]
        return Reading(
            x=ids.x,
            table=rows,
            classes=sorted_classes(rows["label"].unique()) if "label" in rows else (),
            bad_files=check.bad_rows(),
            modality="tokens",
            tokens=ids.tokens,
        )

    def _columns(self) -> set[str]:
        names = read_column_names(self.path, self)
        asked = {
            "text_column": (self.text_column,),
            "label_column": (self.label_column,),
            **self.described(),
        }
        for parameter, columns in asked.items():
            require_columns(names, columns, parameter, self.path)
        if self.text_column == self.label_column:
            raise IngestError(
                f"ingest.source: text_column and label_column are both '{self.text_column}'."
            )
        return {name for columns in asked.values() for name in columns}

    def _normalised(self, cells: pd.Series, check: RowCheck) -> list[str]:
        texts = []
        wrong: dict[int, str] = {}
        for place, cell in enumerate(cells.fillna("")):
            try:
                texts.append(normalise(cell, self.tokens))
            except UnknownLetterError as error:
                texts.append("")
                wrong[place] = str(error)
        is_wrong = np.isin(np.arange(len(texts)), list(wrong))
        check.refuse(is_wrong, wrong.__getitem__)
        return texts
