"""The optimisers by name; all are torch's own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from foldwise.errors import UserError
from foldwise.models.parts import find_head
from foldwise.modules.muon import MuonAndAdamW
from foldwise.modules.optimizer_config import (
    AdadeltaConfig,
    AdagradConfig,
    AdamConfig,
    AdamWConfig,
    LbfgsConfig,
    MomentumConfig,
    MuonConfig,
    NesterovConfig,
    OptimizerConfig,
    RmspropConfig,
    SgdConfig,
)

Named = Mapping[str, nn.Parameter]
Groups = list[dict[str, Any]]


def build_optimizer(
    network: nn.Module,
    config: OptimizerConfig,
    rate_factors: Mapping[str, float] | None = None,
) -> Optimizer:
    """Return the optimiser; biases and norms (one-dimensional parameters) do not decay.

    Args:
        network: It lies on its device in its memory format. Frozen parameters are left out.
        config: Which optimiser.
        rate_factors: Factors of the rate by the name of a parameter; 1 for those not named.

    Raises:
        UserError: A rate factor is asked of `lbfgs`, which has one rate for all.
    """
    named = {name: p for name, p in network.named_parameters() if p.requires_grad}
    factors = dict(rate_factors or {})
    if isinstance(config, LbfgsConfig):
        network.to(memory_format=torch.contiguous_format)  # it takes each gradient for a vector
        return _lbfgs(named, config, factors)
    if isinstance(config, MuonConfig):
        return _muon(network, named, config, factors)
    if isinstance(config, SgdConfig | MomentumConfig | NesterovConfig):
        for name in named:
            if name.endswith("bias"):
                factors[name] = factors.get(name, 1.0) * config.bias_rate_factor
    groups = _groups(named, config.lr, config.weight_decay, factors)
    return _torch_optimizer(groups, config)


def decayed_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return what decays and is penalised: trained parameters of more than one dimension."""
    return [p for p in network.parameters() if p.requires_grad and p.ndim > 1]


def _torch_optimizer(
    groups: Groups,
    config: SgdConfig
    | MomentumConfig
    | NesterovConfig
    | AdagradConfig
    | AdadeltaConfig
    | RmspropConfig
    | AdamConfig
    | AdamWConfig,
) -> Optimizer:
    match config:
        case SgdConfig():
            return torch.optim.SGD(groups, fused=True)
        case MomentumConfig():
            return torch.optim.SGD(groups, momentum=config.momentum, fused=True)
        case NesterovConfig():
            return torch.optim.SGD(groups, momentum=config.momentum, nesterov=True, fused=True)
        case AdagradConfig():
            return torch.optim.Adagrad(groups)
        case AdadeltaConfig():
            return torch.optim.Adadelta(groups, rho=config.rho)
        case RmspropConfig():
            return torch.optim.RMSprop(groups, alpha=config.alpha, momentum=config.momentum)
        case AdamConfig():
            return torch.optim.Adam(groups, betas=config.betas, fused=True)
        case AdamWConfig():
            return torch.optim.AdamW(groups, betas=config.betas, fused=True)


def _lbfgs(named: Named, config: LbfgsConfig, factors: Mapping[str, float]) -> Optimizer:
    if any(factors.get(name, 1.0) != 1.0 for name in named):
        raise UserError(
            "fit.optimizer.name is 'lbfgs', which has one rate for all parameters, but some are "
            "to have another rate. Take another optimiser, or leave the rates alike."
        )
    return torch.optim.LBFGS(
        list(named.values()),
        lr=config.lr,
        max_iter=config.max_iter,
        history_size=config.history_size,
        line_search_fn=None if config.line_search == "none" else config.line_search,
    )


def _muon(
    network: nn.Module, named: Named, config: MuonConfig, factors: Mapping[str, float]
) -> Optimizer:
    head = find_head(network)
    matrices = {n: p for n, p in named.items() if p.ndim > 1 and n != f"{head}.weight"}
    others = {n: p for n, p in named.items() if n not in matrices}
    return MuonAndAdamW(
        _groups(matrices, config.lr, config.weight_decay, factors),
        _groups(others, config.other_lr, config.other_weight_decay, factors),
        lr=config.lr,
        momentum=config.momentum,
    )


def _groups(
    named: Named, rate: float, weight_decay: float, factors: Mapping[str, float]
) -> Groups:
    """Return the parameters by decay and rate; what decays comes first."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for is_decayed in (True, False):
        for name, parameter in named.items():
            if (parameter.ndim > 1) is is_decayed:
                key = (weight_decay if is_decayed else 0.0, rate * factors.get(name, 1.0))
                groups.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "lr": lr}
        for (decay, lr), parameters in groups.items()
    ]
