"""Training throughput on 28x28 images: Foldwise, a bare loop, and the usual Lightning set-up.

The same network, augmentation, batch size and optimiser in one process; the three take turns, and
the medians of several rounds are compared. Run: `make bench`, or this file.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig, LeNet5Config, SmallCnnConfig
from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.data_module import (
    EvaluationBatches,
    FoldData,
    Part,
    TrainingBatches,
)
from foldwise.modules.fold_state import FoldStateCallback, StateFolder
from foldwise.modules.hardware import choose_precision, lightning_precision
from foldwise.modules.images import open_images
from foldwise.modules.inputs import ImageInputs, to_input
from foldwise.modules.optimizers import build_optimizer
from foldwise.modules.schedules import schedule_factor
from foldwise.seeds import derive_seed
from foldwise.tasks.lightning_trainer import silence_lightning

BATCH, EPOCHS, SHAPE, CLASSES = 128, 3, (1, 28, 28), 10
DEVICE = torch.device("cpu")
SHIFT, ROTATION, SCALE = 0.1, 10.0, (0.9, 1.1)
AUGMENT = AugmentConfig(shift=SHIFT, rotation=ROTATION, scale=SCALE)
PREPROCESSING = ImagePreprocessing(mean=(0.3,), std=(0.3,))
ONE = torch.tensor(1.0)
QUIET = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "accelerator": "cpu",
    "devices": 1,
}


class PerSample(Dataset):
    """The usual data set: one image at a time through torchvision's transforms."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.transform = v2.Compose(
            [
                v2.RandomAffine(
                    ROTATION,
                    translate=(SHIFT, SHIFT),
                    scale=SCALE,
                    interpolation=v2.InterpolationMode.BILINEAR,
                ),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(PREPROCESSING.mean, PREPROCESSING.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.transform(self.x[index]), self.y[index], ONE


def network(model: CnnModelConfig) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_cnn(model, SHAPE, CLASSES)


def usual_lightning(x: np.ndarray, y: np.ndarray, model: CnnModelConfig, workers: int) -> float:
    """Lightning, a DataLoader, per-sample transforms, float32."""
    fit = FitConfig(max_epochs=EPOCHS)
    loader = DataLoader(PerSample(x, y), BATCH, shuffle=True, num_workers=workers)
    module = Classifier(network(model), CLASSES, fit, total_steps=EPOCHS * len(loader))
    trainer = Trainer(max_epochs=EPOCHS, precision="32-true", **QUIET)
    start = time.perf_counter()
    trainer.fit(module, loader)
    return time.perf_counter() - start


def foldwise_epoch(x: np.ndarray, y: np.ndarray, model: CnnModelConfig) -> float:
    """What train_cnn does for an epoch: its batches, module, trainer, and state on the disk."""
    fit = FitConfig(max_epochs=EPOCHS, batch_size=BATCH)
    part = Part(np.arange(len(y)), y)
    with tempfile.TemporaryDirectory() as folder:
        callback = FoldStateCallback(fit, 0, StateFolder(Path(folder)), None, lambda record: None)
        batches = TrainingBatches(
            ImageInputs(open_images(x, part.rows, DEVICE), PREPROCESSING),
            part,
            Augmenter(AUGMENT),
            batch_size=BATCH,
            seed=0,
            epoch=lambda: callback.epoch,
            device=DEVICE,
        )
        few = Part(part.rows[:64], y[:64])
        validation = EvaluationBatches(
            ImageInputs(open_images(x, few.rows, DEVICE), PREPROCESSING), few, DEVICE
        )
        net = network(model).to(memory_format=torch.channels_last)
        module = Classifier(net, CLASSES, fit, total_steps=EPOCHS * len(batches))
        precision = lightning_precision(choose_precision(fit, DEVICE))
        trainer = Trainer(max_epochs=EPOCHS, precision=precision, callbacks=[callback], **QUIET)
        start = time.perf_counter()
        trainer.fit(module, datamodule=FoldData(batches, validation))
        return time.perf_counter() - start


def bare_loop(x: np.ndarray, y: np.ndarray, model: CnnModelConfig) -> float:
    """The same tricks without Lightning, state or validation: the floor."""
    fit = FitConfig(max_epochs=EPOCHS, batch_size=BATCH)
    images, labels, augment = torch.from_numpy(x), torch.from_numpy(y), Augmenter(AUGMENT)
    net = network(model).to(memory_format=torch.channels_last).train()
    optimizer = build_optimizer(net, fit.optimizer)
    num_batches = -(-len(y) // BATCH)
    factor = schedule_factor(fit.schedule, EPOCHS * num_batches)
    is_mixed = choose_precision(fit, DEVICE) == "bfloat16"
    start = time.perf_counter()
    epochs = [torch.randperm(len(y)).tensor_split(num_batches) for _ in range(EPOCHS)]
    for step, rows in enumerate(rows for epoch in epochs for rows in epoch):
        batch = augment(images[rows].float().div_(255), derive_seed(0, step))
        for group in optimizer.param_groups:
            group["lr"] = fit.optimizer.lr * factor(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            loss = functional.cross_entropy(net(to_input(batch, PREPROCESSING)), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), fit.gradient_clip_norm)
        optimizer.step()
    return time.perf_counter() - start


def compare(model: CnnModelConfig, num_images: int, rounds: int) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (num_images, *SHAPE), dtype=np.uint8)
    y = generator.integers(0, CLASSES, num_images)
    contenders: dict[str, Callable[[], float]] = {
        "Lightning + DataLoader, 0 workers": lambda: usual_lightning(x, y, model, 0),
        "Lightning + DataLoader, 2 workers": lambda: usual_lightning(x, y, model, 2),
        "Foldwise": lambda: foldwise_epoch(x, y, model),
        "bare loop, same tricks": lambda: bare_loop(x, y, model),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            seconds = run()
            if turn > 0:  # the first round warms up
                times[name].append(seconds / num_images / EPOCHS * 1e6)
    ours = statistics.median(times["Foldwise"])
    print(
        f"\n| {model.name}, {num_images} images | us per image (min, median, max) | / Foldwise |"
    )
    print("| --- | --- | --- |")
    for name, values in times.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"| {name} | {low:.0f}, {middle:.0f}, {high:.0f} | {middle / ours:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    silence_lightning()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {BATCH}, ", end="")
    print(f"Foldwise and the bare loop in {choose_precision(FitConfig(), DEVICE)}")
    for model in (LeNet5Config(), SmallCnnConfig()):
        compare(model, arguments.images, arguments.rounds)


if __name__ == "__main__":
    main()
