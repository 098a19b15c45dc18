"""How many trials run side by side."""

import os
from typing import Any

from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import Problem


def choose_num_workers(problem: Problem, config: SearchConfig, num_waiting: int) -> int:
    """Return how many processes run trials on this machine, at most one per waiting trial.

    auto: on a CPU as many as there are cores, divided by the threads of a fit, by the base
    parameters; on a GPU one, since two fits there share its memory.
    """
    most = max(1, num_waiting)
    if config.workers != "auto":
        return min(config.workers, most)
    if most == 1:
        return 1
    from foldwise.modules.hardware import choose_device, choose_num_threads

    fit: Any = getattr(problem.base[f"train_{problem.family}"], "fit")  # noqa: B009  (of any family)
    if choose_device(fit).type != "cpu" or fit.batch_size == "auto":
        return 1
    threads = choose_num_threads(fit, problem.samples.x.shape[1:])
    return max(1, min(_num_cores() // threads, most))


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
