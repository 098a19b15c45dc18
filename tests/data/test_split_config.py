import pytest
from pydantic import ValidationError

from foldwise.data.split_config import SplitConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scheme": "stratified", "gap": 3}, r"do not apply to split.scheme=stratified.*gap=3"),
        ({"scheme": "time_expanding", "embargo": 1}, r"embargo=1 \(read by time_blocks\)"),
        ({"scheme": "time_blocks", "train_size": 9}, r"train_size=9 \(read by time_rolling\)"),
        ({"scheme": "group", "num_repeats": 2}, r"num_repeats=2 \(read by repeated\)"),
        ({"scheme": "group", "rare_classes": "drop"}, "rare_classes=drop"),
        ({"scheme": "leave_one_group_out", "num_folds": 4}, "num_folds=4"),
        ({"scheme": "stratified", "column": "a"}, r"column=a \(read by predefined\)"),
        ({"scheme": "time_blocks", "test": "fraction"}, "allowed here: auto, time, official"),
        ({"scheme": "official", "test_groups": ["a"]}, "test=group .allowed here: auto, official"),
        ({"scheme": "predefined"}, "split.column is not set"),
        ({"test": "group"}, "split.test_groups names none"),
        ({"test": "fraction", "test_groups": "a;b"}, r"names 2 group\(s\), but split.test is"),
        ({"scheme": "time"}, "'stratified'"),
        ({"shceme": "group"}, "did you mean 'scheme'"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_with_what_is_allowed(values, message):
    with pytest.raises(ValidationError, match=message):
        SplitConfig.of(**values)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("a, b", ("a", "b")),
        ("a, b; c", ("a, b", "c")),
        (7, ("7",)),
        ([1, "x"], ("1", "x")),
        ("", ()),
    ],
)
def test_test_groups_can_be_one_text(given, names):
    assert SplitConfig.of(test_groups=given).test_groups == names


def test_parameters_at_their_defaults_are_refused_nowhere():
    defaults = SplitConfig().model_dump()
    for scheme in ("stratified", "time_rolling", "official", "leave_one_group_out"):
        assert SplitConfig.of(**{**defaults, "scheme": scheme}).scheme == scheme
