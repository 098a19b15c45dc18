from pathlib import Path

import numpy as np
import pytest
import torch
from gan_cards import make_gan_card
from model_cards import make_card
from safetensors.torch import save_file

from foldwise.data.preprocessing import SeriesPreprocessing
from foldwise.data.samples import Feature
from foldwise.models.gan.build import build_gan
from foldwise.models.gan.config import CganConfig, DenseGanConfig, RecurrentGanConfig
from foldwise.modules.inputs import input_spec
from foldwise.tasks.fold_folders import WEIGHTS, ModelError, write_model
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.generate import Generator
from foldwise.tasks.sample_gan import SampleGanError, sample_gan
from foldwise.tasks.sample_gan_config import SampleGanConfig

CLASSES = ("cat", "dog", "owl")
SMALL = CganConfig(latent_size=4, widths=(8, 4), hidden_size=8)


def write_generator(folder, model=SMALL, **fields):
    """Write a generator of weights that nobody has trained."""
    values = {"classes": CLASSES, "class_counts": (5, 4, 3), "model": model, **fields}
    card = make_gan_card(**values)
    torch.manual_seed(0)
    spec = input_spec(card.preprocessing, card.shape)
    network = build_gan(card.model, spec, len(card.classes)).generator
    weights = {f"generator.{name}": value for name, value in network.state_dict().items()}
    return write_model(folder, card, lambda path: save_file(weights, path))


@pytest.fixture
def models(tmp_path):
    models = GanModels(tmp_path / "gan")
    write_generator(models.folder(0, 0))
    return models


def drawn(models, **parameters):
    return sample_gan(models, SampleGanConfig.of(**parameters))


def of_class(found, name):
    return found.samples.x[(found.samples.table["label"] == name).to_numpy()]


def test_as_many_of_each_class_are_drawn_in_order(models):
    found = drawn(models, per_class=3)
    assert found.samples.table["label"].tolist() == [name for name in CLASSES for _ in range(3)]
    assert found.samples.x.shape == (9, 1, 8, 8)
    assert found.samples.x.dtype == np.uint8
    assert found.samples.classes == CLASSES
    assert found.latents.shape == (9, 4)
    assert found.samples.table["sample_id"].is_unique


def test_samples_are_what_the_generator_makes_of_their_latents(models):
    found = drawn(models, per_class=3)
    generator = Generator(models.folder(0, 0))
    expected = generator.generate(found.samples.y, found.latents)
    np.testing.assert_allclose(found.samples.x.astype(int), expected.astype(int), atol=1)


def test_a_class_is_drawn_alike_whichever_others_are(models):
    every, one = drawn(models, per_class=2), drawn(models, per_class=2, classes="dog")
    assert one.samples.classes == ("dog",)
    np.testing.assert_array_equal(one.samples.x, of_class(every, "dog"))
    latents = every.latents.reshape(3, -1)
    assert len(np.unique(latents.round(4), axis=0)) == 3  # each class has its own


def test_the_seed_decides(models):
    first, again = drawn(models, per_class=2), drawn(models, per_class=2)
    np.testing.assert_array_equal(first.samples.x, again.samples.x)
    np.testing.assert_array_equal(first.latents, again.latents)
    assert (drawn(models, per_class=2, seed=1).latents != first.latents).any()


def test_more_samples_begin_with_the_same_latents(models):
    few, many = (drawn(models, per_class=n, classes="owl").latents for n in (2, 20))
    np.testing.assert_array_equal(few, many[:2])


def test_the_facts_name_generator_and_seed(models):
    card = GanModels(models.root).cards()[0]
    facts = drawn(models, seed=5, per_class=1).facts
    assert facts["weights_sha256"] == card.weights_sha256
    assert facts["seed"] == 5
    assert facts["generator"]["name"] == "cgan"
    assert facts["classes"] == list(CLASSES)


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ("cta", "'cta'.* Did you mean 'cat'.*Allowed: 'cat', 'dog', 'owl'"),
        ("cat;cow", "is 'cow', which the generator does not know"),
        ([], "is empty"),
        ([3], "is '3'"),
    ],
)
def test_an_unknown_class_is_refused_with_those_known(models, classes, told):
    with pytest.raises(SampleGanError, match=rf"(?s)sample_gan\.classes.*{told}"):
        drawn(models, classes=classes)


