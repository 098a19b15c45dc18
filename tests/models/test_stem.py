import pytest

from foldwise.errors import UserError
from foldwise.models.stem import check_large_stem, is_stem_small


@pytest.mark.parametrize(
    ("stem", "shape", "expected"),
    [
        ("auto", (1, 63, 64), True),
        ("auto", (1, 200, 63), True),
        ("auto", (1, 64, 64), False),
        ("small", (3, 224, 224), True),
        ("large", (3, 28, 28), False),
    ],
)
def test_the_shorter_side_decides_where_nothing_else_was_asked_for(stem, shape, expected):
    assert is_stem_small(stem, shape) is expected


def test_a_network_can_need_more_pixels_for_its_large_stem():
    assert is_stem_small("auto", (1, 74, 74), under=75)
    assert not is_stem_small("auto", (1, 75, 75), under=75)


def test_too_few_pixels_for_the_large_stem_are_told_with_the_way_out():
    check_large_stem("vgg_a", (3, 32, 40), 32)
    with pytest.raises(
        UserError,
        match=r"'vgg_a' with model.stem 'large' needs .* at least 32 x 32 .* 40 x 31.*'small'",
    ):
        check_large_stem("vgg_a", (3, 40, 31), 32)
