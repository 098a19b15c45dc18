"""The stage `augment` in Kedro, on a catalogue in memory."""

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
