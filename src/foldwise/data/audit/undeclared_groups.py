"""Which column or pattern in the file names ties samples together without having been declared.

A candidate is taken for a group on one evidence: samples that it ties together look alike far more
often than random samples of the same class do. For user's columns with a telling name (patient,
session...) the name is said to be the evidence.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.check import Subject, examples
from foldwise.data.audit.content import content_vectors
from foldwise.data.audit.group_features import find_group_features
from foldwise.data.audit.name_patterns import Key, name_keys, own_names
from foldwise.data.findings import Finding
from foldwise.seeds import numpy_generator

_ALIKE = 0.01  # the closest share of random pairs of one class is called alike
_MIN_PAIRS = 30
_MAX_PAIRS = 2000
_RANDOM_PAIRS = 5000
_MAX_ROUNDS = 50  # of few samples there are few different pairs
_NEAR = 0.05  # of all samples; a random pair is farther apart in an order
_MIN_VALUES = 10  # of a key; fewer large groups are no copies of one thing
_MIN_MEMBERS = 1.5  # samples per value, on average, of a column with a telling name
_RUNS, _RUN_LENGTH = 100, 1000  # of rows, looked at where there are more
_KNOWN_TIES = ("sha256", "group", "series")
_FILE_SIZE = ("meta_height", "meta_width")  # for the shortcut check
_TELLING = re.compile(
    r"patient|subject|person|participant|donor|animal|mouse|speaker|writer|author|user|customer"
    r"|client|session|record|video|scene|clip|batch|plate|slide|specimen|site|hospital|clinic"
    r"|centre|center|device|scanner|camera|sensor|scan|frame|operator|lot$|family|household|group|cluster",
    re.IGNORECASE,
)

Pairs = npt.NDArray[np.int64]  # shape (number of pairs, 2), rows of the table


@dataclass(frozen=True)
class _Evidence:
    key: Key
    num_pairs: int
    share: float  # of the pairs that look alike
    alike: Pairs


def find_undeclared_groups(subject: Subject) -> list[Finding]:
    """Find user's columns and patterns in file names that tie like samples together."""
    rows = _looked_at(subject)
    scale = _Scale(subject, rows)
    columns = [_evidence(key, scale) for key in _column_keys(subject.table.iloc[rows])]
    own = own_names(scale.table)
    names = [_evidence(key, scale) for key in name_keys(own)] if own else []
    least = subject.config.alike_share
    found = [evidence for evidence in columns if evidence.share >= least]
    found += sorted((e for e in names if e.share >= least), key=lambda e: -e.share)[:1]
    told = {evidence.key.what for evidence in found}
    return [
        *(_looks_alike(evidence, scale) for evidence in found),
        *(f for f in _by_name(subject.table) if f.values["column"] not in told),
        *find_group_features(subject.samples, is_telling),
    ]


def is_telling(name: str) -> bool:
    """Tell whether a column is named like a group of samples."""
    return _TELLING.search(name) is not None


