"""The search for duplicates: how long it takes, how much memory, and what it finds.

CIFAR-10 as 60,000 JPEGs, 100,000 made-up images with planted copies, 100,000 that are nearly
equal, a million rows, 100,000 series; and on tiles photographed at six exposures, precision and
recall beside perceptual hashes. Run: `make bench`, or this file; FOLDWISE_DATA names the data.
"""

import argparse
import gzip
import os
import resource
import tarfile
import time
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import simplejpeg
from PIL import Image
from sklearn.datasets import load_digits

from foldwise.data.audit.audit import run_audit
from foldwise.data.audit.config import AuditConfig
from foldwise.data.audit.duplicates import DuplicatesConfig, find_duplicates
from foldwise.data.audit.near_images import NearImagesConfig, find_near_images
from foldwise.data.audit.near_pairs import joined_sets
from foldwise.data.samples import Feature, Samples, array_hash

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
NOTHING_SKIPPED = pd.DataFrame({"path": [], "reason": []}, dtype="str")
PLANTED = 1_000


def samples_of(x: np.ndarray, labels: np.ndarray, **given: object) -> Samples:
    columns = {"label": labels, "group": None, "official_split": None, "source": "made"}
    ids = [f"sample_{i:07d}" for i in range(len(x))]
    table = pd.DataFrame({"sample_id": ids, "sha256": [array_hash(one) for one in x]} | columns)
    table = table.astype({"group": "str", "official_split": "str", "label": "str"})
    return Samples(x=x, table=table, classes=tuple(sorted(set(table["label"]))), **given)


def two_classes(size: int) -> np.ndarray:
    return np.where(np.arange(size) % 2, "a", "b")


def cifar() -> Samples:
    """All 60,000 JPEGs; the class and the official split are in the names."""
    images, names = [], []
    with tarfile.open(DATA / "cifar10_jpeg.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".jpg"):
                images.append(simplejpeg.decode_jpeg(archive.extractfile(member).read()))
                names.append(member.name.split("/")[-3:])
    split, label, _ = np.array(names).T
    samples = samples_of(np.stack(images).transpose(0, 3, 1, 2), label)
    samples.table["official_split"] = split
    return samples


def fashion_mnist() -> Samples:
    """All 70,000 images, training files first."""
    parts = []
    for name, header in (("images-idx3", 16), ("labels-idx1", 8)):
        files = (DATA / f"fashion_mnist/{part}-{name}-ubyte.gz" for part in ("train", "t10k"))
        raw = (np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8) for file in files)
        parts.append(np.concatenate([values[header:] for values in raw]))
    return samples_of(parts[0].reshape(-1, 1, 28, 28), parts[1])


def made_up_images(size: int, seed: int = 0) -> np.ndarray:
    """Different grey images of 32x32 with detail of several sizes, (N, 1, 32, 32)."""
    generator = np.random.default_rng(seed)
    images = np.full((size, 32, 32), 128, np.float32)
    for cells in (4, 8, 16):
        noise = generator.normal(scale=25, size=(size, cells, cells)).astype(np.float32)
        for image, small in zip(images, noise, strict=True):
            image += np.asarray(Image.fromarray(small).resize((32, 32), Image.Resampling.BILINEAR))
    return np.clip(images, 0, 255).astype(np.uint8)[:, None]


def with_planted_copies(size: int) -> Samples:
    """Images of which the last thousand are darker, noisy copies of the first."""
    x = made_up_images(size)
    noise = np.random.default_rng(1).normal(scale=4, size=(PLANTED, 1, 32, 32))
    x[-PLANTED:] = np.clip(0.7 * x[:PLANTED] + noise, 0, 255)
    return samples_of(x, two_classes(size))


def nearly_equal(size: int) -> Samples:
    """Return one image again and again, but for noise of one level: the worst case."""
    x = np.repeat(made_up_images(1), size, axis=0)
    x += np.random.default_rng(0).integers(0, 2, x.shape, dtype=np.uint8)
    return samples_of(x, two_classes(size))


def table_of_rows(size: int) -> Samples:
    x = np.random.default_rng(0).normal(size=(size, 8)).astype(np.float32)
    x[-PLANTED:] = np.round(x[:PLANTED], 5)
    features = tuple(Feature(name=f"f{i}") for i in range(8))
    return samples_of(x, two_classes(size), modality="table", features=features)


def many_series(size: int) -> Samples:
    generator = np.random.default_rng(0)
    x = np.cumsum(generator.normal(size=(size, 140, 1)), axis=1).astype(np.float32)
    x[-PLANTED:] = x[:PLANTED] + generator.normal(scale=0.02, size=(PLANTED, 140, 1))
    return samples_of(x, two_classes(size), modality="series")


