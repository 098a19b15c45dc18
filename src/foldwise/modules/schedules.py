"""Schedules of the learning rate: factors of the optimiser's rate as functions of the step."""

import math
from collections.abc import Callable, Sequence

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from foldwise.modules.schedule_config import (
    ConstantScheduleConfig,
    CosineScheduleConfig,
    OneCycleScheduleConfig,
    PlateauScheduleConfig,
    ScheduleConfig,
    StepScheduleConfig,
)

Factor = Callable[[int], float]  # of the rate, at a step of the fit from 0


def steps_of_epoch(num_batches: int, accumulate: int) -> int:
    """Return the number of optimiser steps in an epoch; the last may be of fewer batches."""
    return -(-num_batches // accumulate)


def schedule_factor(
    config: ScheduleConfig,
    total_steps: int,
    monitored: Sequence[float] = (),
    *,
    higher_is_better: bool = False,
) -> Factor:
    """Return the factor of the rate at each step.

    Args:
        config: Which schedule.
        total_steps: Optimiser steps of the whole fit.
        monitored: One value per finished epoch, read by `plateau` at every call: it may grow.
        higher_is_better: Tells what the best of the monitored values is.
    """
    match config:
        case ConstantScheduleConfig():
            return _warmed(config.warmup_fraction, total_steps, lambda step: 1.0)
        case StepScheduleConfig():
            return _step(config, total_steps)
        case CosineScheduleConfig():
            return _cosine(config, total_steps)
        case OneCycleScheduleConfig():
            return _one_cycle(config, total_steps)
        case PlateauScheduleConfig():
            plateau = _plateau(config, monitored, higher_is_better=higher_is_better)
            return _warmed(config.warmup_fraction, total_steps, plateau)


def _warmed(fraction: float, total_steps: int, then: Factor) -> Factor:
    """Rise linearly to 1 over a fraction of the steps; then follow another factor."""
    warmup = round(fraction * total_steps)
    return lambda step: (step + 1) / warmup if step < warmup else then(step)


def _step(config: StepScheduleConfig, total_steps: int) -> Factor:
    milestones = [round(fraction * total_steps) for fraction in config.milestones]

    def factor(step: int) -> float:
        return config.factor ** sum(step >= milestone for milestone in milestones)

    return _warmed(config.warmup_fraction, total_steps, factor)


def _cosine(config: CosineScheduleConfig, total_steps: int) -> Factor:
    warmup = round(config.warmup_fraction * total_steps)

    def factor(step: int) -> float:
        progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return config.final_fraction + (1 - config.final_fraction) * cosine

    return _warmed(config.warmup_fraction, total_steps, factor)


def _one_cycle(config: OneCycleScheduleConfig, total_steps: int) -> Factor:
    last = max(1, total_steps - 1)
    peak = max(0.0, config.peak_at * total_steps - 1)  # both as torch's OneCycleLR has them

    def between(start: float, end: float, progress: float) -> float:
        progress = min(1.0, progress)
        if config.anneal == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        return start + (end - start) * progress

    def factor(step: int) -> float:
        if step < peak:
            return between(config.start_fraction, 1.0, step / peak)
        return between(1.0, config.final_fraction, (step - peak) / (last - peak))

    return factor


def _plateau(
    config: PlateauScheduleConfig, monitored: Sequence[float], *, higher_is_better: bool
) -> Factor:
    known: dict[int, float] = {}  # by the number of values

    def factor(step: int) -> float:
        if len(monitored) not in known:
            known[len(monitored)] = plateau_factor(
                config, monitored, higher_is_better=higher_is_better
            )
        return known[len(monitored)]

    return factor


def plateau_factor(
    config: PlateauScheduleConfig, monitored: Sequence[float], *, higher_is_better: bool
) -> float:
    """Return the factor after epochs with these values.

    All of them are told to torch's scheduler again, so that nothing has to be kept between two
    epochs or for a resume.
    """
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="max" if higher_is_better else "min",
        factor=config.factor,
        patience=config.patience,
        threshold=config.threshold,
        min_lr=config.final_fraction,
    )
    for value in monitored:
        scheduler.step(value)
    return float(optimizer.param_groups[0]["lr"])
