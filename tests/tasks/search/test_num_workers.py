import os
from dataclasses import replace

import fake_scorers as fake
import numpy as np
import pytest
import torch

from foldwise.data.samples import Samples
from foldwise.tasks.search.num_workers import choose_num_workers
from foldwise.tasks.train_config import TrainCnnConfig


@pytest.fixture
def cores(monkeypatch):
    def set_cores(number):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(number)), raising=False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: number)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    return set_cores


def problem(side=8, **fit):
    """A problem of square pictures, fitted in batches of 128."""
    made = fake.problem()
    samples = Samples(np.zeros((2, 1, side, side), np.uint8), made.samples.table, ("x", "y"))
    return replace(made, samples=samples, base={"train_cnn": TrainCnnConfig.of(fit=fit)})


def chosen(problem, workers="auto", num_waiting=100):
    return choose_num_workers(problem, fake.config(workers=workers), num_waiting)


def test_small_fits_run_one_per_core(cores):
    cores(2)
    assert chosen(problem(side=8)) == 2
    cores(16)
    assert chosen(problem(side=8)) == 16


def test_fits_of_several_threads_share_the_cores(cores):
    cores(16)
    assert chosen(problem(side=32)) == 4  # 128 x 32 x 32 numbers are work for four threads
    assert chosen(problem(side=8, num_threads=5)) == 3
    assert chosen(problem(side=8, num_threads=64)) == 1


def test_there_are_no_more_workers_than_trials(cores):
    cores(16)
    assert chosen(problem(), num_waiting=3) == 3
    assert chosen(problem(), num_waiting=0) == 1
    assert chosen(problem(), workers=8, num_waiting=3) == 3


def test_a_number_is_taken_as_it_is(cores):
    cores(2)
    assert chosen(problem(side=64), workers=5) == 5


def test_a_gpu_runs_one_trial_at_a_time(cores, monkeypatch):
    cores(16)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen(problem()) == 1
    assert chosen(problem(accelerator="cpu")) == 16
