import dataclasses

import numpy as np
import pandas as pd
import pytest
from event_recorder import Recorder
from project_copy import tree

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.balance.config import Gan
from foldwise.data.folds import fold_parts
from foldwise.data.samples import Samples, read_samples
from foldwise.tasks import synthetic_filter, synthetic_samples
from foldwise.tasks.events import FoldFinished
from foldwise.tasks.fold_models import FoldModels, ModelError, read_card
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.predict import predict_folds
from foldwise.tasks.recipe import RecipeError
from foldwise.tasks.synthetic_filter import Copies, Kept, as_if_even, fill_class
from foldwise.tasks.synthetic_generator import FittedDraw
from foldwise.tasks.synthetic_samples import FillError, require_fillable
from foldwise.tasks.train import cross_validate, fold_jobs

BLACK = np.zeros((2, 1, 8, 8), np.uint8)


def stripes(labels, seed):
    """Samples such as those of the fixture: noise, with a stripe where the class is `bright`."""
    x = np.random.default_rng(seed).integers(0, 200, (len(labels), 1, 8, 8), dtype=np.uint8)
    x[labels == 0, :, 3] += 40
    return x


@pytest.fixture
def fits(monkeypatch):
    """Let a generator be one that needs no fit; return the rows that each was fitted on."""
    rows = []

    def fit_draw(job, samples, recipe, folder):
        rows.append(np.sort(job.training.rows))
        return FittedDraw(stripes)

    monkeypatch.setattr(synthetic_samples, "fit_draw", fit_draw)
    return rows


@pytest.fixture(scope="module")
def filling(recipe):
    balance = BalanceConfig.of(method="gan", confidence=0.0)
    return dataclasses.replace(recipe, balance=balance, generator=TrainGanConfig())


@pytest.fixture(scope="module")
def plan(samples, folds, filling):
    return plan_balance(samples.table, folds, filling.balance)


@pytest.fixture
def filled(fits, tmp_path, samples, folds, plan, filling):
    return cross_validate(samples, folds, plan, filling, FoldModels(tmp_path / "filled"))


# -- in a training --------------------------------------------------------------------------------


def test_made_samples_are_stored_with_the_fold_and_are_those_of_the_card(filled, samples, folds):
    for parts, card in zip(fold_parts(folds, samples.table), filled.cards(), strict=True):
        labels = samples.table.set_index("sample_id")["label"].loc[list(parts.train)]
        counts = labels.value_counts()
        (fill,) = card.synthetic.classes
        assert (fill.name, fill.real) == ("dark", counts["dark"])
        assert fill.wanted == counts["bright"] - counts["dark"]
        assert fill.tried == fill.added + fill.not_of_class + fill.copies
        assert 0 < fill.added <= fill.wanted
        made = read_samples(filled.folder(0, parts.fold) / "synthetic")
        assert made.content_hash == card.synthetic.samples_hash
        assert len(made) == fill.added
        assert (made.table["label"] == "dark").all()
        assert made.table["synthetic"].all()
        assert set(made.table["meta_nearest"]) <= set(parts.train)
        assert not set(made.table["sample_id"]) & set(samples.table["sample_id"])


def test_the_generator_sees_training_parts_only(filled, fits, samples, folds):
    for rows, parts in zip(fits, fold_parts(folds, samples.table), strict=True):
        assert set(samples.table["sample_id"].iloc[rows]) == set(parts.train)


def test_predictions_are_of_real_samples_only(filled, samples, folds):
    table = predict_folds(filled, samples, folds)
    assert set(table["sample_id"]) == set(samples.table["sample_id"])


def test_an_interrupted_training_keeps_its_samples_and_ends_in_the_same_bytes(
    filled, fits, tmp_path, samples, folds, plan, filling
):
    models = FoldModels(tmp_path / "again")
    before = len(fits)
    with pytest.raises(RuntimeError, match="killed here"):
        cross_validate(samples, folds, plan, filling, models, Recorder((0, 1)))
    assert (len(fits) - before, len(list(models.root.rglob("synthetic")))) == (1, 1)
    finished = Recorder()
    cross_validate(samples, folds, plan, filling, models, finished)
    assert len(fits) - before == 2  # that of the first fold was not fitted again
    assert tree(models.root) == tree(filled.root)
    assert all(event.seconds > 0 for event in finished.of(FoldFinished))
    skipped = Recorder()
    cross_validate(samples, folds, plan, filling, models, skipped)
    told = [(event.was_skipped, event.seconds) for event in skipped.of(FoldFinished)]
    assert told == [(True, None)] * 2
    victim = models.folder(0, 1) / "synthetic" / "x.npy"
    content = bytearray(victim.read_bytes())
    content[-1] ^= 0x01
    victim.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.npy is damaged"):
        read_card(models.folder(0, 1))
    cross_validate(samples, folds, plan, filling, models, repaired := Recorder())
    assert [event.was_skipped for event in repaired.of(FoldFinished)] == [True, False]
    assert tree(models.root) == tree(filled.root)


