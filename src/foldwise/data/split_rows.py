"""What a split reads of the samples, in an order of its own.

N: samples.
"""

import difflib
import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import TIME_COLUMNS, target_columns
from foldwise.data.split_config import TIME_SCHEMES, OnLeak, Scheme, SplitConfig, SplitError
from foldwise.data.synthetic_rows import SYNTHETIC_COLUMNS, synthetic_rows
from foldwise.data.time_steps import NEVER, Spans, time_spans, window_blocks, windows
from foldwise.data.units import EXACT, GROUP, Tie, connect, find_ties

Codes = npt.NDArray[np.int64]

META = "meta_"


@dataclass(frozen=True)
class SplitRows:
    """The samples, sorted by their ids: so nothing depends on the order in which they came."""

    table: pd.DataFrame  # the columns that the split reads
    strata: Codes  # (N,), class or quantile bin of the target
    ties: dict[str, Tie]
    spans: Spans | None  # None: there is no column `time`

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_regression(self) -> bool:
        """Whether there are numbers to be predicted, not classes."""
        return bool(target_columns(self.table))

    @property
    def is_grouped(self) -> bool:
        """Whether any sample has a group."""
        return GROUP in self.ties and bool((self.ties[GROUP].codes >= 0).any())

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        """Sample ids, (N,), sorted."""
        return self.table["sample_id"].to_numpy(dtype=object)

    @functools.cached_property
    def synthetic(self) -> npt.NDArray[np.bool_]:
        """Which samples were made, not collected, (N,): they are in training parts only."""
        return synthetic_rows(self.table)

    def kept_together(self, scheme: Scheme, on_leak: OnLeak) -> list[Tie]:
        """Return the ties that the scheme does not cut.

        Groups are kept by all schemes but `stratified` and those of time, in which a group goes
        on through time; duplicates where `on_leak` says so. What overlaps in time is purged by
        the schemes of time, and so are exact copies. Near copies are told of but stay: the same
        machine or season looks nearly the same again, and is known by then; and as near sets are
        chains, a slowly changing recording is one set, and its purge would leave no past.
        """
        kept = {GROUP} if scheme != "stratified" and scheme not in TIME_SCHEMES else set()
        if on_leak == "group":
            kept |= {EXACT} if scheme in TIME_SCHEMES else set(self.ties) - {GROUP}
        return [tie for check, tie in self.ties.items() if check in kept]

    def units(self, scheme: Scheme) -> Codes:
        """Return what is not drawn independently, (N,): see `Folds.table`.

        The windows of a series are one unit as far as they overlap in a chain, which no split may
        cut; but where the scheme purges in time instead they are blocks, as a bootstrap draws.
        """
        if scheme in TIME_SCHEMES and self.spans is not None:
            blocks = window_blocks(self.table, self.spans)
            return connect([blocks], len(self))
        return connect([tie.codes for tie in self.ties.values()], len(self))

    def require_times(self, parameter: str) -> Spans:
        """Return the spans, all of them known.

        Raises:
            SplitError: It says which parameter needs a time, and who has none.
        """
        if self.spans is None:
            raise SplitError(
                f"{parameter} needs to know when each sample took place, but the samples have no "
                "column 'time'. Name one in ingest.source, or use a scheme without time."
            )
        absent = np.flatnonzero(self.spans.first == NEVER)
        if len(absent):
            raise SplitError(
                f"{parameter} needs to know when each sample took place, but {len(absent)} of "
                f"{len(self)} samples have no time, for example {self.ids[absent[0]]!r}."
            )
        return self.spans


def read_rows(
    table: pd.DataFrame, config: SplitConfig, duplicates: pd.DataFrame | None = None
) -> SplitRows:
    """Return what a split reads of the samples' table, sorted by id.

    Raises:
        SplitError: A column that `config` names is missing, or `duplicates` has other samples.
    """
    known = ("sample_id", "label", *target_columns(table), "group", "official_split", "sha256")
    more = ("series", *TIME_COLUMNS, *SYNTHETIC_COLUMNS)
    columns = [name for name in (*known, *more) if name in table]
    if config.column is not None and meta_column(table, config.column) not in columns:
        columns.append(meta_column(table, config.column))
    rows = table[columns].sort_values("sample_id", ignore_index=True)
    spans = time_spans(rows) if "time" in rows else None
    ties = find_ties(rows, duplicates, spans if windows(rows).any() else None)
    return SplitRows(rows, _strata(rows, config), ties, spans)


def meta_column(table: pd.DataFrame, name: str) -> str:
    """Return the user's column of that name, which may lack the prefix.

    Raises:
        SplitError: There is none; it lists those that there are, and the nearest.
    """
    columns = [str(column) for column in table if str(column).startswith(META)]
    for candidate in (name, META + name):
        if candidate in columns:
            return candidate
    near = difflib.get_close_matches(META + name.removeprefix(META), columns, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SplitError(
        f"split.column is {name!r}, but the samples have no such meta_* column.{hint} "
        f"There are: {', '.join(columns) or 'none'}."
    )


def column_digests(rows: pd.DataFrame) -> dict[str, str]:
    """Return a SHA-256 of each column, blind to how texts and missing values are stored."""
    return {str(name): _column_digest(rows[name]) for name in rows}


def _column_digest(column: pd.Series) -> str:
    digest = hashlib.sha256()
    if pd.api.types.is_datetime64_any_dtype(column):
        digest.update(column.to_numpy(dtype="datetime64[ns]").view("int64").tobytes())
    elif pd.api.types.is_signed_integer_dtype(column) and not column.hasnans:
        digest.update(column.to_numpy(dtype=np.int64).tobytes())
    elif pd.api.types.is_numeric_dtype(column):
        digest.update(column.to_numpy(dtype=np.float64, na_value=np.nan).tobytes())
    else:
        codes, texts = pd.factorize(column)
        digest.update(codes.astype("<i8").tobytes())
        digest.update("\x1f".join(map(str, texts)).encode())
    return digest.hexdigest()


def _strata(rows: pd.DataFrame, config: SplitConfig) -> Codes:
    """Return the class of each sample, or the quantile bin of its target (or of their mean)."""
    targets = list(target_columns(rows))
    if not targets:
        return pd.factorize(rows["label"], sort=True)[0].astype(np.int64)
    num_bins = max(1, min(config.num_bins, len(rows) // config.num_folds))
    values = rows[targets].mean(axis=1)
    bins = pd.qcut(values, num_bins, labels=False, duplicates="drop")
    return bins.fillna(0).to_numpy(dtype=np.int64)  # none is known where all are equal
