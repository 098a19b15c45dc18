"""Which samples are explained, each by the network that did not see it; free of torch."""

import difflib

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.seeds import numpy_generator
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.findings import ChosenSample
from foldwise.tasks.predictions_table import PROBABILITY_PREFIX
from foldwise.tasks.regression_table import is_regression

_OF_NUMBERS = 3  # a regression has no classes: of best and worst so many times the number


class ExplainError(UserError):
    """Something that was asked for cannot be explained."""


def choose_samples(
    predictions: pd.DataFrame, samples: Samples, config: ExplainConfig
) -> list[ChosenSample]:
    """Return the samples that are named, or some correct ones and the worst mistakes.

    Args:
        predictions: The predictions table; of several repeats, the first one counts.
        samples: The samples.
        config: Ids, or how many of each kind.

    Raises:
        ExplainError: An id is unknown, or no network has not seen it.
    """
    if config.samples != "auto":
        return [
            find_sample(name, predictions, samples, "explain.samples") for name in config.samples
        ]
    rows = _first_rows(predictions)
    rows = rows[rows["part"] == "oof"]
    if is_regression(predictions):
        chosen = _best_and_worst(rows, config)
    else:
        chosen = _of_each_class(rows, samples, config)
    return [_described(row, samples) for row in chosen]


def find_sample(
    sample_id: str, predictions: pd.DataFrame, samples: Samples, parameter: str
) -> ChosenSample:
    """Return a sample by its id.

    Args:
        sample_id: Its id.
        predictions: The predictions table.
        samples: The samples.
        parameter: That names the id.

    Raises:
        ExplainError: The id is unknown, or no network has not seen it.
    """
    rows = _first_rows(predictions)
    found = rows[rows["sample_id"].astype(str) == sample_id]
    if len(found):
        return _described(found.iloc[0], samples)
    ids = samples.table["sample_id"].astype(str)
    if (ids == sample_id).any():
        raise ExplainError(
            f"{parameter} is {sample_id!r}, but this sample is in no fold and in no test part, so "
            "that no network is known not to have seen it."
        )
    near = difflib.get_close_matches(sample_id, ids.tolist()[:20_000], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ExplainError(
        f"{parameter} is {sample_id!r}, which is none of the {len(ids)} samples (such as "
        f"{ids.iloc[0]!r}).{hint}"
    )


def _first_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each sample, in order of the ids: out of fold before test."""
    by = ["part", "repeat", "fold", "sample_id"]
    if is_regression(predictions):
        by.append("step")
    ordered = predictions.sort_values(by, kind="stable")
    return ordered.drop_duplicates("sample_id").sort_values("sample_id", kind="stable")


def _of_each_class(rows: pd.DataFrame, samples: Samples, config: ExplainConfig) -> list[pd.Series]:
    """Return correct ones and mistakes of each class, at most half of them correct if need be."""
    columns = [f"{PROBABILITY_PREFIX}{name}" for name in samples.classes]
    probabilities = rows[columns].to_numpy(np.float64)
    names = np.array(samples.classes, dtype=object)
    target = rows["target"].to_numpy(dtype=object)
    is_correct = names[probabilities.argmax(axis=1)] == target
    confidence = probabilities.max(axis=1)
    wrong = _by_class(target, np.flatnonzero(~is_correct))
    right = _by_class(target, np.flatnonzero(is_correct))
    mistakes: list[tuple[int, int]] = []  # which one of its class, row
    for found in wrong.values():
        worst = found[np.argsort(-confidence[found], kind="stable")][: config.num_mistakes]
        mistakes += [(rank, int(row)) for rank, row in enumerate(worst)]
    mistakes.sort(key=lambda pair: (pair[0], -confidence[pair[1]], pair[1]))
    correct: list[tuple[int, int]] = []
    shown = [name for name in samples.classes if name in right][: config.max_samples]
    for name in shown:
        number = min(config.num_correct, len(right[name]))
        draw = numpy_generator(config.seed, "explain", "correct", str(name))
        chosen = draw.choice(right[name], number, replace=False)
        correct += [(rank, int(row)) for rank, row in enumerate(chosen)]
    correct.sort(key=lambda pair: pair[0])
    num_correct = max(config.max_samples // 2, config.max_samples - len(mistakes))
    kept = [row for _, row in correct[:num_correct]]
    kept += [row for _, row in mistakes[: config.max_samples - len(kept)]]
    return [rows.iloc[row] for row in kept]


def _by_class(
    target: npt.NDArray[np.object_], places: npt.NDArray[np.int64]
) -> dict[object, npt.NDArray[np.int64]]:
    """Return the rows of each class that occurs, in one pass, however many there are."""
    groups = pd.Series(places).groupby(target[places], sort=False)
    return {name: group.to_numpy(np.int64) for name, group in groups}


def _best_and_worst(rows: pd.DataFrame, config: ExplainConfig) -> list[pd.Series]:
    order = np.argsort((rows["prediction"] - rows["target"]).abs().to_numpy(), kind="stable")
    best = order[: min(_OF_NUMBERS * config.num_correct, config.max_samples // 2)]
    left = order[len(best) :][::-1]
    worst = left[: min(_OF_NUMBERS * config.num_mistakes, config.max_samples - len(best))]
    return [rows.iloc[int(row)] for row in (*best, *worst)]


def _described(row: pd.Series, samples: Samples) -> ChosenSample:
    (position,) = samples.positions([row["sample_id"]])
    is_number = not samples.classes
    if is_number:
        output, probability, is_correct = 0, None, None
        target, predicted = f"{row['target']:.4g}", f"{row['prediction']:.4g}"
    else:
        found = row[[f"{PROBABILITY_PREFIX}{name}" for name in samples.classes]]
        output = int(found.to_numpy(np.float64).argmax())
        probability = float(found.iloc[output])
        target, predicted = str(row["target"]), samples.classes[output]
        is_correct = target == predicted
    return ChosenSample(
        str(row["sample_id"]),
        int(position),
        int(row["repeat"]),
        int(row["fold"]),
        target,
        predicted,
        output,
        probability,
        is_correct,
    )