def test_generator_parameters_count_for_this_remedy_alone(samples, folds, plan, recipe, filling):
    longer = TrainGanConfig.of(fit={"max_epochs": 7})

    def fingerprints(recipe):
        return [job.fingerprint for job in fold_jobs(samples, folds, plan, recipe)]

    plain = dataclasses.replace(recipe, balance=BalanceConfig())
    with_others = dataclasses.replace(plain, generator=longer)
    assert fingerprints(plain) == fingerprints(with_others)
    changed = dataclasses.replace(filling, generator=longer)
    assert not set(fingerprints(filling)) & set(fingerprints(changed))
    # Neither the seed of the generators' own pipeline nor how many folds have one changes it.
    elsewhere = dataclasses.replace(filling, generator=TrainGanConfig(num_folds=None, seed=3))
    assert fingerprints(filling) == fingerprints(elsewhere)


def test_what_could_not_be_made_is_told_once_per_fold(
    monkeypatch, tmp_path, samples, folds, plan, filling, caplog
):
    """Where every sample is one and the same, one is kept, and the others are copies of it."""
    collapsed = FittedDraw(lambda labels, _: BLACK[labels])
    monkeypatch.setattr(synthetic_samples, "fit_draw", lambda *_: collapsed)
    models = cross_validate(samples, folds, plan, filling, FoldModels(tmp_path))
    for card in models.cards():
        (fill,) = card.synthetic.classes
        (finding,) = card.synthetic.findings
        assert fill.added <= 1
        assert fill.tried == filling.balance.remedy.max_tries * fill.wanted
        assert f"'dark' {fill.added} of {fill.wanted} (of {fill.tried} that were made" in (
            finding.message
        )
        assert finding.message in caplog.text


# -- what is kept ---------------------------------------------------------------------------------


def judged(x):
    """Take bright samples for class 0, the others for class 1, with certainty."""
    is_bright = x[:, :, 3].mean(axis=(1, 2)) > 120
    return np.stack([is_bright, ~is_bright], axis=1).astype(float)


def rows_of(samples, name):
    return np.flatnonzero(samples.table["label"] == name)


def filled_class(samples, draw, judge=judged, **parameters):
    kept = Kept("dark", 30, 20)
    copies = Copies(samples, np.arange(len(samples)), samples.y, 0.01, seed=0)
    return fill_class(1, kept, draw, judge, copies, Gan(**parameters), seed=0)


def test_the_nearest_training_sample_does_not_depend_on_how_many_are_read_at_once(
    samples, monkeypatch
):
    copies = Copies(samples, np.arange(len(samples)), samples.y, 0.01, seed=0)
    x, rows = stripes(np.ones(20, int), 3), rows_of(samples, "dark")
    flat = [part.reshape(len(part), -1).astype(float) for part in (x, samples.x[rows])]
    apart = np.linalg.norm(flat[0][:, None] - flat[1], axis=2)
    for size in (1, 3 * 64 * 8, 2**27):
        monkeypatch.setattr(synthetic_filter, "_CHUNK_BYTES", size)
        distances, nearest = copies.nearest(x, 1)
        np.testing.assert_allclose(distances, apart.min(axis=1))
        np.testing.assert_array_equal(nearest, rows[apart.argmin(axis=1)])


def test_what_is_of_the_class_and_no_copy_is_kept(samples):
    kept = filled_class(samples, stripes)
    np.testing.assert_array_equal(judged(np.stack(kept.x)).argmax(axis=1), 1)
    assert len({x.tobytes() for x in kept.x}) == len(kept.x) == 20
    assert kept.fill.added == 20


def test_samples_of_another_class_are_not_kept_and_tries_end(samples):
    def draw(labels, seed):
        return stripes(np.zeros_like(labels), seed) | np.uint8(0b11000000)

    kept = filled_class(samples, draw, max_tries=3)
    assert (kept.fill.added, kept.fill.tried, kept.fill.not_of_class) == (0, 60, 60)


def test_copies_of_training_samples_and_of_one_another_are_not_kept(samples):
    real = samples.x[rows_of(samples, "dark")]

    def copied(labels, seed):
        return np.clip(real[np.arange(len(labels)) % len(real)].astype(int) + 1, 0, 255).astype(
            np.uint8
        )

    def collapsed(labels, seed):
        return np.repeat(stripes(labels[:1], 0), len(labels), axis=0)

    assert filled_class(samples, copied, lambda x: np.tile([0.0, 1.0], (len(x), 1))).x == []
    found = filled_class(samples, collapsed, lambda x: np.tile([0.0, 1.0], (len(x), 1)))
    assert (found.fill.added, found.fill.copies) == (1, found.fill.tried - 1)


