"""From the predictions of several methods to their paired differences.

Only the table is read, so any methods can be compared by writing one. K: classes, U: units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from foldwise.metrics.paired_tests import (
    PairedTest,
    corrected_resampled_t,
    holm,
)
from foldwise.seeds import numpy_generator
from foldwise.tasks.compare_config import REFERENCE, CompareBalanceConfig
from foldwise.tasks.compare_costs import MethodCost, method_costs
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation, evaluate
from foldwise.tasks.json_number import json_cell
from foldwise.tasks.paired_scores import ClassPart, pair_differences
from foldwise.tasks.predictions_table import PredictionsError, Scored

# What the test of a difference takes for repetitions; see `_judge`.
Basis = Literal["folds", "seeds and samples", "samples"]

_METHOD_SCORES = ("macro_f1", "balanced_accuracy", "accuracy", "macro_precision")
_CLASS_SCORES = ("recall", "precision", "specificity", "f1")


@dataclass(frozen=True)
class Comparison:
    """The scores of several methods and how they differ from the first one."""

    config: CompareBalanceConfig
    evaluations: dict[str, Evaluation]  # by method, the reference first
    basis: Basis
    num_seeds: int
    fold_scores: pd.DataFrame  # method, seed, repeat, fold, num_samples, ..., one per network
    differences: pd.DataFrame  # one row per method but the reference
    notes: tuple[str, ...]  # of the tests
    method_notes: tuple[str, ...]  # of the scores, each after the method that it is of
    costs: dict[str, MethodCost]  # by method

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods, the reference first."""
        return tuple(self.evaluations)

    @property
    def best(self) -> str:
        """The method with the highest out-of-fold score, the first of equal ones."""
        return max(self.methods, key=lambda method: self.value(method) or 0.0)

    def value(self, method: str, part: str = "oof") -> float | None:
        """Return a method's score by the metric that is tested."""
        value: float | None = self.evaluations[method].metrics[part][self.config.metric]["value"]
        return value

    def pairs(self) -> pd.DataFrame:
        """Return `method, seed, repeat, fold, difference` to the reference, one row per pair."""
        return _pairs(self.fold_scores, self.config.metric)


def compare(
    predictions: pd.DataFrame,
    units: pd.Series | None,
    test_to_train: float,
    evaluation: EvaluateConfig,
    config: CompareBalanceConfig,
    costs: pd.DataFrame | None = None,
) -> Comparison:
    """Score each method, and its differences to the reference over the same folds and samples.

    Args:
        predictions: The predictions table with the columns `method` and `seed`.
        units: What was not drawn independently, by sample id.
        test_to_train: n_test / n_train of a fold.
        evaluation: How each method is scored.
        config: The methods, the metric and the level of the tests.
        costs: What the networks have cost: see `remedy_costs`; None: unknown.

    Raises:
        PredictionsError: It names the method, or the column and the row.
    """
    by_method = dict(tuple(predictions.groupby("method", sort=False)))
    missing = [method for method in config.names if method not in by_method]
    if missing:
        raise PredictionsError(
            f"The predictions have no rows of {', '.join(missing)}: run the stage "
            "'train_remedies' again."
        )
    seeds = tuple(dict.fromkeys(predictions["seed"]))
    num_repeats = int(predictions["repeat"].max()) + 1
    tables = {
        method: _seeds_as_repeats(by_method[method], seeds, num_repeats) for method in config.names
    }
    evaluations = {name: evaluate(table, units, evaluation) for name, table in tables.items()}
    _require_same_rows(evaluations)
    scores = _fold_scores(evaluations, seeds, num_repeats)
    basis = _basis(scores, len(seeds))
    differences = _differences(evaluations, scores, basis, units, test_to_train, config)
    return Comparison(
        config=config,
        evaluations=evaluations,
        basis=basis,
        num_seeds=len(seeds),
        fold_scores=scores,
        differences=differences,
        notes=_notes(differences, basis, len(seeds)),
        method_notes=_method_notes(evaluations),
        costs=method_costs(costs, tuple(evaluations)),
    )


# -- tables and JSON ------------------------------------------------------------------------------


def method_scores(comparison: Comparison) -> pd.DataFrame:
    """Return one row per part and method: pooled scores, limits, mean and sd over folds, cost."""
    records = []
    for method, evaluation in comparison.evaluations.items():
        for part in evaluation.parts:
            seconds = comparison.costs[method].seconds
            record: dict[str, Any] = {"part": part, "method": method, "seconds": seconds}
            for name in dict.fromkeys((comparison.config.metric, *_METHOD_SCORES)):
                entry = evaluation.metrics[part][name]
                record[name] = entry["value"]
                spread = ("fold_mean", "fold_std") if part == "oof" else ()
                record |= {f"{name}_{kind}": entry[kind] for kind in ("low", "high", *spread)}
            records.append(record)
    return pd.DataFrame(records).sort_values("part", kind="stable", ignore_index=True)


