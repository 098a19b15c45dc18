"""Ingest at scale: rate of decoding and packing, peak memory, and the second time round.

Run: `make bench`, or this file; `--only rows` measures a long table and a long series alone. The
rate needs `cifar10_jpeg.tar.gz` in the folder named by FOLDWISE_DATA. What each figure includes is
printed beside it.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import simplejpeg

from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.images import batch
from foldwise.data.images.decode import ImageSpec, decode_image
from foldwise.data.images.pack import pack_images
from foldwise.data.images.store import FolderStore
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.packing import RowFile
from foldwise.data.samples import read_samples

ARCHIVE = Path(os.environ.get("FOLDWISE_DATA", "../shared/data")) / "cifar10_jpeg.tar.gz"
SPEC = ImageSpec(32, 32, "resize", "auto", 50_000_000)
BATCH, CORES = 256, len(os.sched_getaffinity(0))
CLASSES = 10


class Files:
    """Image files, and what the processes of the pool do with a run of them."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(str(folder))
        self.names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
        self.contents = [self.store.read(name).data for name in self.names]
        self.rows = RowFile(folder.parent / "x.npy", (3, 32, 32), np.uint8)
        self.rows.create(len(self.names))

    def decode_from_memory(self, part: range) -> None:
        """Decode by the bare library."""
        for i in part:
            simplejpeg.decode_jpeg(self.contents[i], "RGB")

    def decode(self, part: range) -> None:
        """Read and decode as ingest does, and keep nothing."""
        for i in part:
            decode_image(self.store.read(self.names[i]).data, SPEC)

    def pack(self, part: range) -> None:
        """Read, decode, write the rows, hash them and describe the files."""
        batch.decode_batch(part.start, self._names(part), self.store, SPEC, self.rows)

    def pack_unhashed(self, part: range) -> None:
        """Do the same without the hashes."""
        hashes, batch.row_hashes = batch.row_hashes, lambda x: []
        try:
            self.pack(part)
        finally:
            batch.row_hashes = hashes

    def _names(self, part: range) -> Sequence[str]:
        return self.names[part.start : part.stop]


FILES: Files  # in the processes of the pool, too, which are forked once it is set


def run_part(task: tuple[str, range]) -> None:
    getattr(FILES, task[0])(task[1])


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def rates(folder: Path, rounds: int) -> None:
    """Print how many images a second are decoded and packed, by what."""
    global FILES
    FILES = Files(folder)
    count = len(FILES.names)
    parts = [range(i, min(i + BATCH, count)) for i in range(0, count, BATCH)]
    labels = {
        "decode_from_memory": "decode alone, bytes in memory (bare simplejpeg)",
        "decode": "decode alone: read the file, check its header, decode",
        "pack_unhashed": "decode and pack: the same, and write the rows and columns",
        "pack": "decode, pack and hash: what ingest does",
    }
    times: dict[str, list[float]] = {name: [] for name in labels}
    whole: list[float] = []
    with multiprocessing.get_context("fork").Pool(CORES) as pool:
        pool.map(run_part, [("pack", part) for part in parts[: 4 * CORES]])
        for _ in range(rounds):
            for name in labels:
                tasks = [(name, part) for part in parts]
                times[name].append(seconds(lambda t=tasks: pool.map(run_part, t, chunksize=1)))
            path = folder.parent / "y.npy"
            whole.append(seconds(lambda p=path: pack_images(FILES.names, FILES.store, SPEC, p)))
    reference = statistics.median(times["decode"])
    print(f"\n| {count} JPEGs, {CORES} processes | images/s (median of {rounds}) | rate |")
    print("| --- | --- | --- |")
    for label, values in zip(labels.values(), times.values(), strict=True):
        middle = statistics.median(values)
        print(f"| {label} | {count / middle:,.0f} | {reference / middle:.0%} |")
    middle = statistics.median(whole)
    label = "`pack_images`: all of it, processes started and ended"
    print(f"| {label} | {count / middle:,.0f} | {reference / middle:.0%} |")


def ingest_apart(source: Path, samples: Path) -> dict[str, float]:
    """Ingest in a process of its own; return its seconds without imports, and peak memory.

    Its own peak is what the system says; that of the processes it starts is the largest sum seen,
    looked at every 50 ms.
    """
    command = [sys.executable, __file__, "--ingest", str(source), "--into", str(samples)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    children = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid).children(recursive=True)
            children = max(children, sum(child.memory_info().rss for child in found))
        time.sleep(0.05)
    output, _ = process.communicate()
    return {**json.loads(output.splitlines()[-1]), "children_mib": children / 2**20}


def ingest_here(source: Path, samples: Path) -> None:
    """Ingest, and print what it took."""
    values = {"kind": "image_folder", "path": source, "image_size": 32}
    taken = seconds(lambda: ingest(IngestConfig.of(source=values), samples))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "own_mib": own}))


