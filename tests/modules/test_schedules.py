import itertools
import math

import pytest
import torch
from torch.optim import lr_scheduler

from foldwise.modules.config import FitConfig
from foldwise.modules.schedule_config import (
    ConstantScheduleConfig,
    CosineScheduleConfig,
    OneCycleScheduleConfig,
    PlateauScheduleConfig,
    StepScheduleConfig,
)
from foldwise.modules.schedules import schedule_factor, steps_of_epoch

COSINE_30 = (1 + math.cos(math.pi * 3 / 10)) / 2


def torchs(make, num_steps):
    """The rates of one of torch's schedulers on a rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def ours(config, num_steps):
    factor = schedule_factor(config, num_steps)
    return [factor(step) for step in range(num_steps)]


@pytest.mark.parametrize(
    ("config", "total_steps", "table"),
    [
        # no warm-up: half a cosine from 1 to 0
        ({"warmup_fraction": 0}, 10, {0: 1, 3: (1 + math.cos(0.3 * math.pi)) / 2, 5: 0.5, 10: 0}),
        # 2 of 12 steps rise by halves, then 10 steps of cosine
        (
            {"warmup_fraction": 1 / 6},
            12,
            {0: 0.5, 1: 1, 2: 1, 5: COSINE_30, 7: 0.5, 12: 0, 13: 0, 99: 0},
        ),
        # 4 of 4.4 steps, to a tenth of the peak
        (
            {"warmup_fraction": 0.1, "final_fraction": 0.1},
            44,
            {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 24: 0.55, 44: 0.1, 45: 0.1},
        ),
        # a single step
        ({"warmup_fraction": 0.1}, 1, {0: 1, 1: 0}),
    ],
)
def test_the_cosine_is_a_rise_and_half_a_cosine(config, total_steps, table):
    factor = schedule_factor(CosineScheduleConfig(**config), total_steps)
    assert {step: factor(step) for step in table} == pytest.approx(table)


def test_the_cosine_after_a_warm_up_is_torchs():
    def make(optimizer):
        warmup = lr_scheduler.LinearLR(optimizer, start_factor=1 / 20, total_iters=19)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=80, eta_min=0.1)
        # torch's warm-up reaches 1 at its last step and ours too: the cosine starts on the next
        return lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[20])

    config = CosineScheduleConfig(warmup_fraction=0.2, final_fraction=0.1)
    assert ours(config, 100) == pytest.approx(torchs(make, 100), abs=1e-9)


def test_steps_are_torchs():
    config = StepScheduleConfig(milestones=(0.3, 0.6, 0.9), factor=0.2)
    expected = torchs(lambda o: lr_scheduler.MultiStepLR(o, [15, 30, 45], gamma=0.2), 50)
    assert ours(config, 50) == pytest.approx(expected)


@pytest.mark.parametrize("anneal", ["linear", "cosine"])
@pytest.mark.parametrize(("num_steps", "peak_at"), [(100, 0.3), (37, 0.23), (10, 0.5)])
def test_one_cycle_is_torchs(anneal, num_steps, peak_at):
    config = OneCycleScheduleConfig(
        start_fraction=0.2, peak_at=peak_at, final_fraction=0.07, anneal=anneal
    )

    def make(optimizer):
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=num_steps,
            pct_start=peak_at,
            anneal_strategy="cos" if anneal == "cosine" else "linear",
            div_factor=5,
            final_div_factor=0.2 / 0.07,
            cycle_momentum=False,
        )

    assert ours(config, num_steps) == pytest.approx(torchs(make, num_steps))


def test_a_triangle_starts_peaks_and_ends_where_it_is_told():
    config = OneCycleScheduleConfig(start_fraction=0.2, peak_at=0.25, final_fraction=0.1)
    factor = schedule_factor(config, 41)  # the peak at 10.25 - 1 steps
    values = [factor(step) for step in range(41)]
    assert values[0] == 0.2
    assert values[9] == pytest.approx(0.2 + 0.8 * 9 / 9.25)
    assert values[40] == pytest.approx(0.1)
    falls = [a - b for a, b in itertools.pairwise(values[10:])]
    assert falls == pytest.approx([0.9 / 30.75] * len(falls))
    assert factor(99) == pytest.approx(0.1)


@pytest.mark.parametrize("total_steps", [1, 2, 3])
@pytest.mark.parametrize("peak_at", [0.01, 0.5, 0.99])
def test_one_cycle_of_a_few_steps_is_within_its_bounds(total_steps, peak_at):
    factor = schedule_factor(OneCycleScheduleConfig(peak_at=peak_at), total_steps)
    assert all(0 <= factor(step) <= 1 for step in range(total_steps + 1))
    assert any(factor(step) > 0 for step in range(total_steps))


def test_a_constant_rate_only_rises_at_first():
    config = ConstantScheduleConfig(warmup_fraction=0.2)
    expected = torchs(lambda o: lr_scheduler.LinearLR(o, start_factor=1 / 10, total_iters=9), 50)
    assert ours(config, 50) == pytest.approx(expected)
    assert ours(ConstantScheduleConfig(), 7) == [1.0] * 7


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_a_plateau_lowers_the_rate_as_torch_does_from_nothing_but_the_history(higher_is_better):
    values = [1.0, 0.8, 0.81, 0.82, 0.83, 0.79, 0.79, 0.79, 0.79, 0.79, 0.79, 0.5]
    values = [1.5 - v for v in values] if higher_is_better else values
    config = PlateauScheduleConfig(factor=0.5, patience=1, final_fraction=0.2)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    reference = lr_scheduler.ReduceLROnPlateau(
        optimizer, "max" if higher_is_better else "min", factor=0.5, patience=1, min_lr=0.2
    )
    monitored = []
    factor = schedule_factor(config, 100, monitored, higher_is_better=higher_is_better)
    found, expected = [], []
    for value in values:
        found.append(factor(3))
        expected.append(optimizer.param_groups[0]["lr"])
        monitored.append(value)
        reference.step(value)
    assert found == expected
    assert found[:6] == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    assert found[-1] == 0.2
    resumed = schedule_factor(config, 100, list(monitored), higher_is_better=higher_is_better)
    assert resumed(50) == factor(50)


def test_steps_of_an_epoch_are_rounded_up():
    assert [steps_of_epoch(n, 4) for n in (1, 4, 5, 8, 9)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ({"name": "linear"}, "constant.*step.*cosine.*one_cycle.*plateau"),
        ({"name": "step", "milestones": [0.7, 0.3]}, r"milestones must rise.*\[0.7, 0.3\]"),
        ({"name": "one_cycle", "warmup_fraction": 0.1}, "unknown parameter 'warmup_fraction'"),
    ],
)
def test_a_wrong_schedule_is_refused_in_the_users_words(schedule, told):
    with pytest.raises(ValueError, match=told):
        FitConfig.of(schedule=schedule)
