"""Fit simple models on the folds of the networks, and let them predict the same rows.

A baseline is fitted on the whole training part of a fold, the inner validation part included,
which a network needs for early stopping and these models do not: that is in their favour.
N: samples, n: rows to be predicted, K: classes, H: numbers to be predicted.
"""

import logging
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import one_at_a_time
from foldwise.code_closure import code_hash
from foldwise.config import json_hash
from foldwise.data.folds import FoldParts, Folds, fold_parts, held_out_ids
from foldwise.data.samples import Samples
from foldwise.data.sources.limit import stratified_sample
from foldwise.seeds import derive_seed
from foldwise.tasks.baseline_config import BaselineConfig
from foldwise.tasks.baseline_estimators import Setting, make_classifier, make_regressor
from foldwise.tasks.baseline_features import Features
from foldwise.tasks.baseline_folder import BaselineFolder, FitCard, FitKey
from foldwise.tasks.baseline_forecast import naive_forecasts
from foldwise.tasks.baseline_models import Baseline, BaselineError, choose

logger = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]
Double = npt.NDArray[np.float64]

_VERSIONS = ("numpy", "scipy", "scikit-learn", "scikit-image", "sktime", "numba")
_CARD_COLUMNS = ("model", "repeat", "fold", "is_fitted", "num_training", "num_fitted", "note")
_TABLE_COLUMNS = ("sample_id", "repeat", "fold", "part")


class BaselineFits(NamedTuple):
    """What the baselines predict, and how they came about."""

    predictions: pd.DataFrame  # the predictions table with the column `model` in front
    fits: pd.DataFrame  # one row per model and fold: _CARD_COLUMNS


@dataclass(frozen=True)
class _Job:
    """One model in one fold."""

    baseline: Baseline
    parts: FoldParts
    training: Rows  # all rows of the training part, sorted
    asked: pd.DataFrame  # the rows to be predicted: _TABLE_COLUMNS and `row`
    fingerprint: str

    @property
    def key(self) -> FitKey:
        return self.baseline.name, self.parts.repeat, self.parts.fold


def fit_baselines(
    samples: Samples, folds: Folds, config: BaselineConfig, root: Path
) -> BaselineFits:
    """Fit every baseline in every fold; what has been fitted on the same inputs is taken as it is.

    One that cannot be fitted in some fold is left out of the predictions, and its row says why.
    Everything runs in one thread, so that the number of processors changes no digit.

    Args:
        samples: The samples.
        folds: Which of them are held out where.
        config: The models.
        root: A folder that keeps the fits.

    Raises:
        BaselineError: A model that is named does not suit the samples.
    """
    from threadpoolctl import threadpool_limits

    root.mkdir(parents=True, exist_ok=True)
    if not config.enabled:
        logger.info("No baseline is fitted: baseline.enabled is false.")
        return BaselineFits(_no_predictions(samples), pd.DataFrame(columns=list(_CARD_COLUMNS)))
    folder, features = BaselineFolder(root), Features(samples)
    jobs = _jobs(samples, folds, config)
    found = []
    with one_at_a_time(root), threadpool_limits(1):
        folder.prune(job.key for job in jobs)
        for name in dict.fromkeys(job.baseline.name for job in jobs):
            of_model = [job for job in jobs if job.baseline.name == name]
            found += _fit_model(of_model, samples, features, config, folder)
    return _collected(found, samples)


def _fit_model(
    jobs: list[_Job],
    samples: Samples,
    features: Features,
    config: BaselineConfig,
    folder: BaselineFolder,
) -> list[tuple[FitCard, pd.DataFrame]]:
    """Fit one model in all folds and tell of it."""
    started, fits, num_known = time.monotonic(), [], 0
    for job in jobs:
        done = folder.read(job.key, job.fingerprint)
        num_known += done is not None
        if done is None:
            done = _fit(job, samples, features, config)
            folder.write(*done)
        fits.append(done)
    cards = [card for card, _ in fits]
    name, seconds = jobs[0].baseline.name, time.monotonic() - started
    failed = [card for card in cards if not card.is_fitted]
    if failed:
        logger.warning("Baseline %s is left out: %s.", name, failed[0].note)
    else:
        logger.info(
            "Baseline %s: %d folds, %d of them fitted before, %.1f s.%s",
            name,
            len(jobs),
            num_known,
            seconds,
            "".join(f" {note[:1].upper()}{note[1:]}." for note in _notes(cards)),
        )
    return fits


def _notes(cards: Iterable[FitCard]) -> list[str]:
    return list(dict.fromkeys(card.note for card in cards if card.note))


