"""Two processes fit one network: what each of them draws."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from foldwise.modules.epoch_order import weighted_draws
from foldwise.seeds import derive_seed

pytestmark = pytest.mark.slow  # a second interpreter imports torch and Lightning

SIZE = 21  # odd: one sample is drawn twice, so that both make as many steps
SCRIPT = """
import json, sys
import numpy as np, torch
from pytorch_lightning import LightningModule, Trainer
from foldwise.data.balance import BalanceConfig
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.modules.balanced_mixup import build_balanced_mixup
from foldwise.modules.data_module import Part, TrainingBatches
from foldwise.modules.images import ResidentImages
from foldwise.modules.inputs import ImageInputs

SIZE, CPU = 21, torch.device("cpu")
PLAIN = ImagePreprocessing(mean=(0.0,), std=(1.0,))
images = np.arange(SIZE, dtype=np.uint8).reshape(-1, 1, 1, 1)
labels = (np.arange(SIZE) < 7).astype(np.int64)
weights = np.where(labels == 1, 2.0, 1.0)


class Recorder:
    def __init__(self, module, rows, sampling_weights=None, **mixing):
        self.seeds, self.positions, self.mixes = [], [], []
        part = Part(rows, labels[rows], sampling_weights)
        if "mix" in mixing:
            mixing["mix"] = self.mix
        self.batches = TrainingBatches(
            ImageInputs(ResidentImages(images, rows, CPU), PLAIN), part,
            self.augment, batch_size=4, seed=0, epoch=lambda: module.current_epoch, device=CPU,
            **mixing,
        )

    def augment(self, batch, seed, positions, epoch):
        self.seeds.append(seed)
        self.positions.append(positions.tolist())
        return batch

    def mix(self, batch, labels, seed):
        self.mixes.append(seed)
        return batch, torch.nn.functional.one_hot(labels, 2).float()

    def epoch(self):
        for each in (self.seeds, self.positions, self.mixes):
            each.clear()
        list(self.batches)
        return self.told()

    def told(self):
        return {
            "seeds": self.seeds[:], "positions": self.positions[:], "mixes": self.mixes[:],
            "length": len(self.batches),
        }


class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        rows = np.arange(SIZE)
        mixup = build_balanced_mixup(BalanceConfig.of(method="mixup_balanced"), 2)
        self.fitted = Recorder(self, rows)
        self.others = {
            "weighted": Recorder(self, rows, weights),
            "oversample": Recorder(self, np.r_[rows, rows[:7]]),
            "mixed": Recorder(self, rows, mix=True),
            "balanced": Recorder(self, rows, balanced_mixup=mixup),
        }
        self.told = []

    def training_step(self, batch, index):
        return self.layer(batch[0].flatten(1)).mean()

    def on_train_epoch_end(self):
        told = {"fitted": self.fitted.told()}
        told |= {name: other.epoch() for name, other in self.others.items()}
        self.told.append(told)
        self.fitted.seeds.clear(), self.fitted.positions.clear()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


if __name__ == "__main__":
    torch.manual_seed(0)
    module = Module()
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", devices=2, strategy="ddp", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(module, module.fitted.batches)
    told = {"epochs": module.told, "weight": float(module.layer.weight)}
    with open(f"{sys.argv[1]}/{trainer.global_rank}.json", "w") as file:
        json.dump(told, file)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What both ranks told: of each epoch, by sampler, seeds and positions batch by batch."""
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "fit.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in ("MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE"):
        environment.pop(name, None)
    subprocess.run(
        [sys.executable, str(folder / "fit.py"), str(folder)],
        env=environment,
        check=True,
        timeout=300,
        capture_output=True,
    )
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def draws(told, sampler, epoch):
    """Return the positions that each rank drew."""
    return [
        [position for batch in rank["epochs"][epoch][sampler]["positions"] for position in batch]
        for rank in told
    ]


@pytest.mark.parametrize(("sampler", "size"), [("fitted", 21), ("mixed", 21), ("oversample", 28)])
@pytest.mark.parametrize("epoch", [0, 1])
def test_both_together_draw_each_row_once(told, sampler, size, epoch):
    first, second = draws(told, sampler, epoch)
    assert len(first) == len(second) == -(-size // 2)
    counts = Counter(first + second)
    assert set(counts) == set(range(size))
    assert sum(counts.values()) == size + size % 2  # only what fills up comes twice


def test_both_make_as_many_steps_as_was_told(told):
    for epoch in (0, 1):
        for sampler in ("fitted", "weighted", "oversample", "mixed"):
            steps = [len(rank["epochs"][epoch][sampler]["positions"]) for rank in told]
            length = {rank["epochs"][epoch][sampler]["length"] for rank in told}
            assert steps[0] == steps[1]
            assert length == {steps[0]}


def test_each_epoch_has_its_own_order(told):
    for sampler in ("fitted", "weighted"):
        assert draws(told, sampler, 0) != draws(told, sampler, 1)


@pytest.mark.parametrize("sampler", ["weighted", "balanced"])
def test_draws_with_replacement_are_shared_out_and_not_repeated(told, sampler):
    """Each rank has every second of the draws that one process would make."""
    weights = np.where(np.arange(SIZE) < 7, 2.0, 1.0)  # classes alike: 7 samples against 14
    purpose = ("order",) if sampler == "weighted" else ("order", "balanced")
    for epoch in (0, 1):
        order = weighted_draws(weights, derive_seed(0, epoch, *purpose))
        common = [*order.tolist(), int(order[0])]
        for rank, found in enumerate(told):
            batches = found["epochs"][epoch][sampler]["positions"]
            if sampler == "balanced":  # each follows the plain batch that it is mixed with
                batches = batches[1::2]
            assert [position for batch in batches for position in batch] == common[rank::2]


@pytest.mark.parametrize("kind", ["seeds", "mixes"])
def test_no_process_repeats_anothers_augmentation_or_mixing(told, kind):
    for sampler in ["mixed"] if kind == "mixes" else ["fitted", "weighted", "balanced"]:
        seeds = [
            seed for rank in told for epoch in rank["epochs"] for seed in epoch[sampler][kind]
        ]
        assert seeds
        assert len(set(seeds)) == len(seeds), sampler


def test_both_end_with_the_same_network(told):
    assert told[0]["weight"] == told[1]["weight"]