def make_images(folder: Path, count: int) -> Path:
    """Write generated JPEGs, some hundred different ones, into class folders."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (500, 32, 32, 3), np.uint8)
    contents = [simplejpeg.encode_jpeg(picture, quality=80) for picture in pictures]
    for name in range(CLASSES):
        (folder / f"class_{name}").mkdir(parents=True)
    for i in range(count):
        path = folder / f"class_{i % CLASSES}" / f"{i:06d}.jpg"
        path.write_bytes(contents[i % len(contents)])
    return folder


def memory(folder: Path, counts: Sequence[int]) -> None:
    print("\n| generated images | ingest, s | peak memory, MiB | of its children, MiB |")
    print("| --- | --- | --- | --- |")
    totals = []
    for count in counts:
        found = ingest_apart(make_images(folder / str(count), count), folder / f"samples_{count}")
        totals.append(found["own_mib"] + found["children_mib"])
        print(
            f"| {count:,} | {found['seconds']:.1f} | {found['own_mib']:.0f} "
            f"| {found['children_mib']:.0f} |"
        )
    print(f"\nThe last above the first, children included: {totals[-1] - totals[0]:+.0f} MiB.")


def make_table(path: Path, num_rows: int) -> dict[str, object]:
    """Write 12 columns of numbers and a class; return the parameters that read them."""
    generator = np.random.default_rng(0)
    names = [f"f{i}" for i in range(12)]
    frame = pd.DataFrame(generator.normal(size=(num_rows, 12)).round(4), columns=names)
    frame.assign(y=generator.choice(list("abc"), num_rows)).to_csv(path, index=False)
    return {"kind": "table", "path": str(path), "target_column": "y"}


def make_series(path: Path, num_steps: int) -> dict[str, object]:
    """Write two channels of a random walk; return the parameters that cut windows from it."""
    walk = np.random.default_rng(0).normal(size=(num_steps, 2)).cumsum(axis=0)
    pd.DataFrame(walk, columns=["a", "b"]).to_parquet(path, index=False)
    windows = {"length": 60, "stride": 10, "target_column": "a"}
    return {"kind": "windows", "path": str(path), **windows}


def split_here(source: str, samples: Path) -> None:
    """Ingest and split, and print what it took."""
    config = json.loads(source)
    forms = {"table": SplitConfig(), "windows": SplitConfig.of(scheme="time_expanding")}
    read = seconds(lambda: ingest(IngestConfig.of(source=config), samples))
    table = read_samples(samples).table
    split = seconds(lambda: make_folds(table, forms[config["kind"]]))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    x = (samples / "x.npy").stat().st_size / 2**20
    print(json.dumps([len(table), x, read, split, own]))


def rows(folder: Path, num_rows: int, num_steps: int) -> None:
    """Print what it takes to ingest and split a long table and windows of a long series."""
    print("\n| input | samples | x.npy, MiB | ingest, s | split, s | peak memory, MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    sources = {
        f"CSV table, {num_rows:,} x 12": make_table(folder / "rows.csv", num_rows),
        f"Parquet series, {num_steps:,} steps x 2": make_series(folder / "s.parquet", num_steps),
    }
    for label, source in sources.items():
        command = [sys.executable, __file__, "--split", json.dumps(source)]
        into = folder / f"samples_{source['kind']}"
        output = subprocess.check_output([*command, "--into", str(into)], text=True)
        count, x, read, split, own = json.loads(output.splitlines()[-1])
        print(f"| {label} | {count:,} | {x:.0f} | {read:.1f} | {split:.1f} | {own:.0f} |")


def second_time(source: Path, folder: Path) -> None:
    first, second = (ingest_apart(source, folder / f"again_{source.name}") for _ in range(2))
    print(f"| {source.name} | {first['seconds']:.2f} | {second['seconds']:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=200_000, help="for the peak memory")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="of the table; steps: ten times"
    )
    parser.add_argument("--only", choices=["rows"])
    parser.add_argument("--split", help=argparse.SUPPRESS)
    parser.add_argument("--ingest", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ingest:
        ingest_here(arguments.ingest, arguments.into)
        return
    if arguments.split:
        split_here(arguments.split, arguments.into)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows(folder, arguments.rows, 10 * arguments.rows)
        if arguments.only:
            return
        if ARCHIVE.exists():
            with tarfile.open(ARCHIVE) as archive:
                archive.extractall(folder / "unpacked", filter="data")
            rates(folder / "unpacked", arguments.rounds)
            print("\n| input | first ingest, s | second, s (imports excluded) |")
            print("| --- | --- | --- |")
            second_time(ARCHIVE, folder)
            second_time(folder / "unpacked", folder)
        else:
            print(f"Skipped the rate: {ARCHIVE} is missing; FOLDWISE_DATA names its folder.")
        memory(folder, (2_000, arguments.images))


if __name__ == "__main__":
    main()
