"""Lightning's trainer without books of its own, and what surrounds a fit."""

import contextlib
import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.trainer.connectors import callback_connector
from pytorch_lightning.utilities.exceptions import SIGTERMException

from foldwise.data.samples import Samples
from foldwise.modules.hardware import (
    FitHardware,
    choose_num_threads,
    choose_precision,
    lightning_precision,
    num_threads,
    reproducible,
)
from foldwise.modules.kept_memory import keep_freed_memory


@contextlib.contextmanager
def as_configured(fit: FitHardware, samples: Samples) -> Iterator[None]:
    """Compute reproducibly by the threads of the fit; leave torch's generators as they were."""
    keep_freed_memory()
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        num_threads(choose_num_threads(fit, samples.x.shape[1:])),
        reproducible(),
    ):
        yield


def build_trainer(
    fit: FitHardware, device: torch.device, num_epochs: int, callback: Callback
) -> Trainer:
    """Return Lightning's trainer for one process, without any books of its own."""
    silence_lightning()
    with _without_foreign_callbacks():
        return Trainer(
            max_epochs=num_epochs,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            precision=lightning_precision(choose_precision(fit, device)),  # type: ignore[arg-type]  # a plain str
            callbacks=[callback],
            accumulate_grad_batches=fit.accumulate,
            plugins=[LightningEnvironment()],  # one process, also inside a job of a cluster
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )


@contextlib.contextmanager
def _without_foreign_callbacks() -> Iterator[None]:
    """Keep other packages from adding to a fit what it was not told of.

    Lightning asks all that are installed, which takes 8 ms for 300 of them: in a search that is
    a tenth of a small fit.
    """
    connector: Any = callback_connector  # it does not export the name
    before = connector._load_external_callbacks
    connector._load_external_callbacks = lambda _group: []
    try:
        yield
    finally:
        connector._load_external_callbacks = before


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt again, and end with an error when told to terminate.

    Lightning turns the first into an exit, and the second into one that looks like success.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def silence_lightning() -> None:
    """Keep Lightning's device banner, its advertising tips and its loader advice off the log."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\.")
