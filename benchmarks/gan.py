"""Throughput of a generator's training: Foldwise, and a bare loop of the same networks.

The same networks, batches, rates and mean of weights in one process; the two take turns, and the
medians of several rounds are compared. Foldwise also looks at samples, keeps the state of each
epoch on the disk and notes the losses of each step. Run: `make bench`, or this file.
"""

import argparse
import copy
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from foldwise.data.samples import Samples
from foldwise.models.gan.build import build_gan
from foldwise.models.gan.networks import GanNetworks
from foldwise.models.input_spec import ImageSpec
from foldwise.modules.gan_losses import discriminator_loss, generator_loss
from foldwise.modules.hardware import choose_num_threads, choose_precision, num_threads
from foldwise.tasks.fit_gan import fit_generator
from foldwise.tasks.gan_config import TrainGanConfig

CLASSES, EPOCHS, EVERY = 10, 5, 5
DEVICE = torch.device("cpu")


def config_of(name: str) -> TrainGanConfig:
    fit = {"max_epochs": EPOCHS, "sample_every": EVERY, "accelerator": "cpu"}
    return TrainGanConfig.of(model={"name": name}, fit=fit | {"on_collapse": "warn"})


def made_samples(num: int, side: int) -> Samples:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (num, 1, side, side), dtype=np.uint8)
    labels = [str(number % CLASSES) for number in range(num)]
    table = pd.DataFrame({"sample_id": [f"{i:06d}" for i in range(num)], "label": labels})
    return Samples(x, table, tuple(str(number) for number in range(CLASSES)))


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def foldwise_fit(samples: Samples, config: TrainGanConfig) -> None:
    """What train_gan does for a fold, from the first weights to the last state."""
    with tempfile.TemporaryDirectory() as folder:
        fit_generator(samples, np.arange(len(samples)), config, 0, Path(folder))


def networks_of(samples: Samples, config: TrainGanConfig) -> GanNetworks:
    torch.manual_seed(0)
    networks = build_gan(config.model, ImageSpec(*samples.x.shape[1:]), CLASSES)
    for network in (networks.generator, networks.discriminator):
        network.to(memory_format=torch.channels_last)
    return networks


def bare_loop(samples: Samples, config: TrainGanConfig) -> None:
    """The same steps over tensors in memory, nothing noted: the floor."""
    fit, loss = config.fit, config.model.loss
    pair = networks_of(samples, config)
    generator, discriminator = pair.generator, pair.discriminator
    mean = copy.deepcopy(generator)
    of_generator, of_discriminator = (
        torch.optim.Adam(network.parameters(), rates.lr, rates.betas, fused=True)
        for network, rates in ((generator, fit.generator), (discriminator, fit.discriminator))
    )
    images, labels = torch.from_numpy(samples.x), torch.from_numpy(samples.y)
    num_batches = -(-len(labels) // fit.batch_size)
    is_mixed = choose_precision(fit, DEVICE) == "bfloat16"
    epochs = [torch.randperm(len(labels)).tensor_split(num_batches) for _ in range(EPOCHS)]
    for step, rows in enumerate(rows for epoch in epochs for rows in epoch):
        real = images[rows].float().div_(127.5).sub_(1)
        real = real.contiguous(memory_format=torch.channels_last)
        of_batch = labels[rows]
        discriminator.requires_grad_(True)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            fake = generator(torch.randn(len(rows), *generator.latent_shape), of_batch)
            both = torch.cat([real, fake.detach().to(real)])
            scores = discriminator(both, torch.cat([of_batch, of_batch]))
        of_discriminator.zero_grad()
        discriminator_loss(loss, scores[: len(rows)], scores[len(rows) :]).backward()
        of_discriminator.step()
        discriminator.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            scores = discriminator(fake.float(), of_batch)
        of_generator.zero_grad()
        generator_loss(loss, scores).backward()
        of_generator.step()
        share = 1 - min(fit.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(mean.parameters()), list(generator.parameters()), share)


def compare(name: str, num_images: int, side: int, rounds: int, clock: str) -> None:
    samples, config = made_samples(num_images, side), config_of(name)
    contenders = {"Foldwise": foldwise_fit, "bare loop": bare_loop}
    times: dict[str, list[float]] = {key: [] for key in contenders}
    with num_threads(choose_num_threads(config.fit, samples.x.shape[1:])):
        for turn in range(rounds + 1):
            for key, run in contenders.items():
                start = CLOCKS[clock]()
                run(samples, config)
                seconds = CLOCKS[clock]() - start
                if turn > 0:  # the first round warms up
                    times[key].append(seconds / num_images / EPOCHS * 1e6)
    floor = statistics.median(times["bare loop"])
    print(
        f"\n| {name}, {num_images} of {side}x{side} | us per image (min, median, max) | / bare |"
    )
    print("| --- | --- | --- |")
    for key, values in times.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"| {key} | {low:.0f}, {middle:.0f}, {high:.0f} | {middle / floor:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    # Of the processor where other work is done beside it; then the disk is waited for at no cost.
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, ", end="")
    print(f"both in {choose_precision(TrainGanConfig().fit, DEVICE)}, {arguments.clock} time")
    for name, side in (("cgan", 28), ("gan", 8)):
        compare(name, arguments.images, side, arguments.rounds, arguments.clock)


if __name__ == "__main__":
    main()