def test_a_class_that_was_not_shown_is_not_known(models):
    write_generator(models.folder(0, 1), class_counts=(5, 0, 3), fold=1)
    assert drawn(models, fold=1, per_class=1).samples.classes == ("cat", "owl")
    with pytest.raises(SampleGanError, match=r"is 'dog'.*Allowed: 'cat', 'owl'"):
        drawn(models, fold=1, classes="dog")


def test_a_generator_that_is_told_no_class_draws_of_none(models):
    write_generator(models.folder(0, 1), DenseGanConfig(latent_size=3, widths=(8,)), fold=1)
    found = drawn(models, fold=1, per_class=5)
    assert len(found.samples) == 5
    assert set(found.samples.table["label"]) == {"any"}
    with pytest.raises(SampleGanError, match=r"'cat', but the generator \(gan\) .* without"):
        drawn(models, fold=1, classes="cat")


def test_series_are_drawn_in_their_own_units(models):
    scaled = {"mean": (100.0, 0.0), "std": (1.0, 5.0), "missing": "error"}
    fields = {
        "modality": "series",
        "features": (Feature(name="a"), Feature(name="b")),
        "shape": (6, 2),
        "preprocessing": SeriesPreprocessing(**scaled),
    }
    write_generator(models.folder(0, 1), RecurrentGanConfig(latent_size=2, width=4), **fields)
    found = drawn(models, fold=1, per_class=2)
    assert found.samples.x.shape == (6, 6, 2)
    assert found.samples.x.dtype == np.float32
    assert found.latents.shape == (6, 6, 2)
    assert found.samples.x[..., 0].mean() == pytest.approx(100, abs=5)


def test_without_training_it_is_said_which_stage_is_missing(tmp_path):
    with pytest.raises(ModelError, match=r"holds no trained generator.*'train_gan' first"):
        drawn(GanModels(tmp_path / "nothing"))


def test_a_fold_without_a_generator_is_told_with_those_that_have_one(models):
    with pytest.raises(SampleGanError, match=r"are 0 and 3.*repeat 0, fold 0.*num_folds"):
        drawn(models, fold=3)


def test_another_generator_is_taken_by_its_folder(models, tmp_path):
    card = write_generator(tmp_path / "other", classes=("x", "y"), class_counts=(1, 1))
    found = drawn(models, generator=tmp_path / "other", per_class=1)
    assert found.samples.classes == ("x", "y")
    assert found.facts["weights_sha256"] == card.weights_sha256
    with pytest.raises(SampleGanError, match="no such folder"):
        drawn(models, generator=Path("nowhere"))


def test_a_network_of_another_kind_is_refused(models, tmp_path):
    write_model(tmp_path / "cnn", make_card(), lambda path: path.write_bytes(b"weights"))
    with pytest.raises(SampleGanError, match=r"sample_gan\.generator.*holds no generator"):
        drawn(models, generator=tmp_path / "cnn")


def test_weights_of_another_network_are_refused(models):
    folder = models.folder(0, 0)
    other = build_gan(
        CganConfig(latent_size=5, widths=(8, 4), hidden_size=8),
        input_spec(make_gan_card().preprocessing, (1, 8, 8)),
        3,
    ).generator
    weights = {f"generator.{name}": value for name, value in other.state_dict().items()}
    card = models.cards()[0]
    write_model(folder, card, lambda path: save_file(weights, path))
    with pytest.raises(ModelError, match="weights of another network than 'cgan'"):
        drawn(models)


def test_a_flipped_byte_is_refused(models):
    file = models.folder(0, 0) / WEIGHTS
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="damaged: its SHA-256"):
        drawn(models)
