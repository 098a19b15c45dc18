"""The table of trials, the record of studies, and the study that is rebuilt from them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_search import EPOCHS, LR, PARTS, SPACE, WIDTHS, made_search

from foldwise.tasks.search.axes import axes_of, axes_of_record, short_names
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.rebuilt_study import choice_labels, rebuilt_study
from foldwise.tasks.search.result import (
    best_trials,
    distinct_values,
    saved_share,
    studies_record,
    trials_table,
)


def rebuilt(config, results, table):
    spec = results[0].spec
    own = table[table["study"] == spec.name]
    return rebuilt_study(own, axes_of(config), spec.objectives, spec.directions)


def test_the_table_has_a_row_for_each_trial_and_survives_a_file(tmp_path):
    config, results = made_search(20, nested=True)
    table = trials_table(results, config)
    assert len(table) == 20 * (1 + PARTS)
    assert table["study"].nunique() == 1 + PARTS
    table.to_parquet(tmp_path / "trials.parquet")
    found = pd.read_parquet(tmp_path / "trials.parquet")
    for trial, row in zip(results[0].trials, found.to_dict("records"), strict=False):
        assert row["number"] == trial.number
        assert row[LR] == trial.params[LR]
        assert len(json.loads(row["scores"])) == len(trial.parts)
        assert [tuple(point) for point in json.loads(row["reported"])] == list(trial.reported)
        there = not pd.isna(row[WIDTHS])
        assert there == (WIDTHS in trial.params)
        if there:
            assert json.loads(row[WIDTHS]) == trial.params[WIDTHS]
    assert found.loc[found["state"] != "complete", "val_f1"].isna().all()


def test_pruning_saves_what_completed_trials_would_have_run():
    config, results = made_search(20)
    table = trials_table(results, config)
    complete, pruned = 14, 4
    planned = PARTS * EPOCHS
    run = complete * planned + pruned * (EPOCHS + 1)
    assert saved_share(table) == pytest.approx(1 - run / (planned * (complete + pruned)))
    assert np.isnan(saved_share(table[table["state"] == "pruned"]))


def test_distinct_values_are_counted_by_axis():
    config, results = made_search(20)
    counts = distinct_values(trials_table(results, config), axes_of(config))
    assert counts[LR] == 20
    assert counts["train_cnn.fit.batch_size"] == 2
    assert counts[WIDTHS] == len({str(t.params.get(WIDTHS)) for t in results[0].trials} - {"None"})


def test_trials_that_were_given_less_are_not_among_the_best():
    config, (result,) = made_search(12)
    trials = tuple(replace(t, is_early=t.number == result.winner_number) for t in result.trials)
    table = trials_table([replace(result, trials=trials)], config)
    best = best_trials(table, ["val_f1"], ["maximize"])
    assert result.winner_number not in set(best["number"])
    values = [t.values[0] for t in trials if t.state == "complete" and not t.is_early]
    assert best["val_f1"].tolist() == sorted(values, reverse=True)


def test_the_record_is_json_that_tells_the_axes():
    config, results = made_search(12, nested=True)
    record = json.loads(
        json.dumps(studies_record("cnn", results, config, "journal"), allow_nan=False)
    )
    assert axes_of_record(record) == axes_of(config)
    main, *nested = record["studies"]
    assert main["winner"] == json.loads(json.dumps(dict(results[0].winner.values)))
    assert sum(main["counts"].values()) == 12
    assert [study["folds"] for study in nested] == [[[0, k]] for k in range(PARTS)]


def test_a_rebuilt_study_is_that_of_the_trials():
    config, results = made_search(20)
    study = rebuilt(config, results, trials_table(results, config))
    assert len(study.trials) == 20
    assert study.best_trial.number == results[0].winner_number
    assert study.best_value == results[0].inner[0]
    for trial, found in zip(results[0].trials, study.trials, strict=True):
        assert found.state.name == {"failed": "FAIL"}.get(trial.state, trial.state.upper())
        assert found.params["lr"] == trial.params[LR]
        assert found.intermediate_values == dict(trial.reported)


def test_numbers_that_lack_stay_free():
    config, (result,) = made_search(12)
    result = replace(result, trials=tuple(t for t in result.trials if t.number not in (0, 4, 5)))
    study = rebuilt(config, [result], trials_table([result], config))
    numbers = [trial.number for trial in study.trials if trial.params]
    assert numbers == [trial.number for trial in result.trials]


def test_a_range_holds_what_a_user_has_enqueued_outside_of_it():
    config, (result,) = made_search(12)
    first = result.trials[0]
    far = replace(first, params={**first.params, LR: 5.0})
    result = replace(result, trials=(far, *result.trials[1:]))
    study = rebuilt(config, [result], trials_table([result], config))
    assert study.trials[0].params["lr"] == 5.0


def test_two_ranges_of_one_path_are_one_axis():
    wide = {**SPACE[0], "low": 1e-3, "high": 10.0, "when": {SPACE[2]["path"]: "lenet5"}}
    narrow = {**SPACE[0], "when": {SPACE[2]["path"]: "small_cnn"}}
    config = SearchConfig.of(space=[SPACE[2], narrow, wide])
    axis = next(axis for axis in axes_of(config) if axis.path == LR)
    assert (axis.low, axis.high, axis.log) == (1e-4, 10.0, True)
    assert len(axes_of(config)) == 2


def test_names_are_as_short_as_they_can_be_told_apart():
    names = short_names(["a.fit.generator.lr", "a.fit.discriminator.lr", "a.model.name", "b.seed"])
    assert list(names.values()) == ["generator.lr", "discriminator.lr", "model.name", "seed"]


def test_long_choices_stay_different_when_they_are_shortened():
    long = [json.dumps({"name": "one_cycle", "warm_up": 0.3, "end": end}) for end in (1, 2, 3)]
    labels = list(choice_labels(long).values())
    assert len(set(labels)) == 3
    assert all(len(label) <= 27 for label in labels)
    assert choice_labels(["$x$"])["$x$"] == r"\$x\$"
