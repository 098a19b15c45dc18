import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.balance import BalanceConfig
from foldwise.data.preprocessing import ImagePreprocessing, fit_images
from foldwise.models.input_spec import SeriesSpec
from foldwise.modules.balanced_mixup import build_balanced_mixup
from foldwise.modules.data_module import (
    EvaluationBatches,
    FoldData,
    LabelError,
    MixError,
    Part,
    TrainingBatches,
)
from foldwise.modules.images import ResidentImages, StreamedImages, open_images
from foldwise.modules.inputs import EncodedInputs, ImageInputs

CPU = torch.device("cpu")
PLAIN = ImagePreprocessing(mean=(0.0,), std=(1.0,))


def numbered(size):
    """Images (N, 1, 2, 2) whose pixels spell the row's number."""
    x = np.zeros((size, 1, 2, 2), dtype=np.uint8)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = np.arange(size) // 256, np.arange(size) % 256
    return x


def rows_of(inputs):
    """Read the numbers of `numbered` from inputs (B, 1, 2, 2) that were not standardised."""
    high, low = inputs[:, 0, 0, 0], inputs[:, 0, 0, 1]
    return (255 * (256 * high + low)).round().long().tolist()


def keep(images, seed, positions, epoch):
    return images


def training(
    size, *, part=None, images=None, augment=keep, batch_size=16, seed=0, epoch=0, **mixing
):
    part = part or Part(np.arange(size), np.arange(size) % 3)
    images = images or ResidentImages(numbered(size), part.rows, CPU)
    return TrainingBatches(
        ImageInputs(images, PLAIN),
        part,
        augment,
        batch_size=batch_size,
        seed=seed,
        epoch=lambda: epoch,
        device=CPU,
        **mixing,
    )


def drawn(batches):
    return [row for inputs, _, _ in batches for row in rows_of(inputs)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(2, 64))