def class_scores(comparison: Comparison) -> pd.DataFrame:
    """Return one row per part, class and method: support and pooled scores with their limits."""
    columns = ["part", "class", "support", "predicted"]
    columns += [f"{name}{end}" for name in _CLASS_SCORES for end in ("", "_low", "_high")]
    tables = []
    for order, (method, evaluation) in enumerate(comparison.evaluations.items()):
        table = evaluation.per_class[columns].copy()
        table["position"] = [evaluation.classes.index(name) for name in table["class"]]
        table.insert(2, "method", method)
        table["order"] = order
        tables.append(table)
    joined = pd.concat(tables).sort_values(["part", "position", "order"], ignore_index=True)
    return joined.drop(columns=["position", "order"])


def comparison_metrics(comparison: Comparison) -> dict[str, Any]:
    """Return the scores of each method, and its difference to the reference, as JSON."""
    config = comparison.config
    found: dict[str, Any] = {
        "info": {
            "metric": config.metric,
            "alpha": config.alpha,
            "test": comparison.basis,
            "num_seeds": comparison.num_seeds,
            "best": comparison.best,
            "notes": [*comparison.notes, *comparison.method_notes],
        }
    }
    differences = {row["method"]: row for row in comparison.differences.to_dict("records")}
    for method, evaluation in comparison.evaluations.items():
        scores = {part: evaluation.metrics[part] for part in evaluation.parts}
        if method in differences:
            row = differences[method]
            scores["difference"] = {
                # MLflow shows a `value` under its parent's name.
                "value" if name == "difference" else str(name): json_cell(value)
                for name, value in row.items()
                if name not in ("method", "metric")
            }
        found[method] = scores
    return found


# -- folds ----------------------------------------------------------------------------------------


def _seeds_as_repeats(table: pd.DataFrame, seeds: Sequence[int], num_repeats: int) -> pd.DataFrame:
    """Return the table with one repeat per seed and repeat: both see the same samples again."""
    position = table["seed"].map({seed: i for i, seed in enumerate(seeds)})
    repeat = position * num_repeats + table["repeat"]
    return table.drop(columns=["method", "seed"]).assign(repeat=repeat)


