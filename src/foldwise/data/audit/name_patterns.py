"""What file names say about samples: the parts of a pattern that all of them follow."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

_COVERED = 0.8  # of the names follow the pattern, or there is none
_REPEATED = 1.2  # samples per value, on average, of a part that is shared
_NUMBER = re.compile(r"\d+")
# Sources whose samples have no names of their own, and the ids that the others give to those
# without; see `sources`.
_NAMELESS = ("digits", "idx", "npz", "series_files", "torchvision", "windows")
_INVENTED = re.compile(r"row_\d{6,}|\w+/\d{6,}|.*@[^@/]*")
_OF_FILES = ("image_folder", "image_table")
_SUFFIX = re.compile(r"\.[A-Za-z]\w{0,4}$")


@dataclass(frozen=True)
class Key:
    """One value per sample that may tell which of them belong together."""

    what: str  # how a reader would name it
    codes: npt.NDArray[np.int64]  # shape (N,); -1 where there is none
    is_order: bool  # not equal values, but neighbouring ones belong together


def own_names(table: pd.DataFrame) -> list[str]:
    """Return the sample ids, if they are names of the user's own; else none."""
    kind = str(table["source"].iloc[0])
    names: list[str] = table["sample_id"].astype(str).tolist()
    if kind in _NAMELESS:
        return []
    if kind not in _OF_FILES and all(_INVENTED.fullmatch(name) for name in names):
        return []
    return names


def name_keys(sample_ids: Sequence[str]) -> list[Key]:
    """Return the folder, the numbers and the beginnings that the names of files consist of.

    >>> keys = name_keys(["tile1_17.jpg", "tile1_18.jpg", "tile2_19.jpg"])
    >>> [key.what for key in keys][1:]
    ["the last number of the name, as in 'tile1_17'", "the beginning of the name, as 'tile1'"]
    """
    folders, _, names = zip(*(str(each).rpartition("/") for each in sample_ids), strict=True)
    stems = [_SUFFIX.sub("", name) for name in names]
    numbers = [_NUMBER.findall(stem) for stem in stems]
    lengths = np.array([len(found) for found in numbers])
    usual = int(np.bincount(lengths).argmax())
    follows = lengths == usual
    keys = [_equal("the folder", pd.Series(folders, dtype="str"), np.ones(len(stems), bool))]
    if usual and follows.mean() >= _COVERED:
        keys += _number_keys(numbers, follows, usual, stems)
        keys += _prefix_keys(stems, follows, usual)
    return [key for key in keys if key is not None]


def _number_keys(
    numbers: Sequence[Sequence[str]],
    follows: npt.NDArray[np.bool_],
    usual: int,
    stems: Sequence[str],
) -> list[Key | None]:
    keys: list[Key | None] = []
    example = stems[int(follows.argmax())]
    for i in range(usual):
        place = "last" if i == usual - 1 else f"{_ordinal(i)}"
        what = f"the {place} number of the name, as in '{example}'"
        values = pd.Series([found[i] if len(found) == usual else "" for found in numbers])
        shared = _equal(what, values, follows)
        keys.append(shared or _ordered(what, values, follows))
    return keys


def _prefix_keys(
    stems: Sequence[str], follows: npt.NDArray[np.bool_], usual: int
) -> list[Key | None]:
    """Return what stands before the last number, and before the one before it, and so on."""
    keys: list[Key | None] = []
    for i in range(usual):
        starts = [_prefix(stem, i) for stem in stems]
        example = starts[int(follows.argmax())]
        what = f"the beginning of the name, as '{example}'"
        keys.append(_equal(what, pd.Series(starts, dtype="str"), follows) if example else None)
    return keys


def _prefix(stem: str, number: int) -> str:
    """Return what stands before a number, without the signs that join the two.

    >>> _prefix("patient3-left_017", 1)
    'patient3-left'
    """
    for i, match in enumerate(_NUMBER.finditer(stem)):
        if i == number:
            return stem[: match.start()].rstrip("_- .")
    return stem


def _ordinal(i: int) -> str:
    return ("first", "second", "third")[i] if i < 3 else f"{i + 1}th"


def _equal(what: str, values: pd.Series, valid: npt.NDArray[np.bool_]) -> Key | None:
    codes = pd.factorize(values)[0].astype(np.int64)
    codes[~valid] = -1
    distinct = len(np.unique(codes[valid]))
    if distinct < 2 or valid.sum() < _REPEATED * distinct:
        return None
    return Key(what, codes, is_order=False)


def _ordered(what: str, values: pd.Series, valid: npt.NDArray[np.bool_]) -> Key:
    # By length and then by digits is the order of whole numbers of any size.
    stripped = values.str.lstrip("0")
    order = pd.DataFrame({"length": stripped.str.len(), "digits": stripped})
    codes = order.groupby(["length", "digits"]).ngroup().to_numpy().astype(np.int64)
    codes[~valid] = -1
    return Key(what, codes, is_order=True)
