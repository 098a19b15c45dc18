import pytest
from pydantic import Field, ValidationError

from foldwise.config import Config, json_hash


class Inner(Config):
    rate: float = Field(0.1, gt=0)


class Outer(Config):
    inner: Inner = Inner()
    widths: tuple[int, ...] = (1, 2)


def test_an_unknown_key_is_refused_with_the_nearest_and_the_allowed_names():
    with pytest.raises(ValidationError, match=r"'rat' \(did you mean 'rate'"):
        Outer.of(inner={"rat": 1})
    with pytest.raises(ValidationError, match="Allowed: inner, widths"):
        Outer.of(depth=1)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "fast", None])
def test_a_value_out_of_range_is_refused(rate):
    with pytest.raises(ValidationError, match="rate"):
        Outer.of(inner={"rate": rate})


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Outer().widths = (3,)


def test_flat_names_are_dotted_and_complete():
    flat = Outer().flat("train")
    assert flat == {"train.inner.rate": 0.1, "train.widths": "[1, 2]"}


def test_the_hash_is_blind_to_the_order_of_keys_but_not_to_values():
    assert json_hash({"a": 1, "b": [2, 3]}) == json_hash({"b": [2, 3], "a": 1})
    assert json_hash({"a": 1, "b": [2, 3]}) != json_hash({"a": 1, "b": [3, 2]})
