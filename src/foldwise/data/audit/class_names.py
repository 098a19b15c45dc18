"""Which classes may be one class under two names."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from foldwise.data.audit.check import Check, Subject, is_classification
from foldwise.data.bad_input import listing
from foldwise.data.findings import Finding, Severity

_PLURAL_LENGTH = 3  # "cat", "cats"
_TYPO_LENGTH = 6  # shorter words of one letter's difference are often two words

Names = list[tuple[str, ...]]


def find_similar_class_names(subject: Subject) -> list[Finding]:
    """Find classes that may be one class under two names."""
    certain, likely = similar_names(subject.samples.classes)
    return [
        *(_similar(names, "warn", "differ in case, spaces or signs only") for names in certain),
        *(_similar(names, "info", "differ in one letter") for names in likely),
    ]


def _similar(names: Sequence[str], severity: Severity, how: str) -> Finding:
    return Finding(
        check="similar_class_names",
        severity=severity,
        message=f"The class names {listing(names, 5)} {how}.",
        advice="If they mean the same, make them one at the origin of the data.",
        values={"count": len(names)},
    )


def similar_names(names: Iterable[str]) -> tuple[Names, Names]:
    """Return the sets of names that are surely, and those that are perhaps, meant as one.

    Surely: equal but for case, space, hyphens and Unicode forms. Perhaps: one word differs by a
    plural's s, or by one letter inside a longer word. Digits and single letters number things, so
    names that differ in these are different.

    >>> similar_names(["Cat", "cat ", "dogs", "dog", "class 1", "class 2", "type a", "type b"])
    ([('Cat', 'cat ')], [('dog', 'dogs')])
    """
    spellings = defaultdict(list)
    for name in sorted(names):
        spellings[_spelling(name)].append(name)
    certain = [tuple(same) for same in spellings.values() if len(same) > 1]
    likely = [
        (spellings[one][0], spellings[other][0])
        for one, other in _neighbours(list(spellings))
        if _may_be_one(one.split(), other.split())
    ]
    return certain, sorted(likely)


def _spelling(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_\-]+", " ", folded).strip() or name


def _neighbours(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that differ in one character, without comparing all with all."""
    shortened = defaultdict(set)
    for name in names:
        for key in {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
            shortened[key].add(name)
    pairs = {pair for same in shortened.values() for pair in combinations(sorted(same), 2)}
    return sorted(pairs)


def _may_be_one(one: list[str], other: list[str]) -> bool:
    if len(one) != len(other):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    if len(differing) != 1:
        return False
    short, long = sorted(differing[0], key=len)
    if not (short.isalpha() and long.isalpha()):
        return False
    if long == short + "s":
        return len(short) >= _PLURAL_LENGTH
    return len(short) >= _TYPO_LENGTH and _differ_inside(short, long)


def _differ_inside(one: str, other: str) -> bool:
    """Tell whether two words have the first and the last two letters in common.

    At the ends a letter makes another word (typical, atypical) or counts (zonea, zoneb).
    """
    return one[:2] == other[:2] and one[-2:] == other[-2:]


CHECKS = (
    Check(
        "similar_class_names",
        "one class under two names, such as 'Cat' and 'cat '",
        find_similar_class_names,
        is_classification,
    ),
)
