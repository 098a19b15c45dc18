"""MixUp and CutMix of whole batches."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import one_hot

from foldwise.data.augment import MixConfig
from foldwise.modules.mixing import build_mixer

LABELS = torch.arange(16) % 5


def mixer(**values):
    return build_mixer(MixConfig.of(**values), num_classes=5)


def constant_images(*shape):
    """Sample i is i everywhere."""
    return torch.arange(float(len(LABELS))).view(-1, 1, 1, 1).repeat(1, *shape)


def test_nothing_is_built_where_nothing_is_to_be_mixed():
    assert mixer() is None
    assert mixer(mixup_alpha=1, probability=0) is None


def test_mixup_adds_a_neighbour_and_shares_the_label_out_alike():
    images = constant_images(2, 4, 4)

    mixed, shares = mixer(mixup_alpha=1)(images, LABELS, 3)

    own = (mixed[1, 0, 0, 0]).item()  # 1 * share + 0 * (1 - share)
    assert 0.02 < own < 0.98
    torch.testing.assert_close(mixed, own * images + (1 - own) * images.roll(1, 0))
    hard = one_hot(LABELS, 5).float()
    torch.testing.assert_close(shares, own * hard + (1 - own) * hard.roll(1, 0))


def test_cutmix_pastes_a_rectangle_whose_area_is_the_other_labels_share():
    images = constant_images(3, 20, 30)

    mixed, shares = mixer(cutmix_alpha=1)(images, LABELS, 4)

    pasted = mixed[5, 0] == 4
    assert torch.equal(mixed[5, 0] == 5, ~pasted)
    rows, columns = pasted.any(1), pasted.any(0)
    assert torch.equal(pasted, rows[:, None] & columns)
    area = pasted.double().mean().item()
    assert 0 < area < 1
    assert shares[5].tolist() == pytest.approx([1 - area, 0, 0, 0, area], abs=1e-6)


@pytest.mark.parametrize("kind", ["mixup_alpha", "cutmix_alpha"])
def test_shares_follow_the_beta_distribution_and_sum_to_one(kind):
    mix = mixer(**{kind: 0.5})
    images = torch.zeros(16, 1, 50, 50)

    own = []
    for seed in range(300):
        _, shares = mix(images, LABELS, seed)
        torch.testing.assert_close(shares.sum(1), torch.ones(16))
        own.append(shares[1, 1].item())

    # Beta(0.5, 0.5): mean 1/2, variance 1/8; a pasted rectangle that juts out is cut off.
    if kind == "mixup_alpha":
        assert np.mean(own) == pytest.approx(0.5, abs=4 * np.sqrt(0.125 / 300))
        assert np.var(own) == pytest.approx(0.125, abs=0.03)
    else:
        assert np.mean(own) > 0.5
    assert min(own) < 0.25
    assert max(own) > 0.9


def test_batches_are_mixed_with_their_probability_and_each_kind_as_often():
    mix = mixer(mixup_alpha=1, cutmix_alpha=1, probability=0.6)
    images = constant_images(1, 12, 12)

    kinds = {"none": 0, "mixup": 0, "cutmix": 0}
    for seed in range(400):
        mixed, shares = mix(images, LABELS, seed)
        if torch.equal(mixed, images):
            assert shares.dtype == torch.float32
            kinds["none"] += torch.equal(shares, one_hot(LABELS, 5).float())
        else:
            is_whole = torch.equal(mixed, mixed.round())
            kinds["cutmix" if is_whole else "mixup"] += 1

    # A few rectangles are empty.
    assert kinds["none"] / 400 == pytest.approx(0.4, abs=0.12)
    assert kinds["mixup"] / 400 == pytest.approx(0.3, abs=0.1)
    assert kinds["cutmix"] / 400 == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("kind", ["mixup_alpha", "cutmix_alpha"])
def test_the_seed_alone_decides_and_global_generators_do_not_move(kind):
    mix, images = mixer(**{kind: 1}), torch.rand(16, 3, 8, 8)
    before = images.clone()
    torch.manual_seed(1)
    state = torch.get_rng_state()

    first = mix(images, LABELS, 3)

    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    for found, expected in zip(mix(images, LABELS, 3), first, strict=True):
        assert torch.equal(found, expected)
    assert not torch.equal(mix(images, LABELS, 4)[0], first[0])
    assert torch.equal(images, before)


def test_a_batch_keeps_its_memory_format():
    images = torch.rand(16, 3, 8, 8).contiguous(memory_format=torch.channels_last)

    for kind in ("mixup_alpha", "cutmix_alpha"):
        mixed, _ = mixer(**{kind: 1})(images, LABELS, 3)

        assert mixed.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("name", "value"), [("mixup_alpha", -1), ("cutmix_alpha", "much"), ("probability", 1.2)]
)
def test_a_bad_value_is_refused_and_named(name, value):
    with pytest.raises(ValidationError, match=name):
        MixConfig.of(**{name: value})
