"""The stage `augment` in Kedro, on a catalogue in memory."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from foldwise.data.augment import AugmentConfig
from foldwise.data.samples import Samples
from foldwise.pipelines.augment import create_pipeline
from foldwise.pipelines.augment.nodes import preview_augmentation

PARAMETERS = Path(__file__).parents[2] / "conf" / "base" / "parameters_augment.yml"


@pytest.fixture
def samples():
    """Ten constant images: the level of sample i is 20 i."""
    x = np.repeat(np.arange(10, dtype=np.uint8) * 20, 64).reshape(10, 1, 8, 8)
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(10)], "label": ["a", "b"] * 5})
    return Samples(x=x, table=table, classes=("a", "b"))


def test_the_preview_shows_training_samples_of_the_first_fold_only(samples):
    training = [1, 4, 7]  # fold 0; the others are validation, test and other folds
    plan = pd.DataFrame(
        {"repeat": 0, "fold": [1, 0, 0, 0], "sample_id": ["s9", *(f"s{i}" for i in training)]}
    )
    datasets = {
        "samples": samples,
        "balance_plan": plan,
        "params:augment": AugmentConfig.of(shift=0.2, rotation=10),
    }
    catalog = DataCatalog({name: MemoryDataset(data) for name, data in datasets.items()})

    outputs = SequentialRunner().run(create_pipeline(), catalog)

    (axes,) = outputs["augmentation_preview"].load().axes
    levels = np.unique(np.round(np.asarray(axes.images[0].get_array()) * 255))
    assert levels.tolist() == [*(20 * i for i in training), 255]  # and the white ground


def test_mixtures_are_shown_with_the_shares_of_their_labels(samples):
    """Samples of the two classes take turns, so each is mixed with one of the other class."""
    plan = pd.DataFrame({"repeat": 0, "fold": 0, "sample_id": samples.table["sample_id"]})
    config = AugmentConfig.of(mix={"mixup_alpha": 1, "cutmix_alpha": 1, "probability": 0.1})

    figure = preview_augmentation(samples, plan, config)

    _, *rows = figure.axes
    pictures = [list(pictures_and_shares(axes)) for axes in rows]
    for i, (picture, shares) in enumerate(pictures[0]):
        if i > 0:  # the first is mixed with the last
            share = picture.mean() / 20 - (i - 1)  # of sample i, at level 20 i
            assert picture.std() < 1e-3
            assert shares["ab"[i % 2]] == pytest.approx(share, abs=0.006)
    for i, (picture, shares) in enumerate(pictures[1]):
        is_own = np.isclose(picture, 20 * i, atol=0.1)
        assert np.isclose(picture[~is_own], 20 * ((i - 1) % 8), atol=0.1).all()
        assert shares.get("ab"[i % 2], 0) == pytest.approx(is_own.mean(), abs=0.006)
    assert len(pictures[0]) == len(pictures[1]) == 8


def pictures_and_shares(axes):
    """Yield the levels (8, 8) of each mixture and what is written below it."""
    mosaic = np.asarray(axes.images[0].get_array())[..., 0] * 255
    for text in axes.texts:
        if "%" in text.get_text():
            left = int(text.get_position()[0] - 3)
            lines = [line.split("% ") for line in text.get_text().splitlines()]
            shares = {name: int(share) / 100 for share, name in lines}
            yield mosaic[1:9, left : left + 8], shares


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("modality", ["image", "series", "tokens", "table"])
def test_every_kind_of_samples_has_a_preview_that_can_be_drawn(modality, task):
    generator = np.random.default_rng(0)
    lengths = np.array([5, 12, 1, 12, 7, 3, 12, 9, 2, 11])
    x = {
        "image": generator.integers(0, 256, (10, 1, 8, 8), dtype=np.uint8),
        "series": generator.standard_normal((10, 12, 4), dtype=np.float32),
        "tokens": generator.integers(1, 4, (10, 12), dtype=np.int32),
        "table": generator.standard_normal((10, 3), dtype=np.float32),
    }[modality]
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(10)]})
    if modality in ("series", "tokens"):
        table["length"] = lengths
        x[np.arange(12) >= lengths[:, np.newaxis]] = 0
    if modality == "series":
        x[1, 3:5, 0] = x[2, 0] = np.nan  # gaps, and a series of nothing else
    is_regression = task == "regression"
    column = {"target": np.arange(10.0)} if is_regression else {"label": ["a $b", "$"] * 5}
    table = table.assign(**column)
    samples = Samples(
        x=x,
        table=table,
        classes=() if is_regression else ("$", "a $b"),
        modality=modality,
        tokens=("", "one", "two", "$") if modality == "tokens" else (),
    )
    plan = pd.DataFrame({"repeat": 0, "fold": 0, "sample_id": table["sample_id"]})
    config = AugmentConfig.of(
        shift=0.1,
        mix={"mixup_alpha": 1},
        series={"jitter": 0.1, "time_warp": 0.2, "permutation": 3},
        tokens={"masking": 0.2, "swap": 0.2, "deletion": 0.2},
    )

    figure = preview_augmentation(samples, plan, config)

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=20)
    assert picture.getbuffer().nbytes > 1000
    texts = " ".join(text.get_text() for text in figure.texts)
    for section in ("series", "tokens"):
        is_idle = section in texts.partition("Not in force")[2].split(":")[-1]
        assert is_idle == (section != modality)


def test_every_node_carries_the_tag_of_the_stage():
    assert [(n.name, n.tags) for n in create_pipeline().nodes] == [
        ("preview_augmentation", {"augment"})
    ]


def test_the_base_policy_is_valid_complete_and_does_not_mirror_digits():
    values = yaml.safe_load(PARAMETERS.read_text(encoding="utf-8"))["augment"]

    config = AugmentConfig.of(**values)

    assert set(values) == set(AugmentConfig.model_fields)
    assert config.horizontal_flip == config.vertical_flip == 0
    assert config.moves


def test_the_stage_is_listed_without_heavy_imports():
    code = (
        "import sys; from foldwise.pipelines.augment import create_pipeline; create_pipeline();"
        "print(sorted({'torch', 'sklearn', 'matplotlib.figure'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