def test_the_judge_has_to_be_sure(samples):
    def unsure(x):
        return np.tile([0.4, 0.6], (len(x), 1))

    assert filled_class(samples, stripes, unsure, confidence=0.7).x == []
    assert len(filled_class(samples, stripes, unsure, confidence=0.5).x) == 20


def test_the_nearest_training_sample_is_named(samples):
    rows = rows_of(samples, "dark")
    copies = Copies(samples, np.arange(len(samples)), samples.y, 0.01, seed=0)
    distances, nearest = copies.nearest(samples.x[rows[[4, 9]]], code=1)
    assert nearest.tolist() == rows[[4, 9]].tolist()
    other, _ = copies.nearest(samples.x[rows[[4, 9]]], code=0)
    assert (other > 100).all()
    assert copies.is_copy(distances).all()
    assert not copies.is_copy(other).any()
    np.testing.assert_allclose(distances, 0, atol=1e-5)


def test_channels_of_series_count_alike(samples):
    """A copy with noise of its own scale in each channel is as near in either."""
    x = np.random.default_rng(0).normal(size=(20, 6, 2)).astype(np.float32)
    large = x * np.array([1, 1000], np.float32)
    table = pd.DataFrame({"sample_id": [str(i) for i in range(20)]})
    rows, labels = np.arange(20), np.zeros(20, np.int64)
    found = [
        Copies(Samples(values, table, modality="series"), rows, labels, 0.01, 0).nearest(
            values + noise, 0
        )[0]
        for values, noise in ((x, 0.1), (large, np.array([0.1, 100], np.float32)))
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_even_classes_are_the_bayes_rule_with_even_priors():
    likelihoods, counts = np.array([[0.2, 0.5, 0.7]]), np.array([70, 20, 10])
    posterior = likelihoods * counts / (likelihoods * counts).sum()
    np.testing.assert_allclose(as_if_even(posterior, counts), likelihoods / likelihoods.sum())
    assert as_if_even(posterior, np.array([70, 30, 0]))[0, 2] == 0


def test_a_copy_is_nearer_than_a_given_share_of_different_training_samples():
    """Numbers on a line, with gaps of 1, 3, 9, 9 and 9, and one that comes twice."""
    values = np.cumsum([0, 1, 3, 9, 9, 9])[:, np.newaxis, np.newaxis]
    x = np.concatenate([values, values[:1]]).astype(np.float32)  # one comes twice
    table = pd.DataFrame({"sample_id": [str(i) for i in range(7)]})
    line = Samples(x, table, modality="table")
    labels = np.zeros(7, np.int64)
    near = Copies(line, np.arange(7), labels, 0.0, 0).is_copy(np.array([0.0, 0.9, 1.0, 1.1]))
    assert near.tolist() == [True, True, True, False]
    # Nearest others are 0 (twice: left aside), 1, 3, 9, 9, 9.
    far = Copies(line, np.arange(7), labels, 0.5, 0).is_copy(np.array([3.0, 9.0, 9.1]))
    assert far.tolist() == [True, True, False]


# -- what is refused ------------------------------------------------------------------------------


def test_a_recipe_without_a_fitting_generator_is_refused(recipe):
    gan = BalanceConfig.of(method="gan")
    with pytest.raises(RecipeError, match="train_cnn, train_rnn and compare_balance only"):
        dataclasses.replace(recipe, balance=gan)
    generator = TrainGanConfig.of(model={"name": "dcgan"})
    with pytest.raises(RecipeError, match=r"train_gan.model.conditional=true"):
        dataclasses.replace(recipe, balance=gan, generator=generator)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"modality": "table", "x": np.zeros((90, 3), np.float32)}, "smote fills up"),
        ({"modality": "series", "x": np.zeros((90, 5, 2), np.float32)}, "name=recurrent"),
        ({"modality": "tokens", "x": np.zeros((90, 5), np.int32)}, "oversample those of all"),
    ],
)
def test_samples_that_no_generator_makes_are_refused(samples, filling, changes, told):
    with pytest.raises(FillError, match=told):
        require_fillable(dataclasses.replace(samples, **changes), filling)
    require_fillable(samples, filling)


def test_series_of_several_lengths_are_refused(samples, filling):
    generator = TrainGanConfig.of(model={"name": "recurrent"})
    series = dataclasses.replace(samples, modality="series", x=np.zeros((90, 5, 2), np.float32))
    recipe = dataclasses.replace(filling, generator=generator)
    require_fillable(series, recipe)
    lengths = series.table.assign(length=[4, 5] * 45)
    with pytest.raises(FillError, match="the series have 2 lengths"):
        require_fillable(dataclasses.replace(series, table=lengths), recipe)
