"""Compare ways to augment a batch, each sample by its own draw: speed and correctness.

Run as `.venv/bin/python benchmarks/augmentation.py`; it prints Markdown. Every candidate mirrors
half of the samples, then scales, turns and shifts each. kornia is no dependency of Foldwise: it is
compared where it is installed (`uv pip install kornia==0.9.0`). With the argument `changes`, only
the cost of each of Foldwise's changes is measured.

B: batch, C: channels, H: height, W: width.
"""

import importlib.util
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor
from torchvision.transforms import v2

from foldwise.data.augment import AugmentConfig, Augmenter, MixConfig
from foldwise.data.augment.affine import affine_maps, resample
from foldwise.data.augment.flips import flip
from foldwise.modules.mixing import build_mixer

SHAPES = ((128, 1, 28, 28), (128, 3, 32, 32), (32, 3, 96, 96))
THREADS = (1, 2)
POLICY = AugmentConfig.of(
    horizontal_flip=0.5, shift=0.1, rotation=10, scale=0.1, padding="reflection"
)
SECONDS = 20.0  # of measuring per shape and number of threads
WARM_UP = 3  # batches that are not counted
HAS_KORNIA = importlib.util.find_spec("kornia") is not None
FOLDWISE = "Foldwise: `affine_grid` + `grid_sample`"
KORNIA_FUNCTIONS = "kornia functions, our draws"
KORNIA_CLASSES = "kornia classes, forked generator"
TORCHVISION = "torchvision v2 functions, sample by sample"

CHANGES = {
    "nothing": AugmentConfig(),
    "horizontal_flip: 0.5": AugmentConfig(horizontal_flip=0.5),
    "horizontal_flip: alternating": AugmentConfig(horizontal_flip="alternating"),
    "crop: 4": AugmentConfig(crop=4),
    "crop: 2, padding: reflection": AugmentConfig(crop=2, padding="reflection"),
    "shift, rotation, scale and shear": AugmentConfig.of(
        shift=0.1, rotation=10, scale=0.1, shear=10
    ),
    "policy: rand_augment": AugmentConfig(policy="rand_augment"),
    "policy: trivial_augment": AugmentConfig(policy="trivial_augment"),
    "brightness and contrast": AugmentConfig(brightness=0.2, contrast=0.2),
    "saturation": AugmentConfig(saturation=0.2),
    "hue": AugmentConfig(hue=0.1),
    "erasing: 1": AugmentConfig(erasing=1.0),
}

Draws = dict[str, npt.NDArray[np.float64]]  # each (B,), uniform in 0..1
Candidate = Callable[[Tensor, int], Tensor]  # images (B, C, H, W) and a seed -> the same
Apply = Callable[[Tensor, Draws], Tensor]


def draw(size: int, seed: int) -> Draws:
    """Return what all candidates but the classes of kornia are given."""
    names = ("horizontal_flip", "shift_x", "shift_y", "rotation", "scale")
    return dict(zip(names, np.random.default_rng(seed).random((len(names), size)), strict=True))


def meaning(draws: Draws) -> dict[str, npt.NDArray[np.float64]]:
    """Return shifts (B, 2) as fractions of width and height, degrees (B,) and factors (B,)."""
    low, high = POLICY.scale
    shifts = np.stack([draws["shift_x"], draws["shift_y"]], axis=1)
    return {
        "shift": POLICY.shift * (2 * shifts - 1),
        "degrees": POLICY.rotation * (2 * draws["rotation"] - 1),
        "scale": low + (high - low) * draws["scale"],
    }


def apply_foldwise(images: Tensor, draws: Draws) -> Tensor:
    """Do what `Augmenter` does, with given draws."""
    images = flip(images, draws["horizontal_flip"] < POLICY.horizontal_flip, axis=-1)
    return resample(images, affine_maps(POLICY, draws, *images.shape[-2:]), POLICY.padding)


def apply_kornia(images: Tensor, draws: Draws) -> Tensor:
    """Use kornia's geometry, one resampling per batch."""
    from kornia.geometry.transform import get_affine_matrix2d, hflip, warp_affine

    size, _, height, width = images.shape
    mask = torch.from_numpy(draws["horizontal_flip"] < POLICY.horizontal_flip)
    images = torch.where(mask.view(-1, 1, 1, 1), hflip(images), images)
    values = {name: torch.from_numpy(v).float() for name, v in meaning(draws).items()}
    matrix = get_affine_matrix2d(
        values["shift"] * torch.tensor([width, height]),
        torch.tensor([[(width - 1) / 2, (height - 1) / 2]]).expand(size, 2),
        values["scale"][:, None].repeat(1, 2),
        values["degrees"],
    )
    return warp_affine(images, matrix[:, :2], (height, width), padding_mode=POLICY.padding)


