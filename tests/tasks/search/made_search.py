"""Searches that never ran, of known scores, for tables, figures and pages."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.result import studies_record, trials_table
from foldwise.tasks.search.scores import search_scores
from foldwise.tasks.search.trial import (
    Candidate,
    PartScore,
    StudyResult,
    StudySpec,
    TrialRecord,
)

LR = "train_cnn.fit.optimizer.lr"
MODEL = "train_cnn.model.name"
WIDTHS = "train_cnn.model.widths"
SPACE = (
    {"path": LR, "kind": "float", "low": 1e-4, "high": 1.0, "log": True},
    {"path": "train_cnn.model.dropout", "kind": "float", "low": 0.0, "high": 0.6},
    {"path": MODEL, "kind": "categorical", "choices": ["small_cnn", "lenet5"]},
    {
        "path": WIDTHS,
        "kind": "categorical",
        "choices": ["auto", [16, 32], [64, 128, 256]],
        "when": {MODEL: "small_cnn"},
    },
    {
        "path": "train_cnn.model.depth",
        "kind": "int",
        "low": 1,
        "high": 4,
        "when": {MODEL: "small_cnn"},
    },
    {"path": "train_cnn.fit.batch_size", "kind": "categorical", "choices": [32, 128]},
    {
        "path": "train_cnn.fit.schedule",
        "kind": "categorical",
        "choices": [{"name": "cosine"}, {"name": "one_cycle", "warm_up": 0.3}],
    },
)
PARTS, EPOCHS = 3, 4


def made_search(num_trials=12, *, objectives=("val_f1",), nested=False, space=SPACE):
    """A config and its results; the score is best at a rate of 0.03, whatever the rest.

    Of every five trials the fourth is pruned in its second part, every tenth fails.
    """
    config = SearchConfig.of(space=list(space), n_trials=num_trials)
    main = _study(
        "made_cnn", config, objectives, tuple((0, k) for k in range(PARTS)), nested=False
    )
    found = [main]
    if nested:
        found += [
            _study(f"made_cnn_repeat_0_fold_{k}", config, objectives, ((0, k),), nested=True)
            for k in range(PARTS)
        ]
    return config, found


def made_scores(num_trials=12, right=None, num_folds=PARTS, **options):
    """The scores of such a search; `right`: the share of right predictions by method."""
    config, results = made_search(num_trials, **options)
    right = right or {"winner": 0.9, "defaults": 0.7}
    record = studies_record("cnn", results, config, "journal")
    folds = SimpleNamespace(units=None, table=pd.DataFrame({"fold": range(num_folds)}))
    evaluation = EvaluateConfig(num_resamples=100)
    table = trials_table(results, config)
    if "frechet" in options.get("objectives", ()):
        predictions = pd.DataFrame(
            [
                {"method": name, "repeat": 0, "fold": k, "score": value + k / 10}
                for name, value in right.items()
                for k in range(num_folds)
            ]
        )
    else:
        predictions = made_predictions(right, num_folds)
    return search_scores(record, table, predictions, folds, None, evaluation)


def made_predictions(right, num_folds=PARTS, per_fold=20):
    """Of two classes: in fold k, k more samples are wrong."""
    rows = []
    for method, share in right.items():
        for fold in range(num_folds):
            for i in range(per_fold):
                target = i % 2
                is_right = i < round(share * per_fold) - fold
                p = 0.9 if is_right else 0.1
                rows.append(
                    {
                        "method": method,
                        "sample_id": f"{fold}-{i:02}",
                        "repeat": 0,
                        "fold": fold,
                        "part": "oof",
                        "target": "ab"[target],
                        "p_a": p if target == 0 else 1 - p,
                        "p_b": p if target == 1 else 1 - p,
                    }
                )
    return pd.DataFrame(rows)


def _study(name, config, objectives, folds, *, nested):
    directions = tuple("maximize" if o == "val_f1" else "minimize" for o in objectives)
    spec = StudySpec(
        name, folds, nested, len(folds), EPOCHS, directions, objectives, "fingerprint"
    )
    rng = np.random.default_rng(0)
    trials = tuple(_trial(spec, config, number, rng) for number in range(config.n_trials))
    complete = [trial for trial in trials if trial.state == "complete"]
    sign = -1 if directions[0] == "maximize" else 1
    best = min(complete, key=lambda trial: sign * trial.values[0])
    front = tuple(trial.number for trial in complete if len(objectives) > 1) or (best.number,)
    winner = Candidate(best.params, {})
    return StudyResult(spec, trials, winner, best.number, best.values, front)


def _trial(spec, config, number, rng):
    params = {}
    for parameter in config.space:
        if parameter.when and params.get(MODEL) != parameter.when.get(MODEL):
            continue
        params[parameter.path] = _value(parameter, rng)
    score = 0.9 - 0.1 * abs(np.log10(params.get(LR, 0.03) / 0.03))
    score = float(score if spec.directions[0] == "maximize" else 1 - score)
    state = "failed" if number % 10 == 9 else "pruned" if number % 5 == 3 else "complete"
    num_parts = {"failed": 0, "pruned": 1, "complete": spec.num_parts}[state]
    parts = tuple(
        PartScore(*spec.folds[j], 0, score, EPOCHS, EPOCHS - 1, (), 0.5) for j in range(num_parts)
    )
    num_epochs = num_parts * EPOCHS + (state == "pruned")
    return TrialRecord(
        study=spec.name,
        number=number,
        state=state,
        values=(score, *(float(number % 7 + 1) for _ in spec.objectives[1:]))
        if state == "complete"
        else (),
        params=params,
        parts=parts,
        seconds=1.0,
        error="the loss is <b>nan</b> & more" if state == "failed" else None,
        num_epochs=num_epochs,
        reported=tuple((step, score * (step % EPOCHS + 1) / EPOCHS) for step in range(num_epochs)),
    )


def _value(parameter, rng):
    if parameter.kind == "categorical":
        return parameter.choices[rng.integers(len(parameter.choices))]
    if parameter.kind == "int":
        return int(rng.integers(parameter.low, parameter.high + 1))
    if parameter.log:
        return float(parameter.low * (parameter.high / parameter.low) ** rng.random())
    return float(parameter.low + (parameter.high - parameter.low) * rng.random())
