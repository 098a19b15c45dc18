import pytest
from pydantic import ValidationError

from foldwise.tasks.sample_gan_config import SampleGanConfig


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("auto", "auto"),
        ("3;7", ("3", "7")),
        (3, ("3",)),
        ([3, "7"], ("3", "7")),
        ("cat", ("cat",)),
        (["a;b"], ("a;b",)),
    ],
)
def test_classes_are_a_list_or_texts_in_one(given, expected):
    assert SampleGanConfig.of(classes=given).classes == expected


@pytest.mark.parametrize(
    "wrong", [{"per_class": 0}, {"per_class": 100_001}, {"seed": -1}, {"fold": -1}, {"n": 1}]
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SampleGanConfig.of(**wrong)