def apply_torchvision(images: Tensor, draws: Draws) -> Tensor:
    """Call torchvision once per sample; what comes in from outside can only be a constant."""
    from torchvision.transforms.v2 import InterpolationMode, functional

    _, _, height, width = images.shape
    values = meaning(draws)
    changed = []
    for i, image in enumerate(images):
        mirrored = draws["horizontal_flip"][i] < POLICY.horizontal_flip
        x, y = values["shift"][i].tolist()
        changed.append(
            functional.affine(
                functional.horizontal_flip(image) if mirrored else image,
                float(values["degrees"][i]),
                [x * width, y * height],
                float(values["scale"][i]),
                [0.0, 0.0],
                interpolation=InterpolationMode.BILINEAR,
            )
        )
    return torch.stack(changed)


def apply_scipy(images: Tensor, draws: Draws) -> npt.NDArray[np.float32]:
    """Return the independent reference."""
    values = meaning(draws)
    size = np.array(images.shape[-2:])
    results = images.numpy().copy()
    for i, result in enumerate(results):
        angle, scale = np.radians(values["degrees"][i]), values["scale"][i]
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre, shift = (size - 1) / 2, values["shift"][i, ::-1] * size  # rows, columns
        offset = centre - turn @ (centre + shift) / scale
        mirrored = draws["horizontal_flip"][i] < POLICY.horizontal_flip
        for channel in range(len(result)):
            plane = result[channel, :, ::-1] if mirrored else result[channel]
            result[channel] = ndimage.affine_transform(
                plane, turn / scale, offset, order=1, mode="reflect"
            )
    return results


