"""What networks are given, whether it lies in memory or is encoded batch by batch."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import torch

from foldwise.data.preprocessing import (
    ImageInputConfig,
    ImagePreprocessing,
    SequenceInputConfig,
    TableInputConfig,
    fit_preprocessing,
)
from foldwise.data.samples import Feature, Samples
from foldwise.data.vocabulary import VocabularyConfig
from foldwise.models.input_spec import ImageSpec, SeriesSpec, TableSpec, TokenSpec
from foldwise.modules import inputs as inputs_module
from foldwise.modules.inputs import example_inputs, input_spec, open_inputs, to_input

CPU = torch.device("cpu")
ROWS = np.array([7, 2, 2, 11, 0, 7, 5])


def table_of(size, **columns):
    return pd.DataFrame({"sample_id": [f"s{i}" for i in range(size)], **columns})


def series(size=12):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, size)
    lengths[3] = 10
    x = rng.normal(size=(size, 10, 2)).astype(np.float32)
    x[np.arange(10) >= lengths[:, np.newaxis]] = 0
    features = (Feature(name="a"), Feature(name="b"))
    table = table_of(size, length=lengths)
    return Samples(x, table, ("k",), modality="series", features=features)


def tokens(size=12):
    """Texts of a, b and c; `d` stands in the last one alone."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(0, 7, size)
    lengths[-1] = 5
    x = rng.integers(1, 4, (size, 7)).astype(np.int32)
    x[-1, :2] = 4
    x[np.arange(7) >= lengths[:, np.newaxis]] = 0
    table = table_of(size, length=lengths)
    return Samples(x, table, ("k",), modality="tokens", tokens=("", "a", "b", "c", "d"))