def _fold_scores(
    evaluations: dict[str, Evaluation], seeds: Sequence[int], num_repeats: int
) -> pd.DataFrame:
    tables = []
    for method, evaluation in evaluations.items():
        scores = evaluation.parts["oof"].models
        seed = [seeds[int(repeat) // num_repeats] for repeat in scores["repeat"]]
        scores = scores.assign(repeat=scores["repeat"] % num_repeats)
        scores.insert(0, "seed", seed)
        scores.insert(0, "method", method)
        tables.append(scores)
    return pd.concat(tables, ignore_index=True)


def _pairs(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    keys = ["seed", "repeat", "fold"]
    reference = scores[scores["method"] == REFERENCE].set_index(keys)[metric]
    others = scores[scores["method"] != REFERENCE].set_index(keys)
    difference = others[metric] - reference.reindex(others.index)
    pairs = others[["method"]].assign(difference=difference)
    return pairs.reset_index()[["method", *keys, "difference"]]


def _require_same_rows(evaluations: dict[str, Evaluation]) -> None:
    """Raise unless all methods predict the same samples.

    Raises:
        PredictionsError: It names the method.
    """
    reference = evaluations[REFERENCE]
    for method, evaluation in evaluations.items():
        same = evaluation.parts.keys() == reference.parts.keys() and all(
            np.array_equal(evaluation.parts[part].rows.ids, reference.parts[part].rows.ids)
            for part in reference.parts
        )
        if not same:
            raise PredictionsError(
                f"{method!r} predicts other samples than {REFERENCE!r}: only predictions of the "
                "same folds can be compared."
            )


def _basis(scores: pd.DataFrame, num_seeds: int) -> Basis:
    if len(scores[["repeat", "fold"]].drop_duplicates()) > 1:
        return "folds"
    return "seeds and samples" if num_seeds > 1 else "samples"


# -- differences ----------------------------------------------------------------------------------


def _differences(
    evaluations: dict[str, Evaluation],
    scores: pd.DataFrame,
    basis: Basis,
    units: pd.Series | None,
    test_to_train: float,
    config: CompareBalanceConfig,
) -> pd.DataFrame:
    pairs = dict(tuple(_pairs(scores, config.metric).groupby("method", sort=False)))
    resampling = evaluations[REFERENCE].config
    records = []
    for method in list(evaluations)[1:]:
        pooled = {
            part: _over_samples(
                evaluations[REFERENCE].parts[part].rows,
                evaluations[method].parts[part].rows,
                units,
                config,
                resampling,
                part,
            )
            for part in evaluations[method].parts
        }
        judged = _judge(pairs[method], pooled["oof"], basis, test_to_train, 1 - config.alpha)
        record: dict[str, Any] = {"method": method, "metric": config.metric}
        record |= {**judged._asdict(), "p_holm": np.nan, "is_significant": False}
        for part, name in (("oof", "pooled"), ("test", "test")):
            if part in pooled:
                of_part = pooled[part]._asdict()
                wanted = ("difference", "low", "high", "p_value")
                record |= {f"{name}_{kind}": of_part[kind] for kind in wanted}
        records.append(record)
    table = pd.DataFrame(records)
    table["p_holm"] = holm(table["p_value"].to_numpy(dtype=np.float64))
    table["is_significant"] = table["p_holm"] <= config.alpha  # NaN is not
    return table


def _judge(
    pairs: pd.DataFrame, pooled: PairedTest, basis: Basis, test_to_train: float, confidence: float
) -> PairedTest:
    """Test a method's difference to the reference.

    - folds: the corrected resampled t-test over the (repeat, fold) pairs. Several seeds are
      averaged within each, since they see the same rows: they steady a difference and add no pair.
      It asks whether the method is better on other samples of this kind.
    - seeds and samples (one fold, several seeds): there are two sources of chance, and both have
      to be ruled out. The t-test over seeds asks whether the difference is more than the
      randomness of training (on this training part; seeds are independent, so nothing is
      corrected); the paired bootstrap asks whether it is more than the luck of which samples were
      held out (of these networks). The larger p-value and the wider limits count
      (intersection-union test, Berger 1982, Technometrics 24).
    - samples (one fold, one seed): the paired bootstrap alone, which is blind to the seed.
    """
    if basis == "samples":
        return pooled
    if basis == "folds":
        of_folds = pairs.groupby(["repeat", "fold"])["difference"].mean()
        return corrected_resampled_t(of_folds.to_numpy(np.float64), test_to_train, confidence)
    seeds = corrected_resampled_t(pairs["difference"].to_numpy(np.float64), 0.0, confidence)
    return seeds._replace(
        # Undefined in either is undefined.
        low=float(np.minimum(seeds.low, pooled.low)),
        high=float(np.maximum(seeds.high, pooled.high)),
        p_value=float(np.maximum(seeds.p_value, pooled.p_value)),
    )


def _over_samples(
    reference: Scored,
    method: Scored,
    units: pd.Series | None,
    config: CompareBalanceConfig,
    resampling: EvaluateConfig,
    part: str,
) -> PairedTest:
    """Compare pooled predictions of the same rows by a paired bootstrap over independent units."""
    both = [ClassPart(reference, units), ClassPart(method, units)]
    # The same resamples for each method.
    rng = numpy_generator(resampling.seed, "compare", part)
    ((_, _, found),) = pair_differences(
        both, config.metric, resampling.num_resamples, 1 - config.alpha, rng
    )
    return found


# -- notes ----------------------------------------------------------------------------------------


def _notes(differences: pd.DataFrame, basis: Basis, num_seeds: int) -> tuple[str, ...]:
    """Say what the tests mean here, and which are undefined."""
    notes = []
    if basis == "samples":
        notes.append(
            "One fold and one seed: the test asks whether the difference is more than the luck of "
            "which samples were held out. Another seed may give another difference: name several, "
            "e.g. compare_balance.seeds=0;1;2."
        )
    elif basis == "seeds and samples":
        notes.append(
            f"One fold and {num_seeds} seeds: a difference counts only if it is more than the "
            "randomness of training and more than the luck of which samples were held out."
        )
    undefined = differences.loc[differences["p_value"].isna(), "method"]
    if len(undefined):
        notes.append(
            f"No p-value for {', '.join(undefined)}: the differences do not vary, or there are "
            "too few to tell."
        )
    return tuple(notes)


def _method_notes(evaluations: dict[str, Evaluation]) -> tuple[str, ...]:
    """Say what is undefined in the scores; once where it is so of all methods."""
    methods_of: dict[str, list[str]] = {}
    for method, evaluation in evaluations.items():
        for note in evaluation.notes:
            methods_of.setdefault(note, []).append(method)
    return tuple(
        note if len(methods) == len(evaluations) else f"{', '.join(methods)}: {note}"
        for note, methods in methods_of.items()
    )
