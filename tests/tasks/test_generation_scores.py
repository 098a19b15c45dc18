import json

import numpy as np
import pandas as pd
import pytest
from fake_generators import UNTOLD, Remembering, gan_card, write_gan
from sklearn.datasets import load_digits

from foldwise.data.folds import SplitConfig, fold_parts, make_folds
from foldwise.data.samples import Samples, array_hash
from foldwise.metrics.generation import frechet_distance
from foldwise.tasks.draw_samples import draw_like
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.feature_space import GenerationError, space_recipe
from foldwise.tasks.fold_folders import ModelError
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.gan_pictures import between
from foldwise.tasks.generation_scores import score_generators

NUM_CLASSES = 4
CONFIG = EvaluateGanConfig(epochs=6, per_class=20, num_pairs=5, num_threads=1, accelerator="cpu")


@pytest.fixture(scope="module")
def digits():
    """The first four digits, two thirds of which are a pool that generators remember."""
    found = load_digits()
    kept = found.target < NUM_CLASSES
    x = np.rint(found.images[kept, np.newaxis] * (255 / 16)).astype(np.uint8)
    labels = found.target[kept]
    return samples_of(x[: 2 * len(x) // 3], labels[: 2 * len(x) // 3]), (
        x[2 * len(x) // 3 :],
        labels[2 * len(x) // 3 :],
    )


def samples_of(x, labels):
    classes = tuple(str(i) for i in range(NUM_CLASSES))
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:04d}" for i in range(len(x))],
            "label": labels.astype(str),
            "group": None,
            "official_split": None,
            "source": "digits",
            "sha256": [array_hash(image) for image in x],
        }
    )
    return Samples(x, table, classes)


@pytest.fixture(scope="module")
def folds(digits):
    config = SplitConfig(num_folds=2, test_fraction=0, validation_fraction=0.1)
    return make_folds(digits[0].table, config)


@pytest.fixture(scope="module")
def score(digits, folds, tmp_path_factory):
    """Measure a generator; the network of the space is trained once."""
    samples = digits[0]
    workspace = tmp_path_factory.mktemp("workspace")

    def scored(make, config=CONFIG, **card):
        models = GanModels(tmp_path_factory.mktemp("gans"))
        written = write_gan(models, gan_card(samples, folds, **card))
        found = score_generators(
            models, samples, folds, config, workspace, open_generator=lambda _: make(written)
        )
        return found.generators[0], found

    return scored


@pytest.fixture(scope="module")
def training_part(digits, folds):
    samples = digits[0]
    parts = next(fold_parts(folds, samples.table))
    rows = samples.positions(pd.Series(parts.train, dtype=object))
    return samples.x[rows], samples.y[rows]


@pytest.fixture(scope="module")
def of_new_samples(digits, score):
    """What a perfect generator gets: other real samples."""
    return score(lambda card: Remembering(card, *digits[1], noise=4.0))


@pytest.mark.slow
def test_new_real_samples_pass_for_a_perfect_generator(of_new_samples):
    scores, _ = of_new_samples
    assert scores.space == "small_cnn"
    assert scores.missing_classes == ()
    assert scores.value("tstr_accuracy") > 0.9
    assert scores.value("trts_accuracy") > 0.9
    assert abs(scores.value("tstr_minus_trtr")) < 0.1
    assert scores.value("frechet_ratio") < 4
    assert scores.value("precision") > 0.6
    assert scores.value("copies") <= 0.03
    gap = scores.metrics["tstr_minus_trtr"]
    expected = scores.value("tstr_accuracy") - scores.value("trtr_accuracy")
    assert gap.value == pytest.approx(expected)
    assert gap.low <= gap.value <= gap.high


@pytest.mark.slow
def test_a_generator_that_repeats_its_training_part_is_found_out(
    score, training_part, of_new_samples
):
    scores, _ = score(lambda card: Remembering(card, *training_part))
    assert scores.value("copies") > 0.9
    assert scores.value("copies_of_real") <= 0.01
    assert all(caption[1] == "copy" for caption in scores.pictures.captions)
    for drawn, training in scores.pictures.pairs:
        np.testing.assert_array_equal(drawn, training)


