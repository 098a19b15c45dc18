"""Start a network from weights that were fitted before, and decide which of them are trained.

C: channels, H: height, W: width, K: classes, F: filters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.errors import UserError
from foldwise.models.config import ModelConfig
from foldwise.models.parts import PartError, head_name, is_auxiliary, names_before
from foldwise.tasks.pretrained import PretrainedWeights
from foldwise.tasks.transfer_config import (
    FullTransfer,
    HeadTransfer,
    NoTransfer,
    PartialTransfer,
    TransferConfig,
)
from foldwise.tasks.weights_file import read_weights

_COUNTER = "num_batches_tracked"  # of a batch norm; older files lack it, and nothing depends on it
_NUM_TOLD = 3  # differences that a message names


class TransferError(UserError):
    """The weights do not fit the network or the classes."""


@dataclass(frozen=True)
class Transfer:
    """What has become of a network, and how it is to be fitted."""

    num_trainable: int  # parameters
    num_parameters: int
    frozen: tuple[str, ...] = ()  # names of the parameters that stay as they are
    rate_factors: Mapping[str, float] = field(default_factory=dict)  # by parameter; others: 1
    preprocessing: ImagePreprocessing | None = None  # that belongs to the weights; None: fit one


def prepare_transfer(
    network: nn.Module,
    config: TransferConfig,
    weights: PretrainedWeights | None,
    *,
    model: ModelConfig,
    shape: tuple[int, ...],
    classes: tuple[str, ...],
) -> Transfer:
    """Load the weights into the network, freeze what is not trained, and tell how to fit it.

    The body takes the weights over; the head stays as it was drawn, unless it is to be `kept`.
    Auxiliary heads are always drawn afresh and trained. Where the weights belong to coloured
    pictures and these are grey, the kernels of the first convolution are summed over the colours:
    the same as showing it the grey picture in each colour. The other way round they are spread
    evenly. Batch norms of the frozen part keep their statistics: they stay in evaluation mode
    whatever mode the network is put in. What the network itself has frozen stays so.

    Args:
        network: As it was built: its head for K classes.
        config: Mode and rates.
        weights: What `find_weights` found; None for mode `none`.
        model: The parameters that the network was built from.
        shape: (C, H, W) of one image.
        classes: In the order of the logits.

    Raises:
        PartError: There is no part `unfreeze_from`; the message lists the stages.
        PretrainedError: The file of the weights is damaged.
        TransferError: The weights are of another architecture or of other classes.
    """
    if isinstance(config, NoTransfer) or weights is None:
        return _told(network)
    head = head_name(network)
    _require_same_network(weights, model)
    state = _without_heads(read_weights(weights.path), head, config.head == "kept")
    if config.head == "kept":
        _require_same_classes(weights, state, head, classes)
    state = _fit_colours(network, state)
    _require_same_tensors(network, state, head, model, weights, config.head == "kept")
    network.load_state_dict(state, strict=False)
    freeze_body(network, config)
    factors: dict[str, float] = {}
    if isinstance(config, PartialTransfer | FullTransfer):
        factors = _body_factors(network, head, config.body_rate)
    return _told(network, factors, _for_channels(weights.preprocessing, shape[0]))


def freeze_body(
    network: nn.Module, config: HeadTransfer | PartialTransfer | FullTransfer
) -> nn.Module:
    """Freeze what is not trained, and the statistics of its batch norms; return the network.

    Raises:
        PartError: There is no part `unfreeze_from`; the message lists the stages.
    """
    before = _frozen_modules(network, config)
    for name, parameter in network.named_parameters():
        if name.rpartition(".")[0] in before:
            parameter.requires_grad_(False)
    _keep_statistics(module for name, module in network.named_modules() if name in before)
    return network


def transfer_fingerprint(
    config: TransferConfig, weights: PretrainedWeights | None
) -> dict[str, Any]:
    """Return all that a fit depends on: the weights by their content, not by where they lie."""
    fingerprint: dict[str, Any] = config.model_dump(mode="json", exclude={"weights"})
    if weights is not None:
        preprocessing = weights.preprocessing
        fingerprint["weights_sha256"] = weights.sha256
        fingerprint["preprocessing"] = preprocessing and preprocessing.model_dump(mode="json")
    return fingerprint


def _frozen_modules(
    network: nn.Module, config: HeadTransfer | PartialTransfer | FullTransfer
) -> frozenset[str]:
    match config:
        case HeadTransfer():
            return names_before(network, head_name(network))
        case PartialTransfer():
            return _named_before(network, config.unfreeze_from)
        case FullTransfer():
            return frozenset()


def _named_before(network: nn.Module, unfreeze_from: str) -> frozenset[str]:
    try:
        return names_before(network, unfreeze_from)
    except PartError as error:
        raise PartError(f"transfer.unfreeze_from is {unfreeze_from!r}, but {error}") from None


def _is_of_head(name: str, head: str) -> bool:
    return name.startswith(f"{head}.")


def _without_heads(state: dict[str, Tensor], head: str, keeps_head: bool) -> dict[str, Tensor]:
    return {
        name: tensor
        for name, tensor in state.items()
        if not is_auxiliary(name) and (keeps_head or not _is_of_head(name, head))
    }


def _require_same_network(weights: PretrainedWeights, model: ModelConfig) -> None:
    if weights.card is not None and weights.card.model.name != model.name:
        raise TransferError(
            f"The weights in {weights.path} are of the network {weights.card.model.name!r}, but "
            f"model.name is {model.name!r}. Choose the same network for both."
        )


def _require_same_classes(
    weights: PretrainedWeights, state: Mapping[str, Tensor], head: str, classes: tuple[str, ...]
) -> None:
    if weights.card is not None and weights.card.classes != classes:
        raise TransferError(
            f"transfer.head is 'kept', but the weights in {weights.path} are of the classes "
            f"{_list(weights.card.classes)}, and these samples have {_list(classes)}. "
            "transfer.head=new draws a new last layer."
        )
    matrix = state.get(f"{head}.weight")
    if matrix is not None and len(matrix) != len(classes):
        raise TransferError(
            f"transfer.head is 'kept', but the weights in {weights.path} are of {len(matrix)} "
            f"classes, and these samples have {len(classes)}. transfer.head=new draws a new last "
            "layer."
        )


def _list(classes: tuple[str, ...]) -> str:
    shown = ", ".join(repr(name) for name in classes[:5])
    return f"{shown}{', ...' if len(classes) > 5 else ''} ({len(classes)})"


def _fit_colours(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Bring the kernels (F, C', h, w) of the first convolution to this network's C channels."""
    convolutions = (
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    )
    name, first = next(convolutions, ("", None))
    kernels = state.get(f"{name}.weight")
    if first is None or kernels is None or kernels.ndim != 4 or first.groups != 1:
        return state
    here, there = first.in_channels, kernels.shape[1]
    if here == 1:
        kernels = kernels.sum(1, keepdim=True)
    elif there == 1:
        kernels = kernels.expand(-1, here, -1, -1) / here
    return {**state, f"{name}.weight": kernels}


