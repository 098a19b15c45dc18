"""Training throughput on series: Foldwise beside a bare loop, and unequal beside equal lengths.

Series of 128 steps and 6 channels in batches of 64. The same network, precision, optimiser and
batch size in one process; the contenders take turns, each round in the other order, and medians
are compared. Series of unequal lengths have 32 to 224 steps, and as many in all.
Run: `make bench`, or this file.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from foldwise.data.augment import AugmentConfig
from foldwise.data.augment.build import build_augmenter
from foldwise.data.preprocessing import SeriesPreprocessing, fit_series
from foldwise.data.samples import Feature, Samples
from foldwise.models.build import build_network
from foldwise.models.config import InceptionTimeConfig, LstmConfig, RnnModelConfig
from foldwise.models.input_spec import SeriesSpec
from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.data_module import EvaluationBatches, FoldData, Part, TrainingBatches
from foldwise.modules.fold_state import FoldStateCallback, StateFolder
from foldwise.modules.hardware import choose_precision
from foldwise.modules.inputs import open_inputs
from foldwise.modules.optimizers import build_optimizer
from foldwise.modules.schedules import schedule_factor
from foldwise.tasks.lightning_trainer import as_configured, build_trainer

BATCH, EPOCHS, CLASSES, CHANNELS = 64, 5, 4, 6
STEPS, SHORTEST, LONGEST = 128, 32, 224
VALIDATED = 64  # series, after each epoch
DEVICE = torch.device("cpu")
# With one thread, the time on a processor says the same beside other work, and without the waits.
CLOCKS: dict[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "processor": time.process_time,
}
FIT = FitConfig(max_epochs=EPOCHS, batch_size=BATCH)
MODELS: tuple[RnnModelConfig, ...] = (LstmConfig(), InceptionTimeConfig())


def make_samples(lengths: np.ndarray) -> Samples:
    """Draw series of noise in classes, of lengths (N,)."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(len(lengths), int(lengths.max()), CHANNELS)).astype(np.float32)
    x[np.arange(x.shape[1]) >= lengths[:, np.newaxis]] = 0.0
    classes = tuple(str(number) for number in range(CLASSES))
    labels = generator.choice(classes, len(lengths))
    table = pd.DataFrame({"label": labels, "length": lengths})
    features = tuple(Feature(name=f"dim_{i}") for i in range(CHANNELS))
    return Samples(x, table, classes, modality="series", features=features)


def unequal_lengths(number: int) -> np.ndarray:
    """Return lengths from `SHORTEST` to `LONGEST`, all alike frequent, of the mean `STEPS`."""
    lengths = np.linspace(SHORTEST, LONGEST, number).round().astype(np.int64)
    lengths[: number * STEPS - lengths.sum()] += 1  # what rounding has taken, if anything
    return np.random.default_rng(1).permutation(lengths)


def preprocessing_of(samples: Samples) -> SeriesPreprocessing:
    return fit_series(samples.x, samples.lengths, np.arange(len(samples)), "error")


def network(model: RnnModelConfig, samples: Samples) -> torch.nn.Module:
    torch.manual_seed(0)
    built = build_network(model, SeriesSpec(CHANNELS, samples.x.shape[1]), CLASSES)
    return built.to(memory_format=torch.channels_last).train()


def foldwise(model: RnnModelConfig, samples: Samples, clock: Callable[[], float]) -> float:
    """What train_rnn does for an epoch: its batches, module, trainer, and state on the disk."""
    rows, preprocessing = np.arange(len(samples)), preprocessing_of(samples)
    part, few = Part(rows, samples.y), Part(rows[:VALIDATED], samples.y[:VALIDATED])
    with tempfile.TemporaryDirectory() as folder, as_configured(FIT, samples):
        callback = FoldStateCallback(FIT, 0, StateFolder(Path(folder)), None, lambda record: None)
        batches = TrainingBatches(
            open_inputs(samples, part.rows, preprocessing, DEVICE),
            part,
            build_augmenter(AugmentConfig(), "series", 0),
            batch_size=BATCH,
            seed=0,
            epoch=lambda: callback.epoch,
            device=DEVICE,
        )
        inner = open_inputs(samples, few.rows, preprocessing, DEVICE)
        module = Classifier(
            network(model, samples), CLASSES, FIT, total_steps=EPOCHS * len(batches)
        )
        trainer = build_trainer(FIT, DEVICE, EPOCHS, callback)
        start = clock()
        trainer.fit(module, datamodule=FoldData(batches, EvaluationBatches(inner, few, DEVICE)))
        return clock() - start


def bare_loop(model: RnnModelConfig, samples: Samples, clock: Callable[[], float]) -> float:
    """Tensors in memory and the same network, without Lightning, state or validation."""
    inputs = torch.from_numpy(preprocessing_of(samples).encode(samples.x, samples.lengths))
    labels, net = torch.from_numpy(samples.y), network(model, samples)
    optimizer = build_optimizer(net, FIT.optimizer)
    num_batches = -(-len(labels) // BATCH)
    factor = schedule_factor(FIT.schedule, EPOCHS * num_batches)
    is_mixed = choose_precision(FIT, DEVICE) == "bfloat16"
    start = clock()
    epochs = [torch.randperm(len(labels)).tensor_split(num_batches) for _ in range(EPOCHS)]
    for step, rows in enumerate(rows for epoch in epochs for rows in epoch):
        for group in optimizer.param_groups:
            group["lr"] = FIT.optimizer.lr * factor(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            loss = functional.cross_entropy(net(inputs[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), FIT.gradient_clip_norm)
        optimizer.step()
    return clock() - start


def compare(
    model: RnnModelConfig, num_series: int, rounds: int, clock: Callable[[], float]
) -> None:
    """Print the times of one network as a table."""
    equal = make_samples(np.full(num_series, STEPS))
    unequal = make_samples(unequal_lengths(num_series))
    assert unequal.lengths.sum() == equal.lengths.sum()
    ours = f"Foldwise, {STEPS} steps each"
    contenders: dict[str, Callable[[], float]] = {
        ours: lambda: foldwise(model, equal, clock),
        "bare loop, the same": lambda: bare_loop(model, equal, clock),
        f"Foldwise, {SHORTEST} to {LONGEST} steps": lambda: foldwise(model, unequal, clock),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name in list(contenders)[:: 1 if turn % 2 else -1]:
            seconds = contenders[name]()
            if turn > 0:  # the first round warms up
                times[name].append(seconds / num_series / EPOCHS * 1e6)
    print(f"\n| {model.name}, {num_series} series | us per series (min, median, max) | ratio |")
    print("| --- | --- | --- |")
    middles = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(
            f"| {name} | {min(values):.0f}, {middles[name]:.0f}, {max(values):.0f} | "
            f"{middles[name] / middles[ours]:.2f} |"
        )
    bare = middles["bare loop, the same"]
    print(f"\nFoldwise takes {100 * (middles[ours] / bare - 1):+.0f} % of the bare loop's time.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2_048)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--models", nargs="*", default=[model.name for model in MODELS])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {BATCH}, ", end="")
    print(f"all in {choose_precision(FIT, DEVICE)}, {arguments.clock} time")
    for model in MODELS:
        if model.name in arguments.models:
            compare(model, arguments.series, arguments.rounds, CLOCKS[arguments.clock])


if __name__ == "__main__":
    main()