def _jobs(samples: Samples, folds: Folds, config: BaselineConfig) -> list[_Job]:
    """Return the jobs of all models and folds."""
    common = [samples.content_hash, folds.content_hash, code_hash(__name__), _versions()]
    all_parts = list(fold_parts(folds, samples.table))
    held_out = held_out_ids(folds)
    training = [_positions(samples, np.concatenate([p.train, p.validation])) for p in all_parts]
    asked = [_asked(samples, parts, held_out) for parts in all_parts]
    return [
        _Job(
            baseline,
            parts,
            np.sort(rows),
            wanted,
            json_hash([*common, parts.repeat, parts.fold, *_relevant(baseline, config)]),
        )
        for baseline in choose(samples, config)
        for parts, rows, wanted in zip(all_parts, training, asked, strict=True)
    ]


def _relevant(baseline: Baseline, config: BaselineConfig) -> list[Any]:
    """Return the parameters that a model depends on."""
    if baseline.is_naive:
        return [baseline.name, config.period, config.target_channel]
    channel = config.target_channel if baseline.representation == "changes" else None
    return [baseline.name, config.seed, baseline.limit(config), channel]


def _asked(samples: Samples, parts: FoldParts, held_out: npt.NDArray[np.object_]) -> pd.DataFrame:
    ids = np.concatenate([parts.oof, held_out])
    part = np.repeat(["oof", "test"], [len(parts.oof), len(held_out)])
    return pd.DataFrame(
        {
            "sample_id": ids,
            "repeat": parts.repeat,
            "fold": parts.fold,
            "part": part.astype(object),
            "row": _positions(samples, ids),
        }
    )


def _positions(samples: Samples, ids: npt.NDArray[np.object_]) -> Rows:
    return samples.positions(ids)


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


# -- one fold -------------------------------------------------------------------------------------


def _fit(
    job: _Job, samples: Samples, features: Features, config: BaselineConfig
) -> tuple[FitCard, pd.DataFrame]:
    """Return how a model was fitted and what it predicts; nothing, where it cannot be fitted."""
    fitted = _limited(job.training, samples, job.baseline.limit(config))
    notes, is_fitted = [], True
    if len(fitted) < len(job.training):
        notes.append(
            f"fitted on about {len(fitted)} of {len(job.training)} rows of a training part "
            "(baseline.max_samples)"
        )
    table = pd.DataFrame()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            table, note = _predictions(job, fitted, samples, features, config)
        notes += [note] if note else []
        if any(w.category.__name__ == "ConvergenceWarning" for w in caught):
            notes.append("stopped before it had converged")
    except BaselineError:
        raise
    except Exception as error:  # whatever a library says: a baseline never ends a run
        is_fitted, notes = False, [" ".join(str(error).split())[:300].rstrip(".")]
    card = FitCard(
        model=job.baseline.name,
        repeat=job.parts.repeat,
        fold=job.parts.fold,
        num_training=len(job.training),
        num_fitted=len(fitted) if is_fitted else 0,
        is_fitted=is_fitted,
        note="; ".join(notes),
        fingerprint=job.fingerprint,
    )
    return card, table


def _limited(rows: Rows, samples: Samples, limit: int | None) -> Rows:
    """Return at most about `limit` of the rows, every class with its share."""
    if limit is None or limit >= len(rows):
        return rows
    table = samples.table.iloc[rows]
    strata = table["label"].tolist() if samples.classes else [""] * len(rows)
    return rows[stratified_sample(table["sample_id"].tolist(), strata, limit)]


def _predictions(
    job: _Job, fitted: Rows, samples: Samples, features: Features, config: BaselineConfig
) -> tuple[pd.DataFrame, str]:
    """Return the rows of the predictions table, and a note."""
    lacking = job.baseline.lacking()
    if lacking is not None:
        raise ImportError(lacking)
    setting = Setting(
        features=samples.features,
        has_letters=all(len(token) <= 1 for token in samples.tokens),
        num_rows=len(fitted),
        seed=derive_seed(config.seed, job.parts.repeat, job.parts.fold, job.baseline.name) % 2**32,
    )
    rows = job.asked["row"].to_numpy(np.int64)
    if samples.classes:
        probabilities = _probabilities(job.baseline, fitted, rows, samples, features, setting)
        return _class_rows(job.asked, probabilities, samples), ""
    if job.baseline.is_naive:
        values, note = _naive(job.baseline, fitted, rows, samples, config)
    else:
        channel = config.target_channel
        values, note = _numbers(job.baseline, fitted, rows, samples, features, setting, channel)
    return _number_rows(job.asked, values, samples), note