def _for_channels(
    preprocessing: ImagePreprocessing | None, num_channels: int
) -> ImagePreprocessing | None:
    if preprocessing is None or len(preprocessing.mean) == num_channels:
        return preprocessing
    mean, std = preprocessing.mean, preprocessing.std
    statistics = {
        "mean": (sum(mean) / len(mean),) * num_channels,
        "std": (sum(std) / len(std),) * num_channels,
    }
    return preprocessing.model_copy(update=statistics)


def _require_same_tensors(
    network: nn.Module,
    state: Mapping[str, Tensor],
    head: str,
    model: ModelConfig,
    weights: PretrainedWeights,
    keeps_head: bool,
) -> None:
    own = _without_heads(network.state_dict(), head, keeps_head)
    missing = [name for name in own if name not in state and not name.endswith(_COUNTER)]
    unknown = [name for name in state if name not in own]
    differing = [
        f"{name} is {tuple(state[name].shape)} there, {tuple(own[name].shape)} here"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    wrong = [
        f"{len(names)} {told}, e.g. {', '.join(names[:_NUM_TOLD])}"
        for names, told in (
            (missing, "tensors are missing in the file"),
            (unknown, "tensors of the file are not in the network"),
            (differing, "tensors have another shape"),
        )
        if names
    ]
    if wrong:
        raise TransferError(
            f"The weights in {weights.path} do not fit the network {model.name!r}: "
            f"{'; '.join(wrong)}.{_advice(model, weights)}"
        )


def _advice(model: ModelConfig, weights: PretrainedWeights) -> str:
    """Name the parameters of the network in which the two differ, where they are known."""
    if weights.card is None:
        keys = [f"model.{key}" for key in type(model).model_fields]
        parameters = f"{', '.join(keys[:-1])} or {keys[-1]}"
        return f" They belong to another architecture, or to one with another {parameters}."
    there, here = weights.card.model.model_dump(), model.model_dump()
    differing = [
        f"model.{key} was {there.get(key)!r} and is {here[key]!r}"
        for key in here
        if there.get(key) != here[key]
    ]
    differing.append(f"they were fitted on images of shape {weights.card.shape}")
    return f" Of these weights: {'; '.join(differing)}."


def _body_factors(network: nn.Module, head: str, body_rate: float) -> dict[str, float]:
    return {
        name: body_rate
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not _is_of_head(name, head) and not is_auxiliary(name)
    }


def _keep_statistics(modules: Iterable[nn.Module]) -> None:
    """Keep batch norms in evaluation mode, also when the network is put into training mode."""
    for module in modules:
        if isinstance(module, _BatchNorm):
            module.train = MethodType(_stay_in_evaluation, module)  # type: ignore[method-assign]  # for this instance alone
            module.eval()


def _stay_in_evaluation(module: nn.Module, mode: bool = True) -> nn.Module:
    module.training = False
    return module


def _told(
    network: nn.Module,
    rate_factors: Mapping[str, float] | None = None,
    preprocessing: ImagePreprocessing | None = None,
) -> Transfer:
    parameters = dict(network.named_parameters())
    return Transfer(
        num_trainable=sum(p.numel() for p in parameters.values() if p.requires_grad),
        num_parameters=sum(p.numel() for p in parameters.values()),
        frozen=tuple(name for name, p in parameters.items() if not p.requires_grad),
        rate_factors=rate_factors or {},
        preprocessing=preprocessing,
    )
