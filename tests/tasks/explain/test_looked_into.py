"""Filters, motifs, maps, made images, permutation and embeddings of networks that are known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from baseline_samples import LETTERS, table_of
from made_networks import FromFunction, about_image, drawn, opened, seeded
from scipy import stats
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from torch import nn

from foldwise.data.preprocessing import ImagePreprocessing, TokenPreprocessing
from foldwise.data.samples import Feature, Samples
from foldwise.data.vocabulary import Vocabulary
from foldwise.models.build import build_cnn, build_network
from foldwise.models.config import Cnn1dConfig, SmallCnnConfig
from foldwise.models.input_spec import TokenSpec
from foldwise.seeds import derive_seed
from foldwise.tasks.explain import permutation
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import (
    DreamConfig,
    FeatureMapConfig,
    MaximiseConfig,
    PermutationConfig,
)
from foldwise.tasks.explain.dream import _strength, dream
from foldwise.tasks.explain.embedding_map import neighbour_map, principal_components
from foldwise.tasks.explain.feature_maps import feature_maps
from foldwise.tasks.explain.filters import first_filters
from foldwise.tasks.explain.maximise import activations, maximise_units
from foldwise.tasks.explain.motifs import find_motifs
from foldwise.tasks.explain.permutation import column_drops

IMAGES = ImagePreprocessing(mean=(0.4,), std=(0.3,))
SIDE = 12


@pytest.fixture
def cnn():
    network = seeded(lambda: build_cnn(SmallCnnConfig(widths=(5, 6)), (1, SIDE, SIDE), 3))
    return opened(network, preprocessing=IMAGES, shape=(1, SIDE, SIDE), classes=("a", "b", "c"))


def texts():
    """Letters at random; in those of one class the word `dabc` lies somewhere."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 5, (60, 20)).astype(np.int32)
    for row in range(0, 60, 2):
        place = int(rng.integers(0, 16))
        x[row, place : place + 4] = [4, 1, 2, 3]
    labels = np.array(["with", "without"])[np.arange(60) % 2]
    rows = table_of(x, label=labels, length=np.full(60, 20))
    return Samples(x, rows, ("with", "without"), "none", "tokens", tokens=LETTERS)


def test_a_planted_motif_is_read_off_the_filter_that_looks_for_it():
    samples = texts()
    config = Cnn1dConfig(widths=(3, 4), kernel_sizes=(4, 3), token_input="one_hot")
    network = seeded(lambda: build_network(config, TokenSpec(6, 20), 2))
    # One-hot, without padding: the unknown token, then a, b, c, d.
    weight = torch.zeros(3, 5, 4)
    for place, letter in enumerate("dabc"):
        weight[1, 1 + "abcd".index(letter), place] = 1.0
    with torch.no_grad():
        network.block1.convolution.weight.copy_(weight.unsqueeze(2))
        network.block1.norm.running_mean[1] = 2.5
    vocabulary = Vocabulary(tokens=("a", "b", "c", "d"))
    card = {"preprocessing": TokenPreprocessing(vocabulary=vocabulary)}
    motif = find_motifs(opened(network, **card), samples, np.arange(60))[0]
    assert (motif.filter, motif.consensus, motif.class_name) == (1, "dabc", "with")
    assert motif.examples[0][0] == "dabc"
    assert motif.num_windows >= 30
    np.testing.assert_allclose(motif.shares.sum(axis=1), 1)
    assert motif.separation > 2


def test_filters_are_the_weights_of_the_first_convolution(cnn):
    found = first_filters(cnn, "image")
    weights = cnn.network.features[0].weight[:, 0].detach().numpy()
    np.testing.assert_allclose(found.pictures, weights)
    assert (found.layer, found.num_filters, found.along) == ("features.0", 5, "picture")


def test_feature_maps_are_what_layers_give(cnn):
    image = drawn(1, 1, 1, SIDE, SIDE)
    explained = about_image(cnn.network, image).explained
    config = FeatureMapConfig.of(layers="features.0", num_maps=2)
    (found,) = feature_maps(cnn.network, explained, "s1", config)
    maps = cnn.network.features[0](image)[0].detach().numpy()
    strongest = np.sort(np.abs(maps).mean(axis=(1, 2)).argsort()[-2:])
    np.testing.assert_allclose(found.maps, maps[strongest], rtol=1e-5)
    names = [m.layer for m in feature_maps(cnn.network, explained, "s1", FeatureMapConfig())]
    assert names == ["features.0", "features.6"]
    with pytest.raises(ExplainError, match=r"layers is 'x', which is no layer .*'features.0', "):
        feature_maps(cnn.network, explained, "s1", FeatureMapConfig.of(layers="x"))


@pytest.mark.parametrize("layer", [None, "features.0"])
def test_made_images_activate_their_units_more_than_noise(cnn, layer):
    config = MaximiseConfig(
        enabled=True, layer=layer, max_units=3, total_variation=0.0, num_steps=60
    )
    made = maximise_units(cnn, config, 0)
    again = maximise_units(cnn, config, 0)
    for one, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
        assert one.picture.min() >= 0
        assert one.picture.max() <= 1
    if layer is None:
        assert [one.title for one in made] == ["a", "b", "c"]
    images = torch.stack([torch.from_numpy(one.picture[..., 0]).float() for one in made])
    standard = (images.unsqueeze(1) - 0.4) / 0.3
    reached = activations(cnn.network, standard, range(3), layer)
    for seed in range(5):
        pixels = drawn(seed, 3, 1, SIDE, SIDE).clamp(-0.4 / 0.3, 0.6 / 0.3)
        noise = activations(cnn.network, pixels, range(3), layer)
        assert (reached > noise).all()