def _probabilities(
    baseline: Baseline,
    fitted: Rows,
    rows: Rows,
    samples: Samples,
    features: Features,
    setting: Setting,
) -> Double:
    """Return (n, K); classes that the training part lacks get 0."""
    y = samples.y[fitted]
    if len(np.unique(y)) < 2 and baseline.name != "prior":
        raise ValueError("a training part has one class alone")
    model = make_classifier(baseline.name, baseline.representation, setting)
    model.fit(features.of(baseline.representation, fitted), y)
    found = np.zeros((len(rows), len(samples.classes)))
    if len(rows):
        found[:, model.classes_] = model.predict_proba(features.of(baseline.representation, rows))
    if not np.isfinite(found).all():
        raise ValueError("it predicts what is not a number")
    return found


def _numbers(
    baseline: Baseline,
    fitted: Rows,
    rows: Rows,
    samples: Samples,
    features: Features,
    setting: Setting,
    channel: str | None,
) -> tuple[Double, str]:
    """Return (n, H) and what is to be known of them.

    Of windows, how far they go on from the last value is predicted, not the level: levels lie
    beyond those of the training part, as prices do, which no tree can follow (the idea of NLinear:
    Zeng, A. et al. (2023). Are transformers effective for time series forecasting? AAAI).
    """
    y, note = _targets(samples), ""
    start = np.zeros_like(y)
    if baseline.representation == "changes":
        last = naive_forecasts(samples, np.arange(len(samples)), 1, channel)
        is_known = not np.isnan(last.values).any()
        start = last.values if is_known else start
        note = f"goes on from {last.source}" if is_known else "does not know the last value"
    model = make_regressor(baseline.name, baseline.representation, setting)
    model.fit(features.of(baseline.representation, fitted), y[fitted] - start[fitted])
    found = np.asarray(model.predict(features.of(baseline.representation, rows)), np.float64)
    found = found.reshape(len(rows), y.shape[1])
    if not np.isfinite(found).all():
        raise ValueError("it predicts what is not a number")
    return found + start[rows], note


def _naive(
    baseline: Baseline, fitted: Rows, rows: Rows, samples: Samples, config: BaselineConfig
) -> tuple[Double, str]:
    """Return (n, H) and where the values come from; what is not known gets the median."""
    period = 1 if baseline.name == "naive_last" else config.period or 1
    found = naive_forecasts(samples, rows, period, config.target_channel)
    is_unknown = np.isnan(found.values)
    if is_unknown.all():
        raise ValueError(f"no window knows the value of {period} steps ago, from {found.source}")
    note = f"takes {found.source}"
    if is_unknown.any():
        note += (
            f"; {int(is_unknown.any(axis=1).sum())} of {len(rows)} windows do not know it and "
            "take the median of the training part"
        )
    median = np.median(_targets(samples)[fitted], axis=0)
    return np.where(is_unknown, median, found.values), note


def _targets(samples: Samples) -> Double:
    return samples.table[list(samples.target_names)].to_numpy(np.float64)


# -- tables ---------------------------------------------------------------------------------------


def _class_rows(asked: pd.DataFrame, probabilities: Double, samples: Samples) -> pd.DataFrame:
    table = asked[list(_TABLE_COLUMNS)].copy()
    table["target"] = samples.table["label"].to_numpy(dtype=object)[asked["row"]]
    columns = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in samples.classes])
    return pd.concat([table, columns], axis=1)


def _number_rows(asked: pd.DataFrame, values: Double, samples: Samples) -> pd.DataFrame:
    """Return one row per sample and step, (n, H) -> n * H rows."""
    horizon = values.shape[1]
    table = asked[list(_TABLE_COLUMNS)].loc[asked.index.repeat(horizon)].reset_index(drop=True)
    table["step"] = np.tile(np.arange(1, horizon + 1), len(asked))
    table["target"] = _targets(samples)[asked["row"]].ravel()
    table["prediction"] = values.ravel()
    return table


def _no_predictions(samples: Samples) -> pd.DataFrame:
    """Return an empty table with all columns."""
    columns = dict.fromkeys(("model", "sample_id", "part"), "str")
    columns |= dict.fromkeys(("repeat", "fold"), "int64")
    if samples.classes:
        columns |= {"target": "str"} | {f"p_{name}": "float64" for name in samples.classes}
    else:
        columns |= {"step": "int64", "target": "float64", "prediction": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def _collected(found: list[tuple[FitCard, pd.DataFrame]], samples: Samples) -> BaselineFits:
    """Join what was fitted; a model that lacks a fold is left out."""
    records = [card.model_dump(include=set(_CARD_COLUMNS)) for card, _ in found]
    left_out = {card.model for card, _ in found if not card.is_fitted}
    tables = [
        table.assign(model=card.model) for card, table in found if card.model not in left_out
    ]
    fits = pd.DataFrame(records, columns=list(_CARD_COLUMNS))
    if not tables:
        return BaselineFits(_no_predictions(samples), fits)
    joined = pd.concat(tables, ignore_index=True)
    return BaselineFits(joined[["model", *joined.columns.drop("model")]], fits)
