"""What the trials of a search are fitted and scored on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from baseline_samples import series, table
from safetensors.torch import load_file

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.fold_parts import fold_parts
from foldwise.data.folds import Folds, SplitConfig, make_folds
from foldwise.data.split_rows import column_digests, read_rows
from foldwise.tasks.fold_models import WEIGHTS, FoldModels
from foldwise.tasks.search import network_trial
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.inner_parts import inner_parts
from foldwise.tasks.search.recipes import recipe_of
from foldwise.tasks.search.score_trial import open_scorer, studies_of
from foldwise.tasks.search.trial import Candidate, Fidelity, Problem, SearchError
from foldwise.tasks.train import cross_validate
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig

WHOLE = Fidelity()
CNN = TrainCnnConfig.of(
    model={"name": "small_cnn", "widths": [4]},
    fit={"max_epochs": 3, "batch_size": 16, "accelerator": "cpu", "monitor": "val_f1"},
)
MLP = TrainMlpConfig.of(
    model={"name": "mlp", "widths": [8]},
    fit={"max_epochs": 2, "batch_size": 16, "accelerator": "cpu"},
)


def base(family, training, **others):
    return {
        f"train_{family}": training,
        "augment": AugmentConfig(),
        "balance": BalanceConfig(),
        **others,
    }


@pytest.fixture
def problem(samples, folds):
    return Problem("cnn", samples, folds, base("cnn", CNN), "digits")


@pytest.fixture
def numbers():
    found = table(task="regression")
    folds = make_folds(found.table, SplitConfig(num_folds=3, test_fraction=0))
    return Problem("mlp", found, folds, base("mlp", MLP), "numbers")


def score(problem, config=None, fidelity=WHOLE, on_epoch=lambda *_: None, **changed):
    config = config or SearchConfig()
    scorer = open_scorer(problem, studies_of(problem, config)[0])
    return scorer(candidate_of(problem, **changed), fidelity, on_epoch)


def candidate_of(problem, **changed):
    return Candidate(changed, {**problem.base, **changed})


# -- studies --------------------------------------------------------------------------------------


def test_a_nested_search_is_a_main_study_and_one_of_each_outer_fold(problem):
    config = SearchConfig(nested=True, inner_folds=2, objectives=("latency_ms",))
    main, *nested = studies_of(problem, config)
    assert (main.name, main.nested, main.num_parts) == ("digits_cnn", False, 4)
    assert main.folds == tuple(problem.folds.jobs)
    assert main.objectives == ("val_f1", "latency_ms")
    assert main.directions == ("maximize", "minimize")
    assert main.max_epochs == 3
    assert [study.folds for study in nested] == [((0, 0),), ((0, 1),)]
    assert [study.name for study in nested] == [
        "digits_cnn_repeat_0_fold_0",
        "digits_cnn_repeat_0_fold_1",
    ]
    assert all(study.nested and study.num_parts == 2 for study in nested)


def test_the_metric_follows_the_targets(problem, numbers):
    assert studies_of(numbers, SearchConfig())[0].objectives == ("val_mae",)
    assert studies_of(numbers, SearchConfig())[0].directions == ("minimize",)
    with pytest.raises(SearchError, match=r"search_mlp.metric is 'accuracy'.*auto, mae, loss"):
        studies_of(numbers, SearchConfig(metric="accuracy"))
    with pytest.raises(SearchError, match=r"search_cnn.metric is 'frechet'"):
        studies_of(problem, SearchConfig(metric="frechet"))


def test_the_fingerprint_is_of_what_a_score_is_made_of(problem, samples):
    def fingerprint(changed=problem, **config):
        return studies_of(changed, SearchConfig(**config))[0].fingerprint

    same = [{"n_trials": 3}, {"sampler": "tpe"}, {"seed": 4}, {"nested": True}, {"workers": 2}]
    assert {fingerprint(**config) for config in same} == {fingerprint()}
    others = [{"metric": "loss"}, {"folds": 1}, {"inner_folds": 2}]
    others.append({"early": {"trials": 3, "max_epochs": 1}})
    found = {studies_of(problem, SearchConfig.of(**c))[0].fingerprint for c in others}
    longer = CNN.model_copy(update={"seed": 1})
    found.add(fingerprint(replace(problem, base=base("cnn", longer))))
    refolded = make_folds(samples.table, SplitConfig(num_folds=2, seed=9))
    found.add(fingerprint(replace(problem, folds=refolded)))
    assert len(found | {fingerprint()}) == 7


def test_more_folds_than_there_are_are_refused(problem):
    with pytest.raises(SearchError, match=r"search_cnn.folds is 5, but there are 2 outer folds"):
        studies_of(problem, SearchConfig(folds=5))


def test_inner_folds_in_time_are_refused():
    found = series(60)
    found.table["length"] = 12
    found.table["time"] = np.arange(60)
    config = SplitConfig(num_folds=2, scheme="time_expanding", test_fraction=0.1)
    folds = make_folds(found.table, config)
    problem = Problem("rnn", found, folds, base("rnn", TrainRnnConfig()), "waves")
    assert studies_of(problem, SearchConfig())[0].num_parts == 2
    with pytest.raises(SearchError, match=r"search_rnn.inner_folds is 3, but the folds are in"):
        studies_of(problem, SearchConfig(inner_folds=3))


# -- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_inner", [1, 3])
def test_no_part_of_a_trial_holds_a_sample_of_its_outer_fold(problem, num_inner):
    spec = studies_of(problem, SearchConfig(inner_folds=num_inner))[0]
    outer = {p.fold: set(p.oof) for p in fold_parts(problem.folds, problem.samples.table)}
    parts = inner_parts(problem, spec)
    assert len(parts) == spec.num_parts == 2 * num_inner
    for part in parts:
        seen = {*part.parts.train, *part.parts.validation, *part.parts.oof}
        assert not seen & outer[part.parts.fold]
        assert not set(part.parts.train) & set(part.parts.validation)


@pytest.mark.parametrize("num_inner", [1, 2])
def test_what_stands_in_the_outer_fold_does_not_change_a_score_by_a_bit(
    problem, samples, folds, num_inner
):
    config = SearchConfig(folds=1, inner_folds=num_inner)
    outer = samples.table["sample_id"].isin(next(fold_parts(folds, samples.table)).oof).to_numpy()
    random = np.random.default_rng(3)
    x, labels = samples.x.copy(), samples.table["label"].to_numpy(copy=True)
    x[outer] = random.integers(0, 255, x[outer].shape)
    labels[outer] = random.choice(["bright", "dark"], outer.sum())
    poisoned = replace(samples, x=x, table=samples.table.assign(label=labels))
    digests = column_digests(read_rows(poisoned.table, SplitConfig()).table)
    other = Folds(folds.table, {**folds.info, "columns": digests})
    clean = score(problem, config)
    assert (poisoned.y != samples.y).any()
    found = score(replace(problem, samples=poisoned, folds=other), config)
    assert without_seconds(found) == without_seconds(clean)


def test_numbers_that_lack_in_the_outer_fold_do_not_change_a_score(numbers):
    parts = next(fold_parts(numbers.folds, numbers.samples.table))
    outer = numbers.samples.table["sample_id"].isin(parts.oof).to_numpy()
    x = numbers.samples.x.copy()
    x[outer] = np.nan
    found = score(replace(numbers, samples=replace(numbers.samples, x=x)), SearchConfig(folds=1))
    assert without_seconds(found) == without_seconds(score(numbers, SearchConfig(folds=1)))
    assert found.values[0] > 0


def without_seconds(found):
    return found.values, [replace(part, seconds=0.0) for part in found.parts]


# -- scores ---------------------------------------------------------------------------------------


def test_a_trial_fits_the_networks_of_a_training_with_its_parameters(
    problem, samples, folds, tmp_path, monkeypatch
):
    kept = []
    fit = network_trial.fit_fold

    def keeping(*args):
        kept.append(fit(*args))
        return kept[-1]

    monkeypatch.setattr(network_trial, "fit_fold", keeping)
    changed = {
        "train_cnn": CNN.model_copy(update={"seed": 5}),
        "balance": BalanceConfig.of(method="weighted_sampler"),
    }
    found = score(problem, **changed)
    parameters = {**problem.base, **changed}
    plan = plan_balance(samples.table, folds, parameters["balance"])
    models = cross_validate(
        samples, folds, plan, recipe_of(problem, parameters), FoldModels(tmp_path)
    )
    for card, fitted, part in zip(models.cards(), kept, found.parts, strict=True):
        weights = load_file(models.folder(card.repeat, card.fold) / WEIGHTS)
        for name, tensor in fitted.network.state_dict().items():
            assert (tensor == weights[name]).all()
        assert part.best_epoch == card.best_epoch
        assert part.score == card.history[card.best_epoch]["val_f1"]
        assert [record["val_f1"] for record in card.history] == [
            record["val_f1"] for record in part.history
        ]
    assert found.values == (np.mean([part.score for part in found.parts]),)


def test_inner_folds_have_first_weights_of_their_own(problem):
    config = SearchConfig(folds=1, inner_folds=3)
    parts = inner_parts(problem, studies_of(problem, config)[0])
    assert parts[0].seed(7) == 7
    assert len({part.seed(7) for part in parts}) == 3


def test_every_epoch_is_told_with_all_scores_of_its_part(problem):
    told = []
    found = score(problem, on_epoch=lambda part, scores: told.append((part, scores)))
    expected = [(part, epochs) for part in (0, 1) for epochs in (1, 2, 3)]
    assert [(part, len(scores)) for part, scores in told] == expected
    for part, of_part in enumerate(found.parts):
        scores = [scores for number, scores in told if number == part][-1]
        assert of_part.score == max(scores) == scores[of_part.best_epoch]
        assert of_part.num_epochs == 3


def test_a_trial_that_is_pruned_ends_at_once_and_leaves_what_is_finished(problem):
    config = SearchConfig()
    scorer = open_scorer(problem, studies_of(problem, config)[0])
    calls = []

    def prune(part, scores):
        calls.append((part, len(scores)))
        if (part, len(scores)) == (1, 2):
            raise optuna.TrialPruned

    with pytest.raises(optuna.TrialPruned):
        scorer(candidate_of(problem), WHOLE, prune)
    assert calls == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]
    assert [(part.fold, part.num_epochs) for part in scorer.finished] == [(0, 3)]
    again = scorer(candidate_of(problem), WHOLE, lambda *_: None)  # nothing is left behind
    assert without_seconds(again) == without_seconds(score(problem))


def test_a_trial_may_be_given_fewer_epochs_and_samples(problem, monkeypatch):
    seen = []
    fit = network_trial.fit_fold

    def looking(job, *args):
        seen.append(job.training.rows)
        return fit(job, *args)

    monkeypatch.setattr(network_trial, "fit_fold", looking)
    found = score(problem, fidelity=Fidelity(max_epochs=1, limit=20))
    assert [part.num_epochs for part in found.parts] == [1, 1]
    spec = studies_of(problem, SearchConfig())[0]
    for rows, part in zip(seen, inner_parts(problem, spec), strict=True):
        ids = problem.samples.table["sample_id"].to_numpy()[rows]
        labels = problem.samples.table["label"].to_numpy()[rows]
        assert set(ids) < set(part.parts.train)
        assert len(ids) == pytest.approx(20, abs=1)
        assert (labels == "dark").mean() == pytest.approx(1 / 3, abs=0.05)
        more = part.limited(problem.samples, problem.folds, 25)
        assert set(ids) < set(more.train)
    assert score(problem, fidelity=Fidelity(max_epochs=9, limit=10**6)).parts[0].num_epochs == 3


def test_errors_of_numbers_are_those_of_standardised_targets(numbers):
    found = score(numbers)
    rows = numbers.samples.table
    big = replace(numbers.samples, table=rows.assign(target=rows["target"] * 1000))
    digests = column_digests(read_rows(big.table, SplitConfig()).table)
    folds = Folds(numbers.folds.table, {**numbers.folds.info, "columns": digests})
    scaled = score(replace(numbers, samples=big, folds=folds))
    assert scaled.values == pytest.approx(found.values, rel=1e-4)


def test_costs_follow_the_score(problem):
    config = SearchConfig(objectives=("num_parameters", "latency_ms"), folds=1)
    small, large = (
        score(
            problem,
            config,
            train_cnn=CNN.model_copy(
                update={"model": CNN.model.model_copy(update={"widths": widths})}
            ),
        ).values
        for widths in ((4,), (64, 64))
    )
    # One convolution of 3 x 3 without a bias, its batch norm, and the dense layer to two classes.
    assert small[1] == 9 * 4 + 2 * 4 + 2 * 4 + 2
    assert large[1] > 10 * small[1]
    assert 0 < small[2] < large[2] < 1000


def test_a_network_that_is_changed_after_the_fit_is_scored_as_it_is_then(problem):
    plain = score(problem).parts[0]
    smote = score(problem, balance=BalanceConfig.of(method="smote")).parts[0]
    assert [r["val_f1"] for r in smote.history] == [r["val_f1"] for r in plain.history]
    assert smote.score != smote.history[smote.best_epoch]["val_f1"]


def test_a_threshold_that_is_chosen_on_the_scored_part_does_not_flatter(problem):
    plain = score(problem)
    chosen = score(problem, balance=BalanceConfig.of(method="none", threshold="macro_f1"))
    assert chosen.values == plain.values


def test_wrong_base_parameters_are_refused_before_the_first_trial(problem):
    config = SearchConfig()
    wrong = replace(problem, base=base("cnn", CNN, balance=BalanceConfig.of(method="gan")))
    with pytest.raises(Exception, match=r"balance.method is 'gan'"):
        open_scorer(wrong, studies_of(wrong, config)[0])


def test_plans_are_made_once_for_a_remedy(problem, monkeypatch):
    config = SearchConfig()
    scorer = open_scorer(problem, studies_of(problem, config)[0])
    made = []
    plan = network_trial.plan_balance
    monkeypatch.setattr(
        network_trial, "plan_balance", lambda *args: made.append(SimpleNamespace()) or plan(*args)
    )
    for _ in range(2):
        scorer(candidate_of(problem), WHOLE, lambda *_: None)
    scorer(
        candidate_of(problem, balance=BalanceConfig.of(method="oversample")),
        WHOLE,
        lambda *_: None,
    )
    assert len(made) == 2 * 2