def test_an_unknown_unit_is_refused(cnn):
    with pytest.raises(ExplainError, match=r"units names 3, but the layer has 3 units.*0 to 2"):
        maximise_units(cnn, MaximiseConfig.of(units="0;3"), 0)


def test_a_dream_makes_what_a_layer_sees_stronger(cnn):
    image = 0.3 * drawn(1, 1, 1, SIDE, SIDE)
    config = DreamConfig(enabled=True, num_octaves=2, num_steps=5)
    before, after = dream(cnn, image, "features.4", config, 0)
    again = dream(cnn, image, "features.4", config, 0)[1]
    np.testing.assert_array_equal(after.picture, again.picture)
    strength = [
        float(
            _strength(
                cnn.network,
                (torch.from_numpy(made.picture).permute(2, 0, 1)[None].float() - 0.4) / 0.3,
                "features.4",
            ).detach()
        )
        for made in (before, after)
    ]
    assert strength[1] > 1.5 * strength[0]


class Linear:
    """A predictor that says `yes` where 2 x0 - x2 > 0."""

    card = SimpleNamespace(number_outputs=None)

    def probabilities(self, x):
        score = 2 * np.nan_to_num(x[:, 0]) - np.nan_to_num(x[:, 2])
        return np.stack([score <= 0, score > 0], axis=1).astype(float)


def rows_of_numbers(size=200):
    x = np.random.default_rng(0).normal(size=(size, 4)).astype(np.float32)
    labels = np.where(2 * x[:, 0] - x[:, 2] > 0, "yes", "no")
    features = tuple(Feature(name=name) for name in "pqrs")
    return Samples(x, table_of(x, label=labels), ("no", "yes"), "none", "table", features)


def test_shuffling_finds_the_columns_that_inform():
    samples = rows_of_numbers()
    config = PermutationConfig(num_repeats=5)
    drops = column_drops(Linear(), samples, np.arange(200), [0, 1, 2, 3], config, 1)
    assert drops[0] > drops[2] > 0.05
    assert drops[1] == drops[3] == 0
    np.testing.assert_array_equal(
        column_drops(Linear(), samples, np.arange(200), [0, 1, 2, 3], config, 1), drops
    )


def test_shuffling_is_as_scikit_learn_has_it():
    samples = rows_of_numbers()
    model = LogisticRegression().fit(samples.x, samples.y)
    found = SimpleNamespace(card=Linear.card, probabilities=lambda x: model.predict_proba(x))
    drops = column_drops(
        found, samples, np.arange(200), [0, 1, 2, 3], PermutationConfig(num_repeats=4), 9
    )

    def recall(target, predicted):
        return np.mean([(predicted[target == k] == k).mean() for k in (0, 1)])

    expected = permutation_importance(
        model, samples.x, samples.y, scoring=make_scorer(recall), n_repeats=4, random_state=9
    )
    np.testing.assert_allclose(drops, expected["importances_mean"], atol=1e-12)


def test_importances_have_the_t_interval_over_folds(monkeypatch):
    samples = rows_of_numbers()
    monkeypatch.setattr(permutation, "Predictor", lambda _: Linear())
    models = SimpleNamespace(folder=lambda *_: None)
    folds = np.arange(200) % 4
    rows = {"sample_id": samples.table["sample_id"], "repeat": 0, "fold": folds, "part": "oof"}
    keys = [(0, fold) for fold in range(4)]
    config = PermutationConfig(num_repeats=3)
    found = permutation.permutation_importances(
        models, keys, samples, pd.DataFrame(rows), [0, 1, 2, 3], config, 0
    )
    drops = [
        column_drops(
            Linear(),
            samples,
            np.flatnonzero(folds == fold),
            [0, 1, 2, 3],
            config,
            derive_seed(0, "explain", "permutation", 0, fold),
        )
        for fold in range(4)
    ]
    assert [column.column for column in found.columns] == ["p", "r", "q", "s"]
    first = found.columns[0]
    values = np.array(drops)[:, 0]
    assert first.mean == pytest.approx(values.mean())
    error = values.std(ddof=1) / 2
    expected = stats.t.interval(0.95, 3, values.mean(), error)
    assert (first.low, first.high) == pytest.approx(expected)
    assert found.columns[2].low is None  # the folds do not differ


def test_components_are_those_of_the_singular_values():
    features = np.random.default_rng(0).normal(size=(40, 6)) * [5, 3, 1, 1, 1, 1]
    found, shares = principal_components(features)
    centred = features - features.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(centred @ directions.T), atol=1e-9)
    np.testing.assert_allclose(shares, values**2 / (values**2).sum())
    flat, none = principal_components(np.ones((4, 3)))
    assert not flat.any()
    assert not none.any()


def test_the_neighbour_map_is_always_the_same_and_keeps_clusters_apart():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 5)) + 20 * (np.arange(60) % 2)[:, None]
    found = neighbour_map(points, 10, 3)
    np.testing.assert_array_equal(neighbour_map(points, 10, 3), found)
    gaps = np.linalg.norm(found[:, None] - found[None], axis=2)
    same = (np.arange(60)[:, None] - np.arange(60)) % 2 == 0
    assert gaps[same].max() < gaps[~same].min()


def test_no_filters_of_a_network_without_a_convolution():
    network = FromFunction(nn.Identity())
    assert first_filters(opened(network, preprocessing=IMAGES), "image") is None