def time_search(name: str, samples: Samples, *, planted: bool = False) -> None:
    """Time the search for duplicates, and print what it found."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    duplicates = find_duplicates(samples, DuplicatesConfig())
    seconds = time.perf_counter() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    pairs = duplicates.near.pairs
    sets = np.bincount(joined_sets(pairs, len(samples)) + 1)[1:]
    told = f"{len(pairs)} pairs, {sets.sum()} samples in {len(sets)} sets of up to "
    told += f"{sets.max(initial=0)}"
    if planted:
        found = int((pairs[:, 1] - pairs[:, 0] == len(samples) - PLANTED).sum())
        told += f"; {found} of {PLANTED} planted pairs"
    print(f"| {name} | {seconds:.1f} | {peak:.0f} | {told} |", flush=True)


def time_audit(samples: Samples) -> None:
    """Time all checks of the audit."""
    start = time.perf_counter()
    run_audit(samples, NOTHING_SKIPPED, AuditConfig())
    print(f"| the whole audit of these | {time.perf_counter() - start:.1f} | | |", flush=True)


def tiles() -> tuple[np.ndarray, list[Image.Image], np.ndarray]:
    table = pd.read_csv(DATA / "magnetic_tile/groups.csv")
    images = [Image.open(DATA / "magnetic_tile" / path).convert("L") for path in table["image"]]
    x = np.stack([np.asarray(image.resize((64, 64)))[None] for image in images])
    return x, images, table["group"].to_numpy()


def compare_methods() -> None:
    """Precision and recall of pairs of one tile, in both of all pairs and of joined sets."""
    x, images, group = tiles()
    first, second = np.triu_indices(len(x), 1)
    is_same = group[first] == group[second]
    hashes = {"pHash": imagehash.phash, "dHash": imagehash.dhash, "wHash": imagehash.whash}
    for name, make in hashes.items():
        bits = np.stack([make(image).hash.ravel() for image in images]).astype(np.float32)
        distance = (bits @ (1 - bits).T + (1 - bits) @ bits.T)[first, second]
        for limit in (2, 4, 6, 8):
            chosen = distance <= limit
            pairs = np.stack([first, second], axis=1)[chosen]
            report(f"{name}, distance <= {limit}", pairs, is_same, group)
    for similarity in (0.7, 0.75, 0.8, 0.9):
        for distinctness in (0.1, 0.2, 0.33):
            config = NearImagesConfig(similarity=similarity, distinctness=distinctness)
            pairs = find_near_images(x, config).pairs
            report(f"Foldwise, {similarity}, {distinctness}", pairs, is_same, group)


def compare_on_trousers() -> None:
    """Join the trousers of Fashion-MNIST, which look alike, by either method."""
    samples = fashion_mnist()
    x = samples.x[samples.table["label"] == "1"]
    bits = np.stack([imagehash.phash(Image.fromarray(one[0])).hash.ravel() for one in x])
    bits = bits.astype(np.float32)
    distance = bits @ (1 - bits).T + (1 - bits) @ bits.T
    pairs = {"pHash, distance <= 4": np.argwhere(np.triu(distance <= 4, 1))}
    pairs["Foldwise"] = find_near_images(x, NearImagesConfig()).pairs
    for name, found in pairs.items():
        sizes = np.bincount(joined_sets(found, len(x)) + 1)[1:]
        told = f"{sizes.sum()} of {len(x)} in {len(sizes)} sets of up to {sizes.max()}"
        print(f"- {name}: {told}", flush=True)


def report(name: str, pairs: np.ndarray, is_same: np.ndarray, group: np.ndarray) -> None:
    right = int((group[pairs[:, 0]] == group[pairs[:, 1]]).sum())
    sets = joined_sets(pairs, len(group))
    together = (sets[:, None] == sets) & (sets >= 0)
    same = group[:, None] == group
    joined = int(np.triu(together, 1).sum())
    joined_right = int(np.triu(together & same, 1).sum())
    shares = [right / max(len(pairs), 1), right / is_same.sum()]
    shares += [joined_right / max(joined, 1), joined_right / is_same.sum()]
    told = " | ".join(f"{share:.3f}" for share in shares)
    largest = np.bincount(sets + 1)[1:].max(initial=0)
    print(f"| {name} | {told} | {(sets >= 0).mean():.2f} | {largest} |", flush=True)


def search_in_files() -> None:
    """Search in the real pictures there are."""
    if (DATA / "cifar10_jpeg.tar.gz").exists():
        samples = cifar()
        time_search("CIFAR-10, 60,000 JPEGs", samples)
        time_audit(samples)
    if (DATA / "fashion_mnist").exists():
        time_search("Fashion-MNIST, 70,000 images", fashion_mnist())
    if (DATA / "blood_cell_crops.npz").exists():
        with np.load(DATA / "blood_cell_crops.npz", allow_pickle=False) as file:
            x = file["x"].transpose(0, 3, 1, 2)
            time_search(f"blood cells, {len(x)} images", samples_of(x, file["y"]))
    digits = load_digits()
    x = np.rint(digits.images[:, None] / 16 * 255).astype(np.uint8)
    time_search(f"digits, {len(x)} images of 8x8", samples_of(x, digits.target))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    size, rows = arguments.images, arguments.rows
    find_duplicates(with_planted_copies(2 * PLANTED), DuplicatesConfig())  # imports
    print("| samples | s | memory added, MB | near duplicates |\n| --- | --- | --- | --- |")
    search_in_files()
    time_search(f"{size} made-up images", with_planted_copies(size), planted=True)
    time_search(f"{size} nearly equal images", nearly_equal(size))
    time_search(f"{rows} rows of 8 numbers", table_of_rows(rows), planted=True)
    time_search(f"{size} series of 140 steps", many_series(size), planted=True)
    if (DATA / "magnetic_tile").exists():
        print(
            "\n| tiles at six exposures | pairs: precision | recall | sets: precision | recall |"
            " images in a set | largest set |\n| --- | --- | --- | --- | --- | --- | --- |"
        )
        compare_methods()
    if (DATA / "fashion_mnist").exists():
        print("\nTrousers of Fashion-MNIST:\n")
        compare_on_trousers()


if __name__ == "__main__":
    main()