@pytest.mark.slow
def test_a_class_that_is_never_drawn_is_missing(digits, score, of_new_samples):
    scores, _ = score(lambda card: Remembering(card, *digits[1], noise=4.0, draws_as={3: 1}))
    assert scores.missing_classes == ("3",)
    assert scores.metrics["num_missing_classes"].value == 1
    assert scores.classes[3].recognised == pytest.approx(0, abs=0.1)
    assert scores.classes[3].recall_by_generated < 0.1
    whole = of_new_samples[0]
    assert scores.value("coverage") < whole.value("coverage") - 0.15
    assert scores.value("frechet_ratio") > 2 * whole.value("frechet_ratio")


@pytest.mark.slow
def test_a_generator_that_is_told_no_classes_trains_no_network(digits, score):
    x, y = digits[1]
    scores, found = score(
        lambda card: Remembering(card, x[y != 2], y[y != 2], noise=4.0), model=UNTOLD
    )
    assert not {"tstr_accuracy", "trts_accuracy", "tstr_minus_trtr"} & set(scores.metrics)
    assert scores.missing_classes == ("2",)
    assert scores.classes[2].recognised is None
    assert len(scores.pictures.generated[2]) <= 2
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.slow
def test_a_class_that_the_generator_was_never_shown_is_missing(digits, score):
    scores, _ = score(lambda card: Remembering(card, *digits[1]), class_counts=(9, 9, 0, 9))
    assert scores.missing_classes == ("2",)
    assert len(scores.pictures.generated[2]) == 0
    assert "2" not in scores.pictures.interpolated_classes


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(digits, score, of_new_samples):
    again = score(lambda card: Remembering(card, *digits[1], noise=4.0))[1]
    assert json.dumps(again.to_json()) == json.dumps(of_new_samples[1].to_json())


def test_of_an_unknown_class_others_are_drawn_in_its_place(digits, folds):
    x, y = digits[1]
    card = gan_card(digits[0], folds, class_counts=(5, 0, 5, 0))
    labels = np.array([0, 1, 2, 3, 0, 0])
    drawn = draw_like(Remembering(card, x, y), labels, seed=0)
    of = [int(y[(x == sample).all(axis=(1, 2, 3))][0]) for sample in drawn]
    assert [of[i] for i in (0, 2, 4, 5)] == [0, 2, 0, 0]
    assert {of[1], of[3]} <= {0, 2}


def test_generators_of_other_samples_are_refused(digits, folds, tmp_path):
    models = GanModels(tmp_path / "gans")
    write_gan(models, gan_card(digits[0], folds, folds_hash="others"))
    with pytest.raises(ModelError, match="no generator of these samples and folds"):
        score_generators(models, digits[0], folds, CONFIG, tmp_path / "w", open_generator=None)


def test_tables_are_told_what_to_use_instead():
    with pytest.raises(GenerationError, match=r"'table'.*smote"):
        space_recipe("table", (5,), 100, CONFIG)


@pytest.mark.parametrize(("num_training", "epochs"), [(100, 40), (20_000, 10), (10**6, 4)])
def test_networks_see_about_as_many_samples_whatever_the_data(num_training, epochs):
    recipe = space_recipe("image", (1, 8, 8), num_training, EvaluateGanConfig())
    assert recipe.fit.max_epochs == epochs
    assert recipe.fit.monitor == "last", "no sample is looked at for a choice"


@pytest.mark.parametrize(
    ("modality", "shape", "name"),
    [
        ("image", (1, 8, 8), "small_cnn"),
        ("image", (1, 28, 28), "conv_group"),
        ("image", (3, 9, 40), "conv_group"),
        ("image", (3, 96, 128), "small_cnn"),
        ("series", (140, 1), "fcn"),
    ],
)
def test_the_space_is_chosen_by_what_the_samples_are(modality, shape, name):
    assert space_recipe(modality, shape, 1000, EvaluateGanConfig()).model.name == name


def test_latents_between_two_are_as_long_as_latents_are():
    ends = np.random.default_rng(0).normal(size=(2, 9, 5)).astype(np.float32)
    way = between(ends[0], ends[1], 7)
    np.testing.assert_allclose(way[[0, -1]], ends, atol=1e-5)
    lengths = np.linalg.norm(way.reshape(7, -1), axis=1)
    assert lengths.min() > 0.95 * np.linalg.norm(ends.reshape(2, -1), axis=1).min()
    # Frechet distances to themselves are 0: the ends are those that were given.
    assert frechet_distance(ends[0], way[0]) == pytest.approx(0, abs=1e-6)
