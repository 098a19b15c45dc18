"""From trained networks to the predictions table.

N: samples, C: channels, H: height, W: width, K: classes.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load_file

from foldwise.data.folds import Folds, fold_parts, held_out_ids
from foldwise.data.samples import Samples
from foldwise.models.build import build_cnn
from foldwise.tasks.decision import apply_decision_weights
from foldwise.tasks.fold_models import WEIGHTS, FoldModels, ModelCard, ModelError, read_card
from foldwise.tasks.inference import class_probabilities


class Predictor:
    """One fold's network, ready for images as ingest stores them."""

    def __init__(self, folder: Path) -> None:
        """Load weights and card from a fold's folder.

        Raises:
            ModelError: A file is missing or damaged.
        """
        self.card: ModelCard = read_card(folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = build_cnn(self.card.model, self.card.shape, len(self.card.classes))
        network.load_state_dict(load_file(folder / WEIGHTS))
        self._network = network.to(memory_format=torch.channels_last).to(self._device).eval()

    def probabilities(
        self, x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return class probabilities (N, K) of images (N, C, H, W), in float32 precision.

        They are averaged and weighed as the network's card says: the greatest is the decision.

        Args:
            x: The images in 0..255, of the size and number of channels that the network takes.
            rows: Which of them, in which order; all by default.

        Raises:
            ModelError: The images have another shape or type.
        """
        if x.shape[1:] != self.card.shape or x.dtype != np.uint8:
            raise ModelError(
                f"The network takes images of shape (N, {', '.join(map(str, self.card.shape))}) "
                f"and type uint8, but got {x.shape} and {x.dtype}."
            )
        rows = np.arange(len(x)) if rows is None else rows
        card = self.card
        found = class_probabilities(self._network, x, rows, card.preprocessing, card.test_time)
        if card.decision_weights is None:
            return found
        return apply_decision_weights(found, card.decision_weights)

    def predict(self, x: npt.NDArray[np.uint8]) -> pd.DataFrame:
        """Return a table with `prediction` and one column `p_<class>` per class."""
        probabilities = self.probabilities(x)
        table = _probability_columns(probabilities, self.card.classes)
        table.insert(0, "prediction", np.array(self.card.classes)[probabilities.argmax(axis=1)])
        return table


def predict_folds(models: FoldModels, samples: Samples, folds: Folds) -> pd.DataFrame:
    """Return the predictions table: each sample out of fold, the test part by every network.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    cards = {(card.repeat, card.fold): card for card in models.cards()}
    tables = []
    for parts in fold_parts(folds, samples.table):
        card = cards.get((parts.repeat, parts.fold))
        expected = (folds.content_hash, samples.content_hash)
        if card is None or (card.folds_hash, card.samples_hash) != expected:
            raise ModelError(
                f"{models.folder(parts.repeat, parts.fold)} holds no network of these samples and "
                "folds. Run the stage 'train' again."
            )
        predictor = Predictor(models.folder(parts.repeat, parts.fold))
        for part, ids in (("oof", parts.oof), ("test", held_out_ids(folds))):
            rows = samples.positions(pd.Series(ids, dtype=object))
            table = _probability_columns(predictor.probabilities(samples.x, rows), samples.classes)
            table.insert(0, "target", samples.table["label"].to_numpy(dtype=object)[rows])
            table.insert(0, "part", part)
            table.insert(0, "fold", parts.fold)
            table.insert(0, "repeat", parts.repeat)
            table.insert(0, "sample_id", ids)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _probability_columns(
    probabilities: npt.NDArray[np.float64], classes: tuple[str, ...]
) -> pd.DataFrame:
    return pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])
