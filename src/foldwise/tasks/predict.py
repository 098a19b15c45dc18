"""From trained networks to the predictions table.

N: samples, K: classes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import nn

from foldwise.data.folds import FoldParts, Folds, fold_parts, held_out_ids
from foldwise.data.preprocessing import SeriesPreprocessing, refuse_missing
from foldwise.data.samples import Samples
from foldwise.models.build import build_network
from foldwise.modules.inputs import input_spec
from foldwise.modules.number_outputs import Forecast
from foldwise.tasks.decision import apply_decision_weights
from foldwise.tasks.fold_models import WEIGHTS, FoldModels, ModelCard, ModelError, read_card
from foldwise.tasks.inference import class_probabilities, predicted_numbers

INNER = "inner"
_OUTER = ("oof", "test")
_TYPES = {"image": "uint8", "series": "float32", "table": "float32", "tokens": "int32"}


class Predictor:
    """One fold's network, ready for samples as ingest stores them."""

    def __init__(self, folder: Path) -> None:
        """Load weights and card from a fold's folder.

        Raises:
            ModelError: A file is missing or damaged.
        """
        self.card: ModelCard = read_card(folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        spec = input_spec(self.card.preprocessing, self.card.shape)
        network = build_network(self.card.model, spec, self.card.num_outputs)
        network.load_state_dict(load_file(folder / WEIGHTS))
        self._network = network.to(memory_format=torch.channels_last).to(self._device).eval()

    @property
    def network(self) -> nn.Module:
        """The network itself, in evaluation mode, for those who look into it."""
        return self._network

    def probabilities(
        self, samples: Samples | npt.NDArray[Any], rows: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return class probabilities (N, K) of some samples, in float32 precision.

        They are averaged and weighed as the network's card says: the greatest is the decision.

        Args:
            samples: Any of the same kind; or their array `x` alone: images (N, C, H, W) in
                0..255, series (N, T, F) that are all T long, or rows of a table (N, F) whose
                categories have the same numbers.
            rows: Which of them, in which order; all by default.

        Raises:
            MissingValueError: A series lacks values, and nothing is to stand in their place.
            ModelError: They have another shape or type.
        """
        samples, rows = self._checked(samples, rows)
        card = self.card
        found = class_probabilities(
            self._network, samples, rows, card.preprocessing, card.test_time
        )
        if card.decision_weights is None:
            return found
        return apply_decision_weights(found, card.decision_weights)

    def forecast(
        self, samples: Samples | npt.NDArray[Any], rows: npt.NDArray[np.int64] | None = None
    ) -> Forecast:
        """Return points and quantiles of the numbers that a regression's network predicts.

        Args:
            samples: As for `probabilities`.
            rows: Which of them, in which order; all by default.

        Raises:
            MissingValueError: A series lacks values, and nothing is to stand in their place.
            ModelError: They have another shape or type, or the network predicts classes.
        """
        meaning = self.card.number_outputs
        if meaning is None:
            raise ModelError("The network predicts classes, not numbers: ask for probabilities.")
        samples, rows = self._checked(samples, rows)
        outputs = predicted_numbers(self._network, samples, rows, self.card.preprocessing)
        anchors = None if meaning.anchor is None else meaning.anchor.of_rows(samples, rows)
        return meaning.forecast(outputs, anchors)

    def predict(self, samples: Samples | npt.NDArray[Any]) -> pd.DataFrame:
        """Return a table with `prediction` and one column `p_<class>` per class.

        Of a regression, one row for each sample and step: `step`, `prediction` and quantiles.
        """
        if self.card.number_outputs is not None:
            return pd.DataFrame(self.forecast(samples).columns())
        probabilities = self.probabilities(samples)
        table = _probability_columns(probabilities, self.card.classes)
        table.insert(0, "prediction", np.array(self.card.classes)[probabilities.argmax(axis=1)])
        return table

    def _checked(
        self, samples: Samples | npt.NDArray[Any], rows: npt.NDArray[np.int64] | None
    ) -> tuple[Samples, npt.NDArray[np.int64]]:
        """Return samples that the network can take, and which of them are asked for.

        Raises:
            MissingValueError: A series lacks values, and nothing is to stand in their place.
            ModelError: They are of another kind, shape or type.
        """
        card = self.card
        if not isinstance(samples, Samples):
            table = pd.DataFrame(index=range(len(samples)))
            samples = Samples(samples, table, modality=card.modality, features=card.features)
        fitted = card.preprocessing
        is_flat = isinstance(fitted, SeriesPreprocessing) and fitted.layout == "flat"
        # Of sequences, the length may be another one.
        num_free = 1 if card.modality in ("series", "tokens") and not is_flat else 0
        shape, x = card.shape[num_free:], samples.x
        wanted = _TYPES[card.modality]
        if samples.modality != card.modality or x.ndim != 1 + len(card.shape):
            is_fitting = False
        else:
            is_fitting = x.shape[1 + num_free :] == shape and x.dtype == wanted
        if not is_fitting:
            sides = ", ".join(("N", *("T",) * num_free, *map(str, shape)))
            raise ModelError(
                f"The network takes samples of the kind '{card.modality}', of shape ({sides}) and "
                f"type {wanted}, but got '{samples.modality}', {x.shape} and {x.dtype}."
            )
        if card.modality == "tokens" and not samples.tokens:
            raise ModelError(
                "The network takes texts together with what their numbers stand for: give it "
                "samples, not their array x alone."
            )
        if isinstance(fitted, SeriesPreprocessing) and fitted.missing == "error":
            refuse_missing(samples, fitted.max_length, rows)
        return samples, np.arange(len(samples)) if rows is None else rows


def predict_folds(models: FoldModels, samples: Samples, folds: Folds) -> pd.DataFrame:
    """Return the predictions table: each sample out of fold, the test part by every network.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    return predict_parts(models, samples, folds, fold_parts(folds, samples.table))


def predict_folds_and_inner(
    models: FoldModels, samples: Samples, folds: Folds
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the predictions table, and one of the inner validation part of each fold.

    In the second, with the same columns and the part "inner", a fold's own network predicts what
    it was not fitted on but stopped by: what is chosen from predictions (a temperature, a
    threshold) is chosen there. Of a regression it is empty.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    wanted = _OUTER if samples.task == "regression" else (*_OUTER, INNER)
    table = predict_parts(models, samples, folds, fold_parts(folds, samples.table), wanted)
    is_inner = table["part"] == INNER
    return (
        table[~is_inner].reset_index(drop=True),
        table[is_inner].reset_index(drop=True),
    )


def predict_parts(
    models: FoldModels,
    samples: Samples,
    folds: Folds,
    all_parts: Iterable[FoldParts],
    wanted: tuple[str, ...] = _OUTER,
) -> pd.DataFrame:
    """Return the wanted parts of some folds, each predicted by the network of its fold.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    tables = []
    for parts, predictor in fold_predictors(models, all_parts, samples, folds):
        of_part = {"oof": parts.oof, "test": held_out_ids(folds), INNER: parts.validation}
        for part in wanted:
            ids = of_part[part]
            rows = samples.positions(ids)
            table = predicted_rows(predictor, samples, rows)
            table.insert(0, "part", part)
            table.insert(0, "fold", parts.fold)
            table.insert(0, "repeat", parts.repeat)
            table.insert(0, "sample_id", np.repeat(ids, len(table) // max(1, len(ids))))
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def fold_predictors(
    models: FoldModels,
    all_parts: Iterable[FoldParts],
    samples: Samples,
    folds: Folds,
    *,
    stage: str = "train",
) -> Iterator[tuple[FoldParts, Predictor]]:
    """Yield the parts of each fold with the network that was trained on them.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing; it
            names the stage to be run again.
    """
    cards = {(card.repeat, card.fold): card for card in models.cards()}
    for parts in all_parts:
        folder = models.folder(parts.repeat, parts.fold)
        require_same_data(folder, cards.get((parts.repeat, parts.fold)), samples, folds, stage)
        yield parts, Predictor(folder)


def require_same_data(
    folder: Path, card: ModelCard | None, samples: Samples, folds: Folds, stage: str
) -> None:
    """Raise unless a network was trained on these samples and folds.

    Raises:
        ModelError: There is none, or it was trained on others.
    """
    expected = (folds.content_hash, samples.content_hash)
    if card is None or (card.folds_hash, card.samples_hash) != expected:
        raise ModelError(
            f"{folder} holds no network of these samples and folds. Run the stage '{stage}' again."
        )


def predicted_rows(
    predictor: Predictor, samples: Samples, rows: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Return targets and predictions, one row for each sample; of numbers, for each step of it."""
    if samples.task == "classification":
        table = _probability_columns(predictor.probabilities(samples, rows), samples.classes)
        table.insert(0, "target", samples.table["label"].to_numpy(dtype=object)[rows])
        return table
    table = pd.DataFrame(predictor.forecast(samples, rows).columns())
    targets = samples.table[list(samples.target_names)].to_numpy(np.float64)[rows]
    table.insert(1, "target", targets.reshape(-1))
    return table


def _probability_columns(
    probabilities: npt.NDArray[np.float64], classes: tuple[str, ...]
) -> pd.DataFrame:
    return pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])
