"""What was added to the training parts by generators, in words."""

from collections.abc import Sequence

from foldwise.tasks.fold_models import ModelCard
from foldwise.tasks.synthetic_record import ClassFill

_MOST_NAMES = 10  # classes named


def made_sentences(cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Return what generators have added to the folds of some networks; nothing without any."""
    records = [card.synthetic for card in cards if card.synthetic is not None]
    fills = [fill for record in records for fill in record.classes]
    if not fills:
        return ()
    by_class: dict[str, list[ClassFill]] = {}
    for fill in fills:
        by_class.setdefault(fill.name, []).append(fill)
    named = [_told(name, of_class) for name, of_class in list(by_class.items())[:_MOST_NAMES]]
    more = [f"{len(by_class) - _MOST_NAMES} more classes"] * (len(by_class) > _MOST_NAMES)
    wanted, added = sum(fill.wanted for fill in fills), sum(fill.added for fill in fills)
    return (
        f"A generator was to add {wanted:,} samples to the rare classes of the training parts of "
        f"{len(records)} folds, and {added:,} of what it made were kept: "
        f"{', '.join(named + more)}. They are fitted on only: every score is of real samples.",
        "Whether they help is not seen here: compare_balance trains with and without them on the "
        "same folds.",
    )


def _told(name: str, fills: Sequence[ClassFill]) -> str:
    """Say how many samples of a class were added, over all folds.

    >>> fill = ClassFill(name="a", real=3, wanted=9, added=7, tried=9, not_of_class=2, copies=0)
    >>> _told("a", [fill, fill])
    "'a' 14 of 18"
    """
    return f"{name!r} {sum(f.added for f in fills):,} of {sum(f.wanted for f in fills):,}"