def test_an_epoch_holds_each_sample_once_in_batches_of_nearly_equal_size(size, batch_size):
    batches = list(training(size, batch_size=batch_size))
    assert sorted(drawn(batches)) == list(range(size))
    sizes = [len(inputs) for inputs, _, _ in batches]
    assert len(sizes) == len(training(size, batch_size=batch_size))
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(batch_size, 3)
    assert min(sizes) > 1 or size == 1
    if batch_size > 2:  # no more batches than are needed
        assert len(sizes) == -(-size // batch_size)


def test_epochs_and_seeds_have_their_own_order_which_comes_again():
    one, again = (drawn(training(200, epoch=3)) for _ in range(2))
    assert one == again
    assert one != drawn(training(200, epoch=4))
    assert one != drawn(training(200, epoch=3, seed=1))
    assert one != list(range(200))


def test_the_order_does_not_depend_on_the_global_generator():
    torch.manual_seed(1)
    one = drawn(training(50))
    torch.manual_seed(2)
    assert drawn(training(50)) == one


def test_labels_and_loss_weights_reach_their_samples():
    size = 40
    labels, weights = np.arange(size) % 7, np.linspace(0.5, 2, size)
    part = Part(np.arange(size), labels, loss_weights=weights)
    for inputs, batch_labels, batch_weights in training(size, part=part, batch_size=9):
        rows = rows_of(inputs)
        assert batch_labels.tolist() == labels[rows].tolist()
        np.testing.assert_allclose(batch_weights, weights[rows], rtol=1e-6)


def test_a_part_takes_its_own_rows_of_all_samples():
    rows = np.array([90, 5, 17])
    part = Part(rows, np.array([2, 0, 1]))
    images = ResidentImages(numbered(100), rows, CPU)
    label_of = {
        row: label
        for inputs, labels, _ in training(3, part=part, images=images)
        for row, label in zip(rows_of(inputs), labels.tolist(), strict=True)
    }
    assert label_of == {90: 2, 5: 0, 17: 1}


def test_weighted_draws_follow_the_weights():
    size, num_epochs = 2000, 20
    weights = np.where(np.arange(size) % 10 == 0, 9.0, 1.0)
    part = Part(np.arange(size), np.zeros(size, dtype=np.int64), sampling_weights=weights)
    rows = np.array([drawn(training(size, part=part, epoch=e)) for e in range(num_epochs)])
    assert rows.shape == (num_epochs, size)  # an epoch stays as long
    share = (rows % 10 == 0).mean()  # 9 of 9 + 9 parts
    tolerance = 4 * np.sqrt(0.25 / rows.size)  # four standard errors
    assert share == pytest.approx(0.5, abs=tolerance)
    # within the heavy ones all alike: chi-square of the counts, mean 199, deviation 20
    counts = np.bincount(rows[rows % 10 == 0] // 10, minlength=size // 10)
    expected = counts.mean()
    assert ((counts - expected) ** 2 / expected).sum() < 199 + 4 * 20


def test_a_sample_of_weight_zero_is_never_drawn(monkeypatch):
    weights = np.array([0.0, 1.0, 0.0, 1.0])
    part = Part(np.arange(4), np.zeros(4, dtype=np.int64), sampling_weights=weights)
    assert {row for e in range(50) for row in drawn(training(4, part=part, epoch=e))} == {1, 3}
    monkeypatch.setattr(torch, "rand", lambda size, **options: torch.zeros(size).double())
    assert set(drawn(training(4, part=part))) == {1}


def test_equal_weights_draw_each_sample_once():
    part = Part(np.arange(30), np.zeros(30, dtype=np.int64), sampling_weights=np.full(30, 2.5))
    assert sorted(drawn(training(30, part=part))) == list(range(30))


def test_streamed_equals_resident(tmp_path):
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", generator.integers(0, 256, (50, 3, 4, 5), dtype=np.uint8))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    rows = generator.permutation(50)[:30]
    resident, streamed = ResidentImages(x, rows, CPU), StreamedImages(x, rows, CPU)
    for positions in (torch.tensor([3, 3, 29, 0]), torch.arange(30), torch.tensor([], dtype=int)):
        expected = x[rows[positions.numpy()]]
        np.testing.assert_array_equal(resident.take(positions), expected)
        np.testing.assert_array_equal(streamed.take(positions), expected)
        assert resident.take(positions).dtype == streamed.take(positions).dtype == torch.uint8


def test_more_images_than_one_copy_takes_are_all_there():
    rows = np.arange(9000)[::-1].copy()
    images = ResidentImages(numbered(9000), rows, CPU)
    positions = torch.tensor([0, 4095, 4096, 8191, 8192, 8999])
    taken = images.take(positions).float() / 255
    assert rows_of(taken) == rows[positions.numpy()].tolist()


def test_images_stay_resident_while_they_fit_into_half_of_the_free_memory(monkeypatch):
    class Memory:
        available = 2 * 40  # bytes

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    x = numbered(20)  # 4 bytes each
    assert isinstance(open_images(x, np.arange(10), CPU), ResidentImages)
    assert isinstance(open_images(x, np.arange(11), CPU), StreamedImages)


def test_training_inputs_are_augmented_then_standardised_and_channels_last():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (20, 3, 6, 6), dtype=np.uint8)
    part = Part(np.arange(20), np.zeros(20, dtype=np.int64))
    preprocessing = fit_images(x, part.rows)
    seen = []

    def halve(images, seed, positions, epoch):
        assert images.min() >= 0
        assert images.max() <= 1
        seen.append(seed)
        return images / 2

    batches = TrainingBatches(
        ImageInputs(ResidentImages(x, part.rows, CPU), preprocessing),
        part,
        halve,
        batch_size=7,
        seed=0,
        epoch=lambda: 0,
        device=CPU,
    )
    inputs = torch.cat([inputs for inputs, _, _ in batches]).numpy()
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    expected = (x / 255 / 2 - mean) / std
    assert len(set(seen)) == len(seen) == 3  # each batch has its own draws
    np.testing.assert_allclose(
        np.sort(inputs.reshape(20, -1), axis=0),
        np.sort(expected.reshape(20, -1), axis=0),
        atol=1e-5,
    )
    first = next(iter(batches))[0]
    assert first.is_contiguous(memory_format=torch.channels_last)


def test_validation_is_standardised_in_order_and_never_augmented():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (1100, 1, 4, 4), dtype=np.uint8)  # more than two batches
    rows = generator.permutation(1100)
    labels = np.arange(1100) % 5
    preprocessing = fit_images(x, rows)
    images = open_images(x, rows, CPU)
    validation = EvaluationBatches(ImageInputs(images, preprocessing), Part(rows, labels), CPU)
    data = FoldData(training(10, augment=Augmenter(AugmentConfig(shift=0.5))), validation)
    for _ in range(2):
        batches = list(data.val_dataloader())
        assert len(batches) == len(validation) == 3
        inputs = torch.cat([inputs for inputs, _ in batches])
        expected = (x[rows] / 255 - preprocessing.mean[0]) / preprocessing.std[0]
        np.testing.assert_allclose(inputs, expected, atol=1e-6)
        assert torch.cat([labels for _, labels in batches]).tolist() == labels.tolist()


