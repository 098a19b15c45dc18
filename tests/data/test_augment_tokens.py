"""Random changes to batches of texts, and which augmenter a kind of samples gets."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from foldwise.data.augment import (
    AugmentConfig,
    Augmenter,
    SeriesAugmenter,
    TokenAugmentConfig,
    TokenAugmenter,
    build_augmenter,
)

LENGTHS = (30, 1, 17, 2, 30, 0, 9, 24)
EACH = {
    "masking": {"masking": 0.3},
    "swap": {"swap": 0.5},
    "neighbour": {"swap": 0.5, "swap_with": "neighbour"},
    "deletion": {"deletion": 0.3},
    "everything": {"masking": 0.2, "swap": 0.4, "deletion": 0.2},
}
POLICIES = pytest.mark.parametrize("policy", EACH.values(), ids=EACH)


def only(**values):
    return TokenAugmenter(TokenAugmentConfig.of(**values))


def batch(lengths=LENGTHS, num_steps=None):
    """Texts in which every token is another, from 2 on; padding follows."""
    texts = torch.arange(2, 2 + (num_steps or max(lengths))).expand(len(lengths), -1)
    return texts * (torch.arange(texts.shape[1]) < torch.tensor(lengths)[:, None])


@POLICIES
def test_shape_type_and_padding_stay_and_the_input_is_not_changed(policy):
    texts = batch(num_steps=35)
    before = texts.clone()

    changed = only(**policy)(texts, 1, torch.arange(8), 0)

    assert changed.shape == texts.shape
    assert changed.dtype == torch.int64
    assert not changed[texts == 0].any()
    is_token = changed != 0
    assert (is_token[:, :-1] | ~is_token[:, 1:]).all()  # padding comes last
    assert not torch.equal(changed, texts)
    assert torch.equal(texts, before)
    if "deletion" not in policy:
        assert torch.equal(is_token, texts != 0)


@POLICIES
def test_padding_a_batch_further_and_texts_that_follow_change_nothing(policy):
    texts, augmenter = batch(), only(**policy)

    changed = augmenter(texts, 5)

    assert torch.equal(augmenter(torch.nn.functional.pad(texts, (0, 9)), 5)[:, :30], changed)
    assert torch.equal(augmenter(texts[:5], 5), changed[:5])


@POLICIES
def test_the_seed_alone_decides_and_every_copy_is_changed_in_its_own_way(policy):
    texts, augmenter = batch((40,) * 12), only(**policy)
    state = torch.get_rng_state()

    first, again, other = augmenter(texts, 3), augmenter(texts, 3), augmenter(texts, 4)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(torch.unique(first, dim=0)) == 12
    assert torch.equal(torch.get_rng_state(), state)


def test_what_changes_nothing_returns_the_input_itself():
    texts = batch()

    assert only(swap_with="neighbour")(texts, 1) is texts


def test_to_switch_one_change_on_leaves_the_draws_of_others_as_they_were():
    texts = batch((25,) * 40)

    masked = only(masking=0.3)(texts, 2)
    both = only(masking=0.3, swap=0.5, deletion=0.3)(texts, 2)

    left_out = only(deletion=0.3)(texts, 2)
    assert torch.equal((both != 0).sum(1), (left_out != 0).sum(1))
    sorted_masked = only(masking=0.3, swap=0.5)(texts, 2).sort(1).values
    assert torch.equal(sorted_masked, masked.sort(1).values)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@POLICIES
def test_a_gpu_makes_the_same_draws(policy):
    texts, augmenter = batch(), only(**policy)

    assert torch.equal(augmenter(texts.cuda(), 3).cpu(), augmenter(texts, 3))


def test_the_fraction_of_tokens_becomes_unknown_each_by_itself():
    texts = batch((50, 20) * 500)

    masked = only(masking=0.15)(texts, 1)

    hidden = masked == 1
    assert torch.equal(masked, texts.masked_fill(hidden, 1))
    number = (texts != 0).sum().item()
    expected = pytest.approx(0.15 * number, abs=4 * np.sqrt(number * 0.15 * 0.85))
    assert hidden.sum().item() == expected
    per_text = hidden.sum(1)[::2].float()
    assert per_text.var() == pytest.approx(50 * 0.15 * 0.85, rel=0.25)  # a binomial's


def test_a_swap_keeps_the_tokens_and_moves_the_fraction_of_them_anywhere():
    texts = batch((60, 31) * 300)

    swapped = only(swap=0.2)(texts, 1)

    assert torch.equal(swapped.sort(1).values, texts.sort(1).values)
    moved = (swapped != texts) & (texts != 0)
    share = moved[::2].float().mean().item()
    # Of a binomial number of drawn tokens one stays where it is odd, which is so half of the time.
    assert share == pytest.approx(0.2 - 0.5 / 60, abs=4 * np.sqrt(0.16 / 18_000))
    assert (swapped - texts).abs().max() > 50
    places = swapped - 2  # two and two: who stands at my place, has me at theirs
    back = places.clamp_min(0).gather(1, places.clamp_min(0))
    steps = torch.arange(60).expand_as(texts)
    assert torch.equal(back[texts != 0], steps[texts != 0])


def test_neighbours_change_places_two_and_two():
    texts = batch((60, 31, 1) * 300)

    swapped = only(swap=0.3, swap_with="neighbour")(texts, 1)

    assert torch.equal(swapped.sort(1).values, texts.sort(1).values)
    difference = (swapped - texts)[::3]
    assert difference.unique().tolist() == [-1, 0, 1]
    firsts = difference == 1
    assert torch.equal(firsts.roll(1, 1), difference == -1)
    # 59.5 / 2 pairs on average, from the first or the second token on
    share = firsts.float().sum(1).mean() / (59 / 2)
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / (300 * 29.5)))
    assert firsts[:, ::2].any()
    assert firsts[:, 1::2].any()


def test_deletion_leaves_the_rest_in_order_and_at_least_one_token():
    texts = batch((40, 1, 3) * 400)

    remaining = only(deletion=0.25)(texts, 1)

    is_token = remaining != 0
    assert (remaining.diff(dim=1)[is_token[:, 1:]] > 0).all()
    assert is_token.any(1).all()
    number = is_token[::3].sum().item()
    assert number == pytest.approx(0.75 * 16_000, abs=4 * np.sqrt(16_000 * 0.1875))
    survivors = only(deletion=0.9)(texts, 1)
    assert (survivors != 0).any(1).all()
    assert len(survivors[2::3, 0].unique()) == 3  # it is not always the first that stays


def test_each_kind_of_samples_gets_what_changes_it_and_tables_nothing():
    config = AugmentConfig.of(shift=0.1, crop=4, series={"jitter": 0.1}, tokens={"swap": 0.5})
    table = torch.rand(3, 4)

    assert isinstance(build_augmenter(config, "image", 1), Augmenter)
    assert isinstance(build_augmenter(config, "series", 1), SeriesAugmenter)
    texts = batch((9, 9))
    augmenter = build_augmenter(config, "tokens", 1)
    assert torch.equal(augmenter(texts, 3, torch.arange(2), 0), only(swap=0.5)(texts, 3))
    assert build_augmenter(config, "table", 1)(table, 3, torch.arange(3), 0) is table


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mask": 0.1}, "did you mean 'masking'"),
        ({"swap": 1.5}, "less than or equal to 1"),
        ({"swap_with": "all"}, "'any' or 'neighbour'"),
        ({"deletion": 1}, "less than or equal to 0.9"),
    ],
)
def test_wrong_parameters_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        TokenAugmentConfig.of(**values)
