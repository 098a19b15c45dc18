import dataclasses
import functools
import importlib.util
import logging

import numpy as np
import pandas as pd
import pytest
from baseline_samples import folds_of, images, series, table, table_of, tokens, windows
from project_copy import tree
from pydantic import ValidationError
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from foldwise.code_closure import code_hash
from foldwise.data.folds import fold_parts, held_out_ids
from foldwise.data.samples import Samples
from foldwise.data.table_encoding import fit_table_encoding
from foldwise.parameter_errors import explain
from foldwise.seeds import derive_seed
from foldwise.tasks.baseline_config import BaselineConfig
from foldwise.tasks.baseline_fit import fit_baselines
from foldwise.tasks.baseline_models import BaselineError, choose
from foldwise.tasks.predictions_table import check_predictions
from foldwise.tasks.regression_table import check_regression_predictions

_CODE_HASH = functools.cache(code_hash)


@pytest.fixture(autouse=True)
def _hash_the_code_once(monkeypatch):
    monkeypatch.setattr("foldwise.tasks.baseline_fit.code_hash", _CODE_HASH)


def fit(samples, folder, models="auto", **changes):
    config = BaselineConfig.of(models=models, **changes)
    return fit_baselines(samples, folds_of(samples), config, folder)


def rows_of(samples, folds, fold):
    parts = next(parts for parts in fold_parts(folds, samples.table) if parts.fold == fold)
    asked = np.concatenate([parts.oof, held_out_ids(folds)])
    known = np.sort(samples.positions(pd.Series(np.append(parts.train, parts.validation))))
    return known, samples.positions(pd.Series(asked))


def predicted(fits, model, fold, samples):
    table = fits.predictions
    table = table[(table["model"] == model) & (table["fold"] == fold)]
    columns = [f"p_{name}" for name in samples.classes] or ["prediction"]
    return table[columns].to_numpy()


def test_models_are_those_of_scikit_learn_on_train_and_validation(tmp_path):
    samples = table()
    folds, fits = folds_of(samples), fit(samples, tmp_path, "prior;logistic;gradient_boosting")
    for fold in (0, 1):
        known, asked = rows_of(samples, folds, fold)
        encoding = fit_table_encoding(samples.x, samples.features, known)
        x = encoding.encode(samples.x, samples.features)
        prior = DummyClassifier(strategy="prior").fit(x[known], samples.y[known])
        logistic = LogisticRegression(max_iter=1000).fit(x[known], samples.y[known])
        seed = derive_seed(0, 0, fold, "gradient_boosting") % 2**32
        boosted = HistGradientBoostingClassifier(
            categorical_features=[2], random_state=seed, min_samples_leaf=len(known) // 10
        ).fit(samples.x[known], samples.y[known])
        for model, features in ((prior, x), (logistic, x), (boosted, samples.x)):
            name = {DummyClassifier: "prior", LogisticRegression: "logistic"}.get(
                type(model), "gradient_boosting"
            )
            np.testing.assert_allclose(
                predicted(fits, name, fold, samples), model.predict_proba(features[asked]), 1e-6
            )