def test_a_row_that_comes_several_times_is_held_once_and_augmented_each_time():
    rows = np.array([7, 3, 7, 7, 5])
    images = ResidentImages(numbered(10), rows, CPU)
    assert rows_of(images.take(torch.arange(5)).float() / 255) == rows.tolist()
    assert images._images.shape[0] == 3

    def mark(batch, seed, positions, epoch):
        return batch + positions.view(-1, 1, 1, 1)

    part = Part(rows, np.array([1, 0, 1, 1, 0]))
    inputs = torch.cat([x for x, _, _ in training(5, part=part, images=images, augment=mark)])
    assert len({tuple(image.flatten().tolist()) for image in inputs}) == 5


@pytest.mark.parametrize(("side", "expected"), [(64, 512), (128, 128), (2000, 1)])
def test_of_large_images_fewer_are_evaluated_at_a_time(side, expected):
    class Blank:
        """Images of which none is held: a batch of them costs no memory."""

        def take(self, positions):
            return torch.zeros((), dtype=torch.uint8).expand(len(positions), 3, side, side)

    part = Part(np.arange(600), np.zeros(600, dtype=np.int64))
    inputs = ImageInputs(Blank(), ImagePreprocessing(mean=(0,) * 3, std=(1,) * 3))
    batches = EvaluationBatches(inputs, part, CPU)
    assert len(batches) == -(-600 // expected)
    assert len(next(iter(batches))[0]) == expected


@pytest.mark.parametrize("label", [-1, -7])
def test_a_negative_label_is_refused_with_its_row(label):
    labels = np.array([0, 1, label, 0])
    with pytest.raises(LabelError, match=rf"Row 30 .* label {label}, as have 1 of 4 rows"):
        Part(np.array([10, 20, 30, 40]), labels)


def test_augmentation_is_told_positions_and_epoch():
    told = []

    def watch(images, seed, positions, epoch):
        told.append((rows_of(images), positions.tolist(), epoch))
        return images

    list(training(20, augment=watch, epoch=4))
    assert told
    assert all(rows == positions and epoch == 4 for rows, positions, epoch in told)


def halves(images, labels, seed):
    """Mix each image with the one before it, half and half."""
    shares = functional.one_hot(labels, 3).float()
    return (images + images.roll(1, 0)) / 2, (shares + shares.roll(1, 0)) / 2


def test_batches_are_mixed_after_all_else_each_by_its_own_seed():
    seeds = []

    def mix(images, labels, seed):
        seeds.append(seed)
        return halves(images, labels, seed)

    plain, mixed = list(training(40)), list(training(40, mix=mix))
    for (inputs, labels, weights), (halved, shares, same) in zip(plain, mixed, strict=True):
        expected = halves(inputs, labels, 0)
        torch.testing.assert_close((halved, shares), expected)
        assert torch.equal(weights, same)
    assert len(set(seeds)) == len(seeds) == len(mixed)
    list(training(40, mix=mix, epoch=1))
    assert len(set(seeds)) == len(seeds)


def test_each_class_keeps_its_weight_in_a_mixed_image():
    """The loss of a mixed sample is what torch makes of its shares and the class weights."""
    size, of_class = 40, np.array([0.2, 1.0, 3.0])
    labels = np.arange(size) % 3
    part = Part(np.arange(size), labels, loss_weights=of_class[labels])
    generator = torch.Generator().manual_seed(0)
    for (_, hard, _), (inputs, shares, weights) in zip(
        training(size, part=part), training(size, part=part, mix=halves), strict=True
    ):
        logits = torch.randn(len(inputs), 3, generator=generator)
        losses = functional.cross_entropy(logits, shares, reduction="none") * weights
        expected = functional.cross_entropy(
            logits,
            halves(inputs, hard, 0)[1],
            weight=torch.from_numpy(of_class).float(),
            reduction="none",
        )
        torch.testing.assert_close(losses, expected)
        torch.testing.assert_close(shares.sum(1), torch.ones(len(inputs)))


def test_balanced_mixup_adds_classes_that_are_alike():
    size = 1000
    labels = np.where(np.arange(size) < 900, 0, np.where(np.arange(size) < 970, 1, 2))
    part = Part(np.arange(size), labels)
    mixup = build_balanced_mixup(BalanceConfig.of(method="mixup_balanced", alpha=1), 3)
    batches = training(size, part=part, balanced_mixup=mixup, batch_size=20)
    plain = torch.cat([labels for _, labels, _ in training(size, part=part, batch_size=20)])
    _, shares, weights = (torch.cat(each) for each in zip(*batches, strict=True))
    assert torch.equal(weights, torch.ones(size))
    torch.testing.assert_close(shares.sum(1), torch.ones(size))
    assert (shares[torch.arange(size), plain] > 0).all()
    mean = shares.mean(0).numpy()
    # Beta(1, 1) has the mean 1/2: half of the plain shares, half of thirds
    np.testing.assert_allclose(mean, [(0.9 + 1 / 3) / 2, (0.07 + 1 / 3) / 2, 0.18], atol=0.06)
    again = training(size, part=part, balanced_mixup=mixup, batch_size=20)
    assert torch.equal(torch.cat([shares for _, shares, _ in again]), shares)


def test_balanced_mixup_mixes_inputs_by_the_share_that_labels_have():
    size = 60
    part = Part(np.arange(size), np.arange(size) % 3)
    mixup = build_balanced_mixup(BalanceConfig.of(method="mixup_balanced"), 3)

    def paint(images, seed, positions, epoch):  # each image is its label
        return torch.ones_like(images) * (positions % 3).view(-1, 1, 1, 1)

    shares_drawn = set()
    for inputs, shares, _ in training(size, part=part, balanced_mixup=mixup, augment=paint):
        means = shares @ torch.tensor([0.0, 1.0, 2.0])
        torch.testing.assert_close(inputs[:, 0, 0, 0], means)
        shares_drawn.add(round(float(shares.max(1).values.min()), 6))
        assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert len(shares_drawn) > 1
    assert build_balanced_mixup(BalanceConfig(), 3) is None


def test_batches_are_not_mixed_in_two_ways():
    mixup = build_balanced_mixup(BalanceConfig.of(method="mixup_balanced"), 3)
    with pytest.raises(MixError, match="'mixup_balanced', which mixes batches, but MixUp or"):
        training(10, mix=halves, balanced_mixup=mixup)


def constant_series(lengths):
    """Series of one channel, each of which holds its own row's number."""

    def encode(rows):
        mask = np.arange(lengths[rows].max(initial=1)) < lengths[rows][:, None]
        return np.stack([mask * rows[:, None], mask], axis=2).astype(np.float32)

    rows = np.arange(len(lengths))
    return EncodedInputs(encode, rows, (int(lengths.max()), 2), CPU, lengths=lengths)


def test_batches_of_series_by_length_meet_as_many_balanced_partners():
    lengths = np.random.default_rng(0).integers(1, 30, 46)
    labels = np.where(np.arange(46) < 40, 0, 1)
    remedy = BalanceConfig.of(method="mixup_balanced", alpha=1.0)
    mixed_labels = []
    for epoch in range(6):
        batches = TrainingBatches(
            constant_series(lengths),
            Part(np.arange(46), labels),
            keep,
            batch_size=4,
            seed=0,
            epoch=lambda epoch=epoch: epoch,
            device=CPU,
            balanced_mixup=build_balanced_mixup(remedy, 2, SeriesSpec(1, int(lengths.max()))),
        )
        found = list(batches)
        assert sorted(len(inputs) for inputs, _, _ in found) == [3, 3, *[4] * 10]
        mixed_labels += [shares for _, shares, _ in found]
    rare = torch.cat(mixed_labels)[:, 1].mean()
    assert rare > 1.5 * (labels == 1).mean()  # half way to one half


def test_batches_of_series_hold_what_belongs_to_their_labels():
    lengths = np.random.default_rng(1).integers(1, 30, 50)
    batches = TrainingBatches(
        constant_series(lengths),
        Part(np.arange(50), np.arange(50)),
        keep,
        batch_size=8,
        seed=0,
        epoch=lambda: 0,
        device=CPU,
    )
    seen = []
    for inputs, labels, _ in batches:
        assert inputs[:, 0, 0].tolist() == labels.tolist()
        assert inputs[..., 1].sum(1).tolist() == lengths[labels].tolist()
        assert inputs.shape[1] == lengths[labels].max()
        seen += labels.tolist()
    assert sorted(seen) == list(range(50))
