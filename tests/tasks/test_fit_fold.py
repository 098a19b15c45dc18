import dataclasses

import numpy as np
import pytest
from sklearn.metrics import log_loss
from torch import nn

from foldwise.data.balance import BalanceConfig
from foldwise.errors import UserError
from foldwise.tasks.finish_fold import finish_fold
from foldwise.tasks.fit_fold import fit_fold, initial_rows
from foldwise.tasks.inference import class_probabilities
from foldwise.tasks.train import fold_jobs


@pytest.mark.parametrize(
    ("shape", "expected"), [((3, 32, 32), 5000), ((1, 8, 8), 5000), ((3, 224, 224), 102)]
)
def test_first_weights_come_from_images_that_fit_into_memory(shape, expected):
    assert len(initial_rows(np.arange(6000), shape, seed=0)) == expected
    assert initial_rows(np.arange(40), shape, seed=0).tolist() == list(range(40))


def test_first_weights_come_from_all_classes_also_where_rows_are_sorted_by_class():
    rows = np.arange(10_000)  # ten classes, one after another

    taken = initial_rows(rows, (3, 32, 32), seed=0)

    assert (np.diff(taken) > 0).all()
    assert np.bincount(taken // 1000, minlength=10).min() > 400  # 500 expected, deviation 15
    assert taken.tolist() == initial_rows(rows, (3, 32, 32), seed=0).tolist()
    assert taken.tolist() != initial_rows(rows, (3, 32, 32), seed=1).tolist()


@pytest.mark.parametrize("method", ["none", "ldam_drw"])
def test_what_is_validated_is_what_is_kept(method, tmp_path, samples, folds, plan, recipe):
    fit = recipe.fit.model_copy(update={"precision": "float32"})
    recipe = dataclasses.replace(recipe, fit=fit, balance=BalanceConfig.of(method=method))
    job = fold_jobs(samples, folds, plan, recipe)[0]

    fitted = fit_fold(job, samples, recipe, tmp_path, lambda history: None, lambda record: None)
    finish_fold(fitted, job, samples, recipe)

    probabilities = class_probabilities(
        fitted.network, samples, job.validation.rows, fitted.preprocessing, recipe.test_time
    )
    told = fitted.state.history[fitted.state.best_epoch].val_loss
    expected = log_loss(job.validation.targets, probabilities, labels=[0, 1])
    assert told == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["ldam_drw", "smote"])
def test_a_remedy_of_the_last_layer_is_refused_before_the_fit_where_there_is_none(
    method, monkeypatch, tmp_path, samples, folds, plan, recipe
):
    headless = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    monkeypatch.setattr("foldwise.tasks.fit_fold.build_network", lambda *_: headless)
    recipe = dataclasses.replace(recipe, balance=BalanceConfig.of(method=method))
    job = fold_jobs(samples, folds, plan, recipe)[0]
    epochs = []
    with pytest.raises(UserError, match=f"'{method}'.* last dense layer .*'small_cnn' has none"):
        fit_fold(job, samples, recipe, tmp_path, lambda history: None, epochs.append)
    assert not epochs
