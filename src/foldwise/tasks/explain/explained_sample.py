"""One sample as it is shown, and what is attributed to its parts."""

from collections.abc import Sequence

import numpy as np

from foldwise.data.preprocessing import SeriesPreprocessing, TokenPreprocessing
from foldwise.data.samples import Feature, Samples
from foldwise.modules.loss_config import QuantileLossConfig
from foldwise.tasks.explain.attributed_input import AttributedInput, attributed_input
from foldwise.tasks.explain.attributions import Question, attribute
from foldwise.tasks.explain.config import ExplainConfig, Method
from foldwise.tasks.explain.findings import ChosenSample, Explained
from foldwise.tasks.explain.open_network import OpenNetwork
from foldwise.tasks.fold_models import ModelCard


def explain_sample(
    opened: OpenNetwork,
    samples: Samples,
    sample: ChosenSample,
    methods: Sequence[Method],
    config: ExplainConfig,
) -> Explained:
    """Return a sample and what each method attributes to its parts.

    Args:
        opened: The network that did not see it.
        samples: The samples.
        sample: Which of them.
        methods: All fit the network.
        config: How they go about it.
    """
    explained = attributed_input(opened, samples, sample.row)
    question = Question(opened.network, explained, explained_output(sample, opened.card))
    found = {method: attribute(method, question, config) for method in methods}
    content, words = _as_shown(samples, sample.row, explained, opened.card)
    return Explained(sample, content, words, found)


def explained_output(sample: ChosenSample, card: ModelCard) -> int:
    """Return the output that is asked about: the predicted class, or the first point forecast."""
    if card.number_outputs is None:
        return sample.output
    loss = card.number_outputs.loss
    return loss.point if isinstance(loss, QuantileLossConfig) else 0


def _as_shown(
    samples: Samples, row: int, explained: AttributedInput, card: ModelCard
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    x = np.asarray(samples.x[row])
    match explained.kind:
        case "image":
            return x.transpose(1, 2, 0), ()
        case "series":
            num_steps = explained.values[0].shape[1]
            assert isinstance(card.preprocessing, SeriesPreprocessing)
            return x[:num_steps].astype(np.float64), ()
        case "tokens":
            assert isinstance(card.preprocessing, TokenPreprocessing)
            return None, tuple(samples.tokens[i] for i in x[: explained.values[0].shape[1]])
        case _:
            pairs = zip(x, samples.features, strict=True)
            return None, tuple(_cell(float(value), feature) for value, feature in pairs)


def _cell(value: float, feature: Feature) -> str:
    if np.isnan(value):
        return "missing"
    return feature.categories[int(value)] if feature.kind == "categorical" else f"{value:.4g}"