def rows_of_a_table(size=12):
    """A number with gaps, and a category of which `z` stands in the last row alone."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(size, 2)).astype(np.float32)
    x[:, 1] = rng.integers(0, 2, size)
    x[[2, 4], 0] = np.nan
    x[-1, 1] = 2
    features = (
        Feature(name="a"),
        Feature(name="c", kind="categorical", categories=("x", "y", "z")),
    )
    return Samples(x, table_of(size), ("k",), modality="table", features=features)


def images(size=12):
    x = np.random.default_rng(3).integers(0, 256, (size, 2, 4, 3), dtype=np.uint8)
    return Samples(x, table_of(size), ("k",))


KINDS = {
    "series": (series, SequenceInputConfig()),
    "cut series": (series, SequenceInputConfig(max_length=4)),
    "series in one row": (series, TableInputConfig()),
    "texts": (tokens, SequenceInputConfig()),
    "cut texts": (tokens, SequenceInputConfig(max_length=3)),
    "a table": (rows_of_a_table, TableInputConfig()),
    "images": (images, ImageInputConfig()),
    "rows of images": (images, SequenceInputConfig()),
    "images in one row": (images, TableInputConfig()),
}


@pytest.fixture(params=KINDS)
def opened(request):
    make, config = KINDS[request.param]
    samples = make()
    fitted = fit_preprocessing(samples, np.arange(len(samples) - 1), config)

    def open_rows(rows=ROWS, **options):
        return open_inputs(samples, rows, fitted, CPU, **options)

    return open_rows


def batch(inputs, positions):
    return inputs.finish(inputs.take(torch.tensor(positions, dtype=torch.int64)))


@pytest.mark.parametrize("positions", [[0], [1, 2], [4, 3, 0], [6, 5, 4, 3, 2, 1, 0], []])
@pytest.mark.parametrize("chunk", [3, 4096])
def test_what_lies_in_memory_equals_what_is_encoded_batch_by_batch(
    opened, monkeypatch, positions, chunk
):
    monkeypatch.setattr(inputs_module, "_CHUNK", chunk)
    resident = batch(opened(is_resident=True), positions)
    streamed = batch(opened(is_resident=False), positions)
    assert resident.dtype == streamed.dtype
    if positions:
        assert torch.equal(resident, streamed)
    assert len(resident) == len(streamed) == len(positions)


def test_a_row_that_comes_twice_is_the_same_each_time(opened):
    inputs = opened()
    found = batch(inputs, range(len(ROWS)))
    assert torch.equal(found[0], found[5])
    assert torch.equal(found[1], found[2])
    assert len(batch(opened(rows=np.empty(0, dtype=np.int64)), [])) == 0


def test_a_batch_is_a_copy_that_may_be_changed(opened):
    inputs = opened(is_resident=True)
    first = batch(inputs, [0, 1])
    kept = first.clone()
    inputs.take(torch.tensor([0, 1])).zero_()
    first.zero_()
    assert torch.equal(batch(inputs, [0, 1]), kept)


@pytest.mark.parametrize("is_resident", [True, False])
def test_the_memory_is_let_go_of(opened, is_resident):
    inputs = opened(is_resident=is_resident)
    held = getattr(inputs, "_all", None)
    reference = None if held is None else weakref.ref(held)
    del held
    inputs.close()
    gc.collect()
    assert reference is None or reference() is None
    if not isinstance(inputs, inputs_module.ImageInputs):
        with pytest.raises(RuntimeError, match="closed"):
            batch(inputs, [0])


def test_inputs_are_held_in_memory_where_they_fit(monkeypatch):
    samples = series()
    fitted = fit_preprocessing(samples, np.arange(12), SequenceInputConfig())
    asked = []
    monkeypatch.setattr(
        inputs_module, "fits_in_memory", lambda size, device: bool(asked.append(size))
    )
    streamed = open_inputs(samples, ROWS, fitted, CPU)
    rows = len(set(ROWS.tolist()))
    assert asked[0] >= rows * 10 * 3 * 4
    assert streamed._all is None


@pytest.mark.parametrize("is_resident", [True, False])
def test_batches_of_sequences_are_as_long_as_their_longest(is_resident):
    samples = series()
    fitted = fit_preprocessing(samples, np.arange(12), SequenceInputConfig())
    inputs = open_inputs(samples, np.arange(12), fitted, CPU, is_resident=is_resident)
    lengths = samples.lengths
    assert inputs.lengths.tolist() == lengths.tolist()
    short = [i for i in range(12) if i != 3]
    found = batch(inputs, short)
    assert found.shape == (11, lengths[short].max(), 3)
    mean, std = np.array(fitted.mean), np.array(fitted.std)
    for row, got in zip(short, found.numpy(), strict=True):
        steps = lengths[row]
        np.testing.assert_allclose(got[:steps, :2], (samples.x[row, :steps] - mean) / std, 1e-4)
        np.testing.assert_array_equal(got[:, 2], np.arange(len(got)) < steps)
        assert not got[steps:].any()


def test_tokens_that_the_training_part_lacks_are_unknown():
    samples = tokens()
    training = np.arange(11)
    fitted = fit_preprocessing(samples, training, SequenceInputConfig())
    found = batch(open_inputs(samples, np.array([11]), fitted, CPU), [0])[0]
    assert found.dtype == torch.int64
    counts = {t: int((samples.x[training] == t).sum()) for t in (1, 2, 3)}
    ranks = sorted(counts, key=lambda t: (-counts[t], t))  # the most frequent is 2
    expected = [1, 1, *(2 + ranks.index(t) for t in samples.x[11, 2:5])]
    assert found.tolist() == expected
    assert fitted.count_unknown(samples.x, samples.tokens, np.array([11, 11])) == (4, 10)
    assert input_spec(fitted, samples.x.shape[1:]) == TokenSpec(num_tokens=5, num_steps=7)


def test_a_text_without_tokens_is_one_step_of_padding():
    samples = tokens()
    samples.x[4], samples.table.loc[4, "length"] = 0, 0
    fitted = fit_preprocessing(samples, np.arange(11), SequenceInputConfig())
    inputs = open_inputs(samples, np.array([4]), fitted, CPU)
    assert batch(inputs, [0]).tolist() == [[0]]
    assert inputs.lengths.tolist() == [1]


def test_what_is_cut_off_a_text_teaches_no_token():
    samples = tokens()
    samples.x[0], samples.table.loc[0, "length"] = [1, 2, 3, 4, 4, 4, 4], 7
    config = SequenceInputConfig(max_length=3, vocabulary=VocabularyConfig(min_count=2))
    fitted = fit_preprocessing(samples, np.arange(11), config)
    assert set(fitted.vocabulary.tokens) == {"a", "b", "c"}


def test_categories_that_the_training_part_lacks_are_unknown():
    samples = rows_of_a_table()
    training = np.arange(11)
    fitted = fit_preprocessing(samples, training, TableInputConfig())
    found = batch(open_inputs(samples, np.arange(12), fitted, CPU), range(12)).numpy()
    spec = input_spec(fitted, samples.x.shape[1:])
    assert spec == TableSpec((0, 0, 3))  # the number, its flag, x and y beside unknown
    assert found[11, 2] == 0
    np.testing.assert_array_equal(found[training, 2], samples.x[training, 1] + 1)
    np.testing.assert_array_equal(found[:, 1], np.isnan(samples.x[:, 0]))
    filled = np.where(np.isnan(samples.x[:, 0]), np.nanmedian(samples.x[training, 0]), found[:, 0])
    values = np.where(np.isnan(samples.x[:, 0]), filled, samples.x[:, 0])
    scaled = (values - values[training].mean()) / values[training].std()
    np.testing.assert_allclose(found[:, 0], scaled, rtol=1e-4, atol=1e-6)


def test_images_are_read_row_by_row():
    samples = images()
    fitted = fit_preprocessing(samples, np.arange(12), SequenceInputConfig())
    found = batch(open_inputs(samples, np.arange(12), fitted, CPU), range(12)).numpy()
    assert found.shape == (12, 4, 2 * 3 + 1)
    mean, std = np.array(fitted.mean), np.array(fitted.std)
    for sample, channel, row, column in np.ndindex(12, 2, 4, 3):
        pixel = samples.x[sample, channel, row, column] / 255
        expected = (pixel - mean[channel]) / std[channel]
        assert found[sample, row, 3 * channel + column] == pytest.approx(expected, abs=1e-5)
    assert (found[..., -1] == 1).all()
    assert input_spec(fitted, samples.x.shape[1:]) == SeriesSpec(num_channels=6, num_steps=4)


def test_images_and_series_can_be_one_long_row():
    samples = images()
    fitted = fit_preprocessing(samples, np.arange(12), TableInputConfig())
    flat = batch(open_inputs(samples, np.arange(12), fitted, CPU), range(12))
    mean, std = (np.array(values).reshape(2, 1, 1) for values in (fitted.mean, fitted.std))
    expected = ((samples.x / 255 - mean) / std).reshape(12, 24)
    np.testing.assert_allclose(flat, expected, atol=1e-5)
    assert input_spec(fitted, samples.x.shape[1:]) == TableSpec((0,) * 24)

    samples = series()
    fitted = fit_preprocessing(samples, np.arange(12), TableInputConfig())
    inputs = open_inputs(samples, np.array([0, 1]), fitted, CPU)
    assert inputs.lengths is None
    flat = batch(inputs, [0, 1]).numpy().reshape(2, 10, 2)
    for row, length in enumerate(samples.lengths[:2]):
        scaled = (samples.x[row, :length] - np.array(fitted.mean)) / np.array(fitted.std)
        np.testing.assert_allclose(flat[row, :length], scaled, rtol=1e-4)
        assert not flat[row, length:].any()
    assert input_spec(fitted, samples.x.shape[1:]) == TableSpec((0,) * 20)


def test_inputs_have_the_shape_that_the_network_is_told(opened):
    inputs = opened()
    found = batch(inputs, range(len(ROWS)))
    if inputs.lengths is None:
        assert found.shape[1:] == inputs.shape
    else:
        assert found.shape[1] == inputs.lengths.max() <= inputs.shape[0]
        assert found.shape[2:] == inputs.shape[1:]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("series", SeriesSpec(2, 10)),
        ("cut series", SeriesSpec(2, 4)),
        ("cut texts", TokenSpec(5, 3)),
        ("images", ImageSpec(2, 4, 3)),
    ],
)
def test_the_network_is_told_what_it_is_given(kind, spec):
    make, config = KINDS[kind]
    samples = make()
    found = fit_preprocessing(samples, np.arange(11), config)
    assert input_spec(found, samples.x.shape[1:]) == spec
    example = example_inputs(spec, 3, CPU)
    assert example.shape == (3, *spec.shape)
    if isinstance(spec, SeriesSpec):
        assert (example[..., -1] == 1).all()  # all of it steps
    if isinstance(spec, TokenSpec):
        assert example.dtype == torch.int64
        assert (example > 0).all()


def test_images_stay_channels_last():
    fitted = ImagePreprocessing(mean=(0.5, 0.5), std=(0.5, 0.25))
    found = to_input(torch.zeros(3, 2, 4, 3), fitted)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found[0, :, 0, 0].tolist() == [-1, -2]


def test_images_by_their_own_statistics_lose_exposure_and_contrast():
    images = torch.rand(4, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    own = ImagePreprocessing(mean=(0.1,) * 3, std=(0.9,) * 3, standardise="image")
    found = to_input(images, own)
    torch.testing.assert_close(to_input(0.4 * images + 0.3, own), found)
    torch.testing.assert_close(found.mean(dim=(2, 3)), torch.zeros(4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        found.std(dim=(2, 3), correction=0), torch.ones(4, 3), atol=1e-5, rtol=0
    )


def test_an_image_without_anything_on_it_stays_finite():
    own = ImagePreprocessing(mean=(0.5,), std=(0.5,), standardise="image")
    assert to_input(torch.full((1, 1, 4, 4), 0.7), own).abs().max() < 1e-3


def test_the_choice_of_statistics_travels_with_the_weights():
    x = np.random.default_rng(0).integers(0, 256, (9, 1, 4, 4), dtype=np.uint8)
    samples = Samples(x, table_of(9), ("k",))
    for choice in ("training", "image"):
        config = ImageInputConfig(standardise=choice)
        assert fit_preprocessing(samples, np.arange(9), config).standardise == choice