def test_numbers_are_those_of_ridge_regression(tmp_path):
    samples = table(task="regression")
    folds, fits = folds_of(samples), fit(samples, tmp_path, "mean;ridge")
    known, asked = rows_of(samples, folds, 1)
    x = fit_table_encoding(samples.x, samples.features, known).encode(samples.x, samples.features)
    y = samples.table["target"].to_numpy()
    expected = Ridge(alpha=1.0).fit(x[known], y[known]).predict(x[asked])
    np.testing.assert_allclose(predicted(fits, "ridge", 1, samples)[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(predicted(fits, "mean", 1, samples)[:, 0], y[known].mean())


KINDS = {
    "images": images,
    "table": table,
    "series": series,
    "tokens": tokens,
    "aligned tokens": lambda: tokens(is_aligned=True),
    "numbers of tables": lambda: table(task="regression"),
    "numbers of series": lambda: series(task="regression"),
    "forecasts": windows,
    "forecasts of three steps": lambda: windows(horizon=3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_samples_has_baselines_that_learn(kind, tmp_path):
    samples = KINDS[kind]()
    names = [b.name for b in choose(samples, BaselineConfig()) if not b.packages]
    fits = fit(samples, tmp_path, ";".join(names))
    assert fits.fits["is_fitted"].all()
    assert list(fits.predictions["model"].unique()) == names
    for name, rows in fits.predictions.groupby("model", sort=False):
        rows = rows.drop(columns="model").reset_index(drop=True)
        oof = rows[rows["part"] == "oof"]
        if samples.classes:
            assert check_predictions(rows) == samples.classes
            columns = [f"p_{c}" for c in samples.classes]
            best = np.array(samples.classes)[oof[columns].to_numpy().argmax(axis=1)]
            score = (best == oof["target"]).mean()
            assert name == "prior" or score > 0.6, (name, score)
        else:
            check_regression_predictions(rows)
            error = (oof["prediction"] - oof["target"]).abs().mean()
            spread = (oof["target"] - oof["target"].mean()).abs().mean()
            assert name == "mean" or error < 0.9 * spread, (name, error, spread)


@pytest.mark.parametrize(
    ("kind", "models"),
    [
        ("images", "logistic;rbf_svm;gradient_boosting"),
        ("table", "logistic;knn;gradient_boosting"),
        ("series", "logistic;linear_svm;euclidean_1nn"),
        ("tokens", "logistic;naive_bayes"),
        ("aligned tokens", "positional_logistic"),
        ("numbers of tables", "mean;ridge;knn"),
        ("forecasts", "naive_last;linear"),
    ],
)
def test_what_a_test_row_holds_changes_no_other_prediction(kind, models, tmp_path):
    """Scales, vocabularies, imputed values: all come from training parts alone."""
    samples = KINDS[kind]()
    folds = folds_of(samples)
    row = int(samples.positions(pd.Series(held_out_ids(folds)[:1]))[0])
    x = samples.x.copy()
    if samples.modality == "tokens":
        x[row] = 4
    else:
        x[row, ..., 0] = 3 * x[row, ..., 0] + 1
    other = dataclasses.replace(samples, x=x)
    config = BaselineConfig.of(models=models)
    one, two = (
        fit_baselines(changed, folds, config, tmp_path / str(number)).predictions
        for number, changed in enumerate((samples, other))
    )
    is_other = (one["sample_id"] != samples.table["sample_id"][row]).to_numpy()
    pd.testing.assert_frame_equal(one[is_other], two[is_other])
    if kind != "numbers of tables":
        assert not one.equals(two)


@pytest.mark.slow
def test_series_of_unequal_length_suit_minirocket_and_dynamic_time_warping(tmp_path):
    pytest.importorskip("numba", reason="the extra 'series' is not installed")
    samples = series()
    state = np.random.get_state()[1].copy()  # noqa: NPY002  (what must not be touched)
    one = fit(samples, tmp_path / "one", "minirocket;dtw_1nn")
    two = fit(samples, tmp_path / "two", "minirocket;dtw_1nn")
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert one.fits["is_fitted"].all()
    pd.testing.assert_frame_equal(one.predictions, two.predictions)
    for _, rows in one.predictions.groupby("model"):
        best = np.array(["fast", "slow"])[rows[["p_fast", "p_slow"]].to_numpy().argmax(axis=1)]
        assert (best == rows["target"]).mean() > 0.9


def test_two_fits_write_the_same_bytes(tmp_path):
    samples = images()
    fit(samples, tmp_path / "one")
    fit(samples, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_the_order_of_the_models_and_their_company_do_not_matter(tmp_path):
    samples = table()
    alone = fit(samples, tmp_path / "one", "linear_svm").predictions
    among = fit(samples, tmp_path / "two", "knn;linear_svm;prior").predictions
    among = among[among["model"] == "linear_svm"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_what_is_fitted_already_is_not_fitted_again(tmp_path, monkeypatch):
    samples = table()
    first = fit(samples, tmp_path, "prior;logistic", max_samples=5000)
    calls = []
    module = "foldwise.tasks.baseline_fit._fit"
    original = __import__("foldwise.tasks.baseline_fit", fromlist=["_fit"])._fit
    monkeypatch.setattr(module, lambda job, *rest: calls.append(job.key) or original(job, *rest))

    again = fit(samples, tmp_path, "prior;logistic", max_samples=100)  # of neither of them
    assert calls == []
    pd.testing.assert_frame_equal(first.predictions, again.predictions)

    damaged = tmp_path / "logistic" / "fold_1" / "predictions.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    (tmp_path / "prior" / "fold_0" / "fit.json").unlink()
    mended = fit(samples, tmp_path, "prior;logistic")
    assert calls == [("prior", 0, 0), ("logistic", 0, 1)]
    pd.testing.assert_frame_equal(first.predictions, mended.predictions)

    calls.clear()
    fit(samples, tmp_path, "prior;logistic", seed=1)
    assert len(calls) == 4


def test_other_samples_are_fitted_again_and_models_not_asked_for_go(tmp_path):
    samples = table()
    fit(samples, tmp_path, "prior;logistic")
    x = samples.x.copy()
    x[:, 0] *= -1
    changed = Samples(
        x,
        table_of(x, label=samples.table["label"]),
        samples.classes,
        modality="table",
        features=samples.features,
    )
    before = (tmp_path / "logistic" / "fold_0" / "fit.json").read_text()
    fit(changed, tmp_path, "logistic")
    assert (tmp_path / "logistic" / "fold_0" / "fit.json").read_text() != before
    assert not (tmp_path / "prior").exists()


def test_costly_models_are_capped_and_say_so(tmp_path):
    samples = table(size=200)
    fits = fit(samples, tmp_path, "logistic;rbf_svm", max_samples=50).fits.set_index("model")
    assert (fits.loc["logistic", "num_fitted"] == fits.loc["logistic", "num_training"]).all()
    assert fits.loc["rbf_svm", "num_fitted"].between(48, 52).all()
    assert fits.loc["rbf_svm", "note"].str.contains("rows of a training part").all()


def test_what_is_not_installed_is_left_out_and_how_to_install_it_is_told(
    tmp_path, monkeypatch, caplog
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "numba" else find(name)
    )
    with caplog.at_level(logging.WARNING):
        fits = fit(series(), tmp_path, "prior;dtw_1nn;minirocket")
    assert set(fits.predictions["model"]) == {"prior"}
    told = "is left out: numba is not installed: pip install 'foldwise[series]'."
    assert f"Baseline dtw_1nn {told}" in caplog.text
    assert f"Baseline minirocket {told}" in caplog.text


def test_gradients_of_images_tell_their_classes_apart(tmp_path):
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    samples = images()
    fits = fit(samples, tmp_path, "hog_logistic;hog_svm")
    for _, rows in fits.predictions.groupby("model"):
        best = np.array(samples.classes)[rows[["p_across", "p_upright"]].to_numpy().argmax(axis=1)]
        assert (best == rows["target"]).mean() > 0.9


def test_a_class_that_a_training_part_lacks_gets_probability_zero(tmp_path):
    samples = table()
    labels = samples.table["label"].to_numpy(dtype=object)
    folds = folds_of(samples)
    (parts, *_) = list(fold_parts(folds, samples.table))
    rare = int(samples.positions(pd.Series(parts.oof[:1]))[0])
    labels[rare] = "rare"
    other = Samples(
        samples.x,
        samples.table.assign(label=labels),
        ("high", "low", "rare"),
        modality="table",
        features=samples.features,
    )
    config = BaselineConfig()
    fits = fit_baselines(other, folds_of(other, rare_classes="keep"), config, tmp_path)
    lacking = [
        parts.fold
        for parts in fold_parts(folds_of(other, rare_classes="keep"), other.table)
        if "rare"
        not in set(labels[other.positions(pd.Series(np.append(parts.train, parts.validation)))])
    ]
    assert fits.fits["is_fitted"].all()
    rows = fits.predictions[fits.predictions["fold"].isin(lacking)]
    assert len(rows)
    assert (rows["p_rare"] == 0).all()
    np.testing.assert_allclose(fits.predictions.filter(like="p_").sum(axis=1), 1)


def test_a_training_part_of_one_class_leaves_models_out_but_not_the_run(tmp_path, caplog):
    samples = table()
    marks = np.where(samples.table["label"] == "high", 0, 1)
    rows = samples.table.assign(meta_fold=marks)
    divided = Samples(
        samples.x, rows, samples.classes, modality="table", features=samples.features
    )
    from foldwise.data.folds import SplitConfig, make_folds

    config = SplitConfig.of(scheme="predefined", column="fold", on_leak="warn")
    with caplog.at_level(logging.WARNING):
        fits = fit_baselines(divided, make_folds(rows, config), BaselineConfig(), tmp_path)
    assert set(fits.predictions["model"]) == {"prior"}
    assert "Baseline logistic is left out: a training part has one class alone." in caplog.text


def test_disabled_gives_an_empty_table_with_all_columns(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        classes = fit(table(), tmp_path, enabled=False)
        numbers = fit(windows(), tmp_path, enabled=False)
    assert "No baseline is fitted" in caplog.text
    assert len(classes.predictions) == len(numbers.predictions) == len(classes.fits) == 0
    assert {"model", "sample_id", "target", "p_high", "p_low"} <= set(classes.predictions)
    assert {"model", "step", "target", "prediction"} <= set(numbers.predictions)


def test_models_of_other_samples_are_refused_by_name(tmp_path):
    with pytest.raises(
        BaselineError, match=r"'hog_svm'.*'table' and classification\. Allowed: pr"
    ):
        fit(table(), tmp_path, "prior;hog_svm")
    with pytest.raises(BaselineError, match=r"baseline\.period is not set"):
        fit(windows(), tmp_path, "naive_seasonal")
    with pytest.raises(ValidationError) as error:
        BaselineConfig.of(models="prior;svm")
    assert "rbf_svm" in "\n".join(explain(error.value, "baseline", {"models": "prior;svm"}))


def test_a_season_makes_its_naive_forecast_one_of_the_automatic_ones():
    names = [b.name for b in choose(windows(), BaselineConfig())]
    assert names == ["naive_last", "mean", "linear", "gradient_boosting"]
    assert "naive_seasonal" in {b.name for b in choose(windows(), BaselineConfig(period=5))}