def _looked_at(subject: Subject) -> Pairs:
    """Return all rows, or runs of rows from all over the table."""
    size = len(subject.table)
    if size <= _RUNS * _RUN_LENGTH:
        return np.arange(size)
    starts = np.arange(_RUNS) * ((size - _RUN_LENGTH) // (_RUNS - 1))
    return np.asarray((starts[:, None] + np.arange(_RUN_LENGTH)).ravel(), dtype=np.int64)


class _Scale:
    """How far apart samples of one class are that have nothing else in common."""

    def __init__(self, subject: Subject, rows: Pairs) -> None:
        self.subject = subject
        self.rows = rows
        self.table = subject.table.iloc[rows].reset_index(drop=True)
        self.y = subject.y[rows]
        self.generator = numpy_generator(subject.config.seed, "undeclared groups")
        ties = [name for name in _KNOWN_TIES if name in self.table]
        self.known_ties = [pd.factorize(self.table[name])[0] for name in ties]
        rounds = min(-(-_RANDOM_PAIRS // len(rows)), _MAX_ROUNDS)
        orders = [self.generator.permutation(len(rows)) for _ in range(rounds)]
        self.pairs = np.concatenate([self.neighbours(order) for order in orders])[:_RANDOM_PAIRS]
        self.distance = self.distances(self.pairs)

    def closest(self, key: Key) -> npt.NDArray[np.float64]:
        """Return below which distance two samples of a class look alike, shape (classes,).

        Pairs that the key itself ties together are left out: of a few large groups, many random
        pairs would be of one.
        """
        codes, pair_class = key.codes[self.pairs], self.y[self.pairs[:, 0]]
        reach = _NEAR * len(self.rows) if key.is_order else 0
        untied = np.abs(codes[:, 0] - codes[:, 1]) > reach
        closest = np.zeros(self.y.max(initial=0) + 1)
        for number in np.unique(pair_class[untied]):
            distance = self.distance[untied & (pair_class == number)]
            closest[number] = np.quantile(distance, _ALIKE)
        return closest

    def neighbours(self, order: Pairs, codes: Pairs | None = None) -> Pairs:
        """Return the pairs of rows that follow one another within a class (and a code).

        Left out are those that are known to belong together: equal contents, a declared group,
        and windows of one series (`_KNOWN_TIES`).
        """
        keys = [self.y] if codes is None else [codes, self.y]
        ordered = order[np.lexsort([key[order] for key in keys])]
        pairs = np.column_stack([ordered[:-1], ordered[1:]])
        kept = np.all([key[pairs[:, 0]] == key[pairs[:, 1]] for key in keys], axis=0)
        pairs = pairs[kept]
        for tie in self.known_ties:
            of_pairs = tie[pairs]
            tied = (of_pairs[:, 0] == of_pairs[:, 1]) & (of_pairs[:, 0] >= 0)
            pairs = pairs[~tied]
        return pairs

    def distances(self, pairs: Pairs) -> npt.NDArray[np.float64]:
        """Return how unlike the two samples of each pair are."""
        unique, inverse = np.unique(pairs, return_inverse=True)
        if not len(unique):
            return np.zeros(0)
        vectors = content_vectors(self.subject.samples, self.rows[unique])
        ends = inverse.reshape(pairs.shape)
        return np.asarray(np.linalg.norm(vectors[ends[:, 0]] - vectors[ends[:, 1]], axis=1))


def _column_keys(table: pd.DataFrame) -> list[Key]:
    keys = []
    for name in _user_columns(table):
        codes = pd.factorize(table[name])[0].astype(np.int64)
        keys.append(Key(name, codes, is_order=False))
    return keys


def _user_columns(table: pd.DataFrame) -> list[str]:
    """Return the user's columns whose values may be names of things, not measurements."""
    names = [str(name) for name in table.columns if str(name).startswith("meta_")]
    return [
        name
        for name in names
        if name not in _FILE_SIZE and not pd.api.types.is_float_dtype(table[name])
    ]


def _evidence(key: Key, scale: _Scale) -> _Evidence:
    valid = np.flatnonzero(key.codes >= 0)
    if key.is_order:
        pairs = scale.neighbours(valid[np.argsort(key.codes[valid], kind="stable")])
    else:
        pairs = scale.neighbours(scale.generator.permutation(valid), key.codes)
    if len(pairs) < _MIN_PAIRS or len(np.unique(key.codes[valid])) < _MIN_VALUES:
        return _Evidence(key, len(pairs), 0.0, pairs[:0])
    pairs = scale.generator.permutation(pairs)[:_MAX_PAIRS]
    alike = scale.distances(pairs) < scale.closest(key)[scale.y[pairs[:, 0]]]
    return _Evidence(key, len(pairs), float(alike.mean()), pairs[alike])


def _looks_alike(evidence: _Evidence, scale: _Scale) -> Finding:
    ids = scale.table["sample_id"].to_numpy(dtype=object)
    alike = tuple((str(ids[i]), str(ids[j])) for i, j in evidence.alike[:100])
    tied = "with neighbouring values" if evidence.key.is_order else "with equal values"
    what = evidence.key.what
    return Finding(
        check="undeclared_group",
        severity="warn",
        message=f"{what[0].upper()}{what[1:]} looks like a group that was not declared: of "
        f"{evidence.num_pairs} pairs of one class {tied}, {evidence.share:.0%} look more alike "
        f"than 99% of random pairs do{examples(alike)}.",
        advice="See what they show. If they are takes of one thing, declare the group: random "
        "folds would put it on both sides.",
        values={"column": what, "share_alike": evidence.share, "num_pairs": evidence.num_pairs},
        sample_ids=alike,
    )


def _by_name(table: pd.DataFrame) -> list[Finding]:
    """Find user's columns with the name and the sizes of a group, their contents aside."""
    found = []
    for name in _user_columns(table):
        values, group = table[name].dropna(), table["group"]
        distinct = values.nunique()
        is_repeated = distinct >= 2 and len(values) >= _MIN_MEMBERS * distinct
        if is_repeated and is_telling(name) and not _refines(group, table[name]):
            found.append(
                Finding(
                    check="undeclared_group",
                    severity="warn",
                    message=f"{name} is named like a group and has {distinct} values for "
                    f"{len(values)} samples, but is not declared as one.",
                    advice="If samples of one value belong together, declare it with "
                    f"ingest.source.group_column={name.removeprefix('meta_')}.",
                    values={"column": name, "num_values": distinct},
                )
            )
    return found


def _refines(group: pd.Series, values: pd.Series) -> bool:
    """Tell whether samples of one value are always of one declared group."""
    if group.isna().any():
        return False
    return bool((group.groupby(values).nunique() <= 1).all())
