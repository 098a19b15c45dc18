"""One sample as a network takes it, as numbers whose influence can be asked for.

B: copies, C: channels, H: height, W: width, T: steps or tokens, F: channels of a series or
columns of a table, D: features of a token or of a category, O: outputs.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from foldwise.data.preprocessing import (
    ImagePreprocessing,
    SeriesPreprocessing,
    TablePreprocessing,
    TokenPreprocessing,
)
from foldwise.data.samples import Modality, Samples
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.table_input import TableInput
from foldwise.modules.inputs import to_input
from foldwise.tasks.explain.open_network import OpenNetwork
from foldwise.tasks.inference import evaluation_batches

Values = tuple[Tensor, ...]
Layer = TypeVar("Layer", bound=nn.Module)


@dataclass(frozen=True)
class AttributedInput:
    """Numbers that a network's outputs depend on.

    Attributes:
        kind: What they are.
        values: Of the sample, each (1, ...).
        outputs: From such values (B, ...) to the network's outputs (B, O).
        arrange: From one number for each value to those that are shown: for an image (C, H, W),
            series (F, T), tokens (D, T), table (1, F). What belongs together is in the first axis.
        inputs: As the network itself takes the sample.

    Values of 0 stand for an input that says nothing: the mean of the training part, no letter, an
    unknown category.
    """

    kind: Modality
    values: Values
    outputs: Callable[..., Tensor]
    arrange: Callable[[Values], Tensor]
    inputs: Tensor


def attributed_input(opened: OpenNetwork, samples: Samples, row: int) -> AttributedInput:
    """Return one sample in numbers that have a gradient.

    Args:
        opened: The network and its preprocessing.
        samples: The samples.
        row: Which of them.
    """
    network, preprocessing = opened.network, opened.card.preprocessing
    match preprocessing:
        case ImagePreprocessing():
            maps = preprocessing.model_copy(update={"layout": "maps"})
            return _of_image(network, _batch(network, samples, row, maps), preprocessing)
        case SeriesPreprocessing():
            steps = preprocessing.model_copy(update={"layout": "steps"})
            is_flat = preprocessing.layout == "flat"
            num_steps = samples.x.shape[1] if is_flat else None
            return _of_series(network, _batch(network, samples, row, steps), num_steps)
        case TokenPreprocessing():
            return _of_tokens(network, _batch(network, samples, row, preprocessing))
        case TablePreprocessing():
            return _of_table(network, _batch(network, samples, row, preprocessing), preprocessing)


def _batch(
    network: nn.Module,
    samples: Samples,
    row: int,
    preprocessing: ImagePreprocessing
    | SeriesPreprocessing
    | TokenPreprocessing
    | TablePreprocessing,
) -> Tensor:
    rows: npt.NDArray[np.int64] = np.array([row], dtype=np.int64)
    ((batch, _),) = evaluation_batches(network, samples, rows, preprocessing)
    return batch


def _of_image(
    network: nn.Module, maps: Tensor, preprocessing: ImagePreprocessing
) -> AttributedInput:
    num_channels = maps.shape[1]
    # Standardised already: what is left to do is to lay the pixels out.
    unchanged = {"mean": (0.0,) * num_channels, "std": (1.0,) * num_channels}
    layout = preprocessing.model_copy(update={**unchanged, "standardise": "training"})
    return AttributedInput(
        "image",
        (maps.contiguous(),),
        lambda images: network(to_input(images, layout)),
        lambda values: values[0][0],
        to_input(maps, layout),
    )


def _of_series(network: nn.Module, inputs: Tensor, num_steps: int | None) -> AttributedInput:
    """Take a series (1, T, F + 1); if the network sees one long row, it has `num_steps` steps."""
    values, mask = inputs[..., :-1].contiguous(), inputs[..., -1:]

    def laid_out(series: Tensor) -> Tensor:
        if num_steps is None:
            return torch.cat([series, mask.expand(len(series), -1, -1)], dim=2)
        missing = num_steps - series.shape[1]
        return nn.functional.pad(series, (0, 0, 0, missing)).flatten(1)

    return AttributedInput(
        "series",
        (values,),
        lambda series: network(laid_out(series)),
        lambda found: found[0][0].T,
        laid_out(values),
    )


def _of_tokens(network: nn.Module, tokens: Tensor) -> AttributedInput:
    layer = _only(network, SequenceInput)
    with torch.no_grad():
        features, mask = layer(tokens)  # (1, T, D), (1, T)

    def outputs(given: Tensor) -> Tensor:
        taken = (given, mask.expand(len(given), -1))
        with ExitStack() as stack:
            stack.callback(layer.register_forward_hook(lambda *_: taken).remove)
            return _network_of(network, tokens.expand(len(given), -1))

    return AttributedInput(
        "tokens", (features.detach(),), outputs, lambda found: found[0][0].T, tokens
    )


def _of_table(
    network: nn.Module, rows: Tensor, preprocessing: TablePreprocessing
) -> AttributedInput:
    """Take a row (1, D'), its numbers as they are and its categories as vectors (1, D)."""
    cardinalities = preprocessing.encoding.cardinalities
    places = [place for place, number in enumerate(cardinalities) if number > 0]
    embeds = list(_only(network, TableInput).categories) if places else []
    with torch.no_grad():
        pairs = zip(embeds, places, strict=True)
        vectors = [embed(rows[:, place].long()).detach() for embed, place in pairs]

    def outputs(given: Tensor, *categories: Tensor) -> Tensor:
        with ExitStack() as stack:
            for embed, vector in zip(embeds, categories, strict=True):
                hook = embed.register_forward_hook(lambda *_, taken=vector: taken)
                stack.callback(hook.remove)
            return _network_of(network, given)

    def arrange(found: Values) -> Tensor:
        by_column = found[0].clone()  # (1, D'), of index columns without meaning
        for place, vector in zip(places, found[1:], strict=True):
            by_column[:, place] = vector.sum(dim=1)
        widths = [len(column.names) for column in preprocessing.encoding.columns]
        return torch.stack(
            [part.sum(dim=1) for part in torch.split(by_column, widths, dim=1)], dim=1
        )

    return AttributedInput("table", (rows, *vectors), outputs, arrange, rows)


def _only(network: nn.Module, kind: type[Layer]) -> Layer:
    return next(module for module in network.modules() if isinstance(module, kind))


def _network_of(network: nn.Module, inputs: Tensor) -> Tensor:
    outputs: Tensor = network(inputs)
    return outputs