def kornia_classes() -> Candidate:
    """Return kornia's augmentation classes, which draw from the global generator."""
    from kornia.augmentation import AugmentationSequential, RandomAffine, RandomHorizontalFlip

    shift = (POLICY.shift, POLICY.shift)
    policy = AugmentationSequential(
        RandomHorizontalFlip(p=POLICY.horizontal_flip),
        RandomAffine(POLICY.rotation, shift, POLICY.scale, padding_mode=POLICY.padding, p=1.0),
        data_keys=["input"],
    )

    def augment(images: Tensor, seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            changed: Tensor = policy(images)
            return changed

    return augment


def seeded(apply: Apply) -> Candidate:
    """Let a function with given draws make them itself."""
    return lambda images, seed: apply(images, draw(len(images), seed))


def milliseconds(candidates: dict[str, Candidate], images: Tensor) -> dict[str, float]:
    """Return the least time of a batch: other work on the machine can only lengthen one.

    The candidates take turns, so that all see the same disturbances.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    end = time.perf_counter() + SECONDS
    seed = 0
    while time.perf_counter() < end or seed < WARM_UP + 10:
        for name, augment in candidates.items():
            start = time.perf_counter()
            augment(images, seed)
            times[name].append(time.perf_counter() - start)
        seed += 1
    return {name: 1000 * min(measured[WARM_UP:]) for name, measured in times.items()}


def num_distinct(augment: Candidate) -> int:
    """Return how many different pictures 16 copies of one image become."""
    copies = torch.rand(1, 3, 32, 32).repeat(16, 1, 1, 1)
    return len(torch.unique(augment(copies, 0).flatten(1), dim=0))


def worst_difference(apply: Apply) -> float:
    """Return the greatest difference to scipy where nothing comes in from outside."""
    images = torch.rand(64, 3, 64, 64)
    draws = draw(len(images), 0)
    difference = apply(images, draws).numpy() - apply_scipy(images, draws)
    return float(np.abs(difference[:, :, 20:44, 20:44]).max())


def import_seconds(module: str) -> float:
    """Return the least of three times that a fresh process needs to import a module."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def speed_table(candidates: dict[str, Candidate]) -> list[str]:
    """Return one row per candidate: milliseconds per batch."""
    columns = [(threads, shape) for threads in THREADS for shape in SHAPES]
    heads = [f"{'x'.join(map(str, shape))}, {threads} thr." for threads, shape in columns]
    cells: dict[str, list[str]] = {name: [] for name in candidates}
    for threads, shape in columns:
        torch.set_num_threads(threads)
        for name, least in milliseconds(candidates, torch.rand(shape)).items():
            cells[name].append(f"{least:.2f}")
    rows = [f"| {name} | {' | '.join(row)} |" for name, row in cells.items()]
    return [
        f"| ms per batch, least | {' | '.join(heads)} |",
        "| --- " * (1 + len(heads)) + "|",
        *rows,
    ]


def change_table() -> list[str]:
    """Return one row per change: microseconds per image, beside torchvision where it has it."""
    torch.set_num_threads(1)
    images = torch.rand(SHAPES[1])
    labels = torch.arange(len(images)) % 10
    candidates: dict[str, Candidate] = {name: changed(c) for name, c in CHANGES.items()}
    for kind in ("mixup_alpha", "cutmix_alpha"):
        candidates[f"mix.{kind}: 1"] = mixed(MixConfig.of(**{kind: 1}), labels)
    for policy in (v2.RandAugment(), v2.TrivialAugmentWide()):
        name = f"torchvision's {type(policy).__name__}, sample by sample"
        candidates[name] = one_by_one(policy)
    times = milliseconds(candidates, images)
    rows = [f"| {name} | {1000 * time / len(images):.1f} |" for name, time in times.items()]
    return [
        f"| {'x'.join(map(str, images.shape))}, 1 thr. | us per image |",
        "| --- | --- |",
        *rows,
    ]


def changed(config: AugmentConfig) -> Candidate:
    """Return one change, as `TrainingBatches` calls it."""
    augmenter = Augmenter(config)
    return lambda images, seed: augmenter(images, seed, torch.arange(len(images)), 0)


def mixed(config: MixConfig, labels: Tensor) -> Candidate:
    """Return a mixer without its labels."""
    mixer = build_mixer(config, int(labels.max()) + 1)
    assert mixer is not None
    return lambda images, seed: mixer(images, labels, seed)[0]


def one_by_one(transform: Callable[[Tensor], Tensor]) -> Candidate:
    """Return a loop over the samples; so each has its own draw."""
    return lambda images, _: torch.stack([transform(image) for image in images])


def fault_table(candidates: dict[str, Candidate], applied: dict[str, Apply]) -> list[str]:
    """Return one row per candidate: distinct pictures, difference to scipy."""
    rows = ["| | distinct of 16 copies | greatest difference to scipy |", "| --- | --- | --- |"]
    for name, augment in candidates.items():
        worst = f"{worst_difference(applied[name]):.0e}" if name in applied else "own draws only"
        rows.append(f"| {name} | {num_distinct(augment)} | {worst} |")
    return rows


def machine() -> list[str]:
    """Return where and with what this was measured."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next(line for line in lines if line.startswith("flags"))
    widest = "AVX-512" if "avx512f" in flags else "AVX2"
    packages = ["torch", "torchvision", *(["kornia"] if HAS_KORNIA else []), "numpy", "scipy"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return [
        "Command: `.venv/bin/python benchmarks/augmentation.py`",
        f"Machine: {len(models)} cores of {models[0]} ({widest}), {platform.system()}",
        f"Versions: Python {platform.python_version()}, {versions}",
        f"Policy: {POLICY.model_dump_json(exclude_defaults=True)}",
    ]


def main() -> None:
    """Print the tables."""
    torch.manual_seed(0)
    if sys.argv[1:] == ["changes"]:
        print("\n".join(change_table()))
        return
    applied: dict[str, Apply] = {FOLDWISE: apply_foldwise, TORCHVISION: apply_torchvision}
    candidates: dict[str, Candidate] = {
        FOLDWISE: Augmenter(POLICY),
        TORCHVISION: seeded(apply_torchvision),
    }
    modules = ["torch", "torchvision"]
    if HAS_KORNIA:
        applied[KORNIA_FUNCTIONS] = apply_kornia
        candidates[KORNIA_FUNCTIONS] = seeded(apply_kornia)
        candidates[KORNIA_CLASSES] = kornia_classes()
        modules.append("kornia")
    print("# Augmentation of whole batches\n")
    print("\n".join(f"- {line}" for line in machine()), "\n")
    print("\n".join(speed_table(candidates)), "\n")
    print("\n".join(fault_table(candidates, applied)), "\n")
    print("\n".join(change_table()), "\n")
    print(f"Times are the least of all batches in {SECONDS:.0f} s, candidates taking turns.\n")
    times = {name: import_seconds(name) for name in modules}
    print("Import, s:", ", ".join(f"{name} {seconds:.1f}" for name, seconds in times.items()))


if __name__ == "__main__":
    main()
