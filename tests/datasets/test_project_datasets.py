import dataclasses

import numpy as np
import pandas as pd
import pytest
from full_disk import full_disk
from kedro.io import DatasetError
from model_cards import make_card

from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Samples, array_hash
from foldwise.datasets.fold_models_dataset import FoldModelsDataset
from foldwise.datasets.folds_dataset import FoldsDataset
from foldwise.datasets.samples_dataset import SamplesDataset
from foldwise.models.config import LeNet5Config
from foldwise.tasks.fold_models import CARD, WEIGHTS, FoldModels, write_model


def make_samples(seed=0, size=600):
    x = np.random.default_rng(seed).integers(0, 256, (size, 1, 4, 4), dtype=np.uint8)
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:04d}" for i in range(size)],
            "label": ["a", "b", "b"] * (size // 3),
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [array_hash(image) for image in x],
        },
        dtype="str",
    )
    return Samples(x, table.assign(meta_age=range(size)), ("b", "a"), size_policy="pad")


def card_of(fold):
    return make_card(
        model=LeNet5Config(),
        fold=fold,
        history=({"epoch": 0, "val_loss": 0.5},),
        versions={"torch": "2"},
    )


def write_fold(models, fold, content):
    """Write a model whose weights are just bytes."""
    return write_model(
        models.folder(0, fold), card_of(fold), lambda path: path.write_bytes(content)
    )


