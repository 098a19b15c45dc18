import dataclasses

from model_cards import make_card

from foldwise.modules.records import EpochRecord
from foldwise.tasks.synthetic_record import ClassFill, SyntheticRecord
from foldwise.tasks.synthetic_summary import made_sentences
from foldwise.tasks.training_curves import training_curves


def card(fold, *fills):
    numbers = {"real": 3, "tried": 99, "not_of_class": 0, "copies": 0}
    classes = tuple(
        ClassFill(name=name, wanted=wanted, added=added, **numbers)
        for name, wanted, added in fills
    )
    history = (dataclasses.asdict(EpochRecord(0, 1.0, 1.0, 0.1)),)
    return make_card(fold=fold, synthetic=SyntheticRecord(classes=classes), history=history)


def test_the_sums_over_folds_are_told_by_class():
    cards = [card(0, ("b", 1000, 600), ("c", 20, 20)), card(1, ("b", 500, 0))]
    first, second = made_sentences(cards)
    assert "add 1,520 samples to the rare classes of the training parts of 2 folds" in first
    assert "620 of what it made were kept: 'b' 600 of 1,500, 'c' 20 of 20." in first
    assert "compare_balance" in second
    assert training_curves(cards).sentences[-2:] == (first, second)


def test_nothing_is_told_where_nothing_was_lacking():
    assert made_sentences([make_card(), card(0)]) == ()


def test_of_many_classes_some_are_named():
    (first, _) = made_sentences([card(0, *((f"c{i}", 1, 1) for i in range(30)))])
    assert "'c9' 1 of 1, 20 more classes." in first