def files(folder):
    """All files below a folder, hidden ones too, with what tells a file from its successor."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def samples():
    return make_samples()


@pytest.fixture
def samples_dataset(tmp_path):
    return SamplesDataset(filepath=str(tmp_path / "primary" / "samples"))


@pytest.fixture
def folds_dataset(tmp_path):
    return FoldsDataset(filepath=str(tmp_path / "input" / "folds.parquet"))


@pytest.fixture
def models_dataset(tmp_path):
    return FoldModelsDataset(filepath=str(tmp_path / "models" / "cnn"))


def assert_equal_samples(one, other):
    np.testing.assert_array_equal(one.x, other.x)
    assert one.x.dtype == other.x.dtype
    pd.testing.assert_frame_equal(one.table, other.table)
    assert (one.classes, one.size_policy, one.modality) == (
        *(other.classes, other.size_policy, other.modality),
    )


def test_samples_that_are_loaded_equal_those_that_were_saved(samples_dataset, samples):
    assert not samples_dataset.exists()
    for value in (samples, make_samples(1)):
        samples_dataset.save(value)
        assert_equal_samples(samples_dataset.load(), value)
    assert samples_dataset.exists()
    assert isinstance(samples_dataset.load().x, np.memmap)


def test_unchanged_samples_are_not_rewritten(samples_dataset, samples, tmp_path):
    samples_dataset.save(samples)
    before = files(tmp_path)
    samples_dataset.save(make_samples())
    samples_dataset.save(samples_dataset.load())
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "change",
    [
        {"size_policy": "resize"},
        {"classes": ("a", "b")},
        {"table": make_samples().table.assign(meta_age=1)},
        {"table": make_samples().table.assign(label="a")},
    ],
)
def test_changed_samples_are_rewritten(samples_dataset, samples, change):
    samples_dataset.save(samples)
    changed = dataclasses.replace(samples, **change)
    samples_dataset.save(changed)
    assert_equal_samples(samples_dataset.load(), changed)


def test_damaged_samples_are_refused_and_rewritten(samples_dataset, samples, tmp_path):
    samples_dataset.save(samples)
    path = tmp_path / "primary" / "samples" / "x.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"x\.npy is damaged"):
        samples_dataset.load()
    samples_dataset.save(samples)
    assert_equal_samples(samples_dataset.load(), samples)


@pytest.mark.parametrize("num_bytes", [1000, 9000])  # before the array ends, and the table
def test_samples_that_do_not_fit_on_the_disk_leave_the_earlier_ones(
    samples_dataset, samples, tmp_path, num_bytes
):
    samples_dataset.save(samples)
    before = files(tmp_path)
    with full_disk(num_bytes), pytest.raises(DatasetError, match="primary/samples"):
        samples_dataset.save(make_samples(1))
    assert files(tmp_path) == before
    assert_equal_samples(samples_dataset.load(), samples)


def test_samples_that_are_missing_say_what_to_run(samples_dataset):
    with pytest.raises(DatasetError, match="Run the stage 'ingest' first"):
        samples_dataset.load()


def test_folds_that_are_loaded_equal_those_that_were_saved(folds_dataset, samples, tmp_path):
    assert not folds_dataset.exists()
    for seed in (0, 1):
        folds = make_folds(samples.table, SplitConfig(seed=seed))
        folds_dataset.save(folds)
        loaded = folds_dataset.load()
        pd.testing.assert_frame_equal(loaded.table, folds.table)
        assert loaded.info == folds.info
    assert folds_dataset.exists()
    assert set(files(tmp_path)) == {"input/folds.parquet", "input/folds.json"}


@pytest.mark.parametrize("num_bytes", [500, 3000])  # before the JSON ends, and the table alone
def test_folds_that_do_not_fit_on_the_disk_leave_the_earlier_pair(
    folds_dataset, samples, tmp_path, num_bytes
):
    folds = make_folds(samples.table, SplitConfig())
    folds_dataset.save(folds)
    before = files(tmp_path)
    assert len(before["input/folds.json"][1]) < 3000 < len(before["input/folds.parquet"][1])
    with full_disk(num_bytes), pytest.raises(DatasetError, match=r"input/folds\."):
        folds_dataset.save(make_folds(samples.table, SplitConfig(seed=1)))
    assert files(tmp_path) == before
    assert folds_dataset.load().content_hash == folds.content_hash


def test_folds_that_are_missing_or_foreign_say_what_to_run(folds_dataset, samples, tmp_path):
    with pytest.raises(DatasetError, match="Run the stage 'split' first"):
        folds_dataset.load()
    folds_dataset.save(make_folds(samples.table, SplitConfig()))
    other = make_folds(samples.table, SplitConfig(seed=1))
    other.table.to_parquet(tmp_path / "input" / "folds.parquet")
    with pytest.raises(DatasetError, match="Run the stage 'split' again"):
        folds_dataset.load()


def test_networks_that_are_loaded_equal_those_that_were_written(models_dataset):
    assert not models_dataset.exists()
    models = models_dataset.load()  # the folder that training fills
    cards = [write_fold(models, fold, b"weights") for fold in (0, 1)]
    models_dataset.save(models)
    assert models_dataset.exists()
    assert models_dataset.load() == models
    assert models_dataset.load().cards() == cards


def test_saving_networks_changes_nothing(models_dataset, tmp_path):
    models = models_dataset.load()
    write_fold(models, 0, b"weights")
    before = files(tmp_path)
    models_dataset.save(models)
    assert files(tmp_path) == before


@pytest.mark.parametrize("file", [WEIGHTS, CARD])
def test_damaged_networks_cannot_be_saved(models_dataset, file):
    models = models_dataset.load()
    write_fold(models, 0, b"weights")
    (models.folder(0, 0) / file).write_bytes(b"other")
    with pytest.raises(DatasetError, match=f"{file} is damaged"):
        models_dataset.save(models)


def test_no_networks_and_networks_of_another_folder_cannot_be_saved(models_dataset, tmp_path):
    with pytest.raises(DatasetError, match="holds no trained network"):
        models_dataset.save(models_dataset.load())
    write_fold(models_dataset.load(), 0, b"weights")
    elsewhere = FoldModels(tmp_path / "elsewhere")
    write_fold(elsewhere, 0, b"weights")
    with pytest.raises(DatasetError, match=r"lie in .*elsewhere, but belong in .*models/cnn"):
        models_dataset.save(elsewhere)


def test_a_network_that_does_not_fit_on_the_disk_leaves_the_earlier_one(models_dataset, tmp_path):
    models = models_dataset.load()
    write_fold(models, 0, b"weights")
    before = files(tmp_path)
    with full_disk(100), pytest.raises(OSError, match="fold_0"):
        write_fold(models, 0, bytes(1000))
    assert files(tmp_path) == before
    models_dataset.save(models)
