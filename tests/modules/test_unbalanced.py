"""What the remedies do on classes of 58, 22 and 20 %."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import recall_score
from torch import nn

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import SplitConfig, fold_parts, make_folds
from foldwise.data.preprocessing import fit_images
from foldwise.modules.balanced_mixup import build_balanced_mixup
from foldwise.modules.data_module import EvaluationBatches, Part, TrainingBatches
from foldwise.modules.images import open_images
from foldwise.modules.inputs import ImageInputs
from foldwise.modules.losses import build_loss

CPU = torch.device("cpu")
SHARES = {"common": 58, "middle": 22, "rare": 20}
NUM_EPOCHS = 12


@pytest.fixture(scope="module")
def made():
    """2000 noisy images in exactly these shares; each class has a quarter that is brighter."""
    generator = np.random.default_rng(0)
    names = [name for name, share in SHARES.items() for _ in range(20 * share)]
    codes = np.array([list(SHARES).index(name) for name in names])
    x = generator.normal(120, 40, (len(codes), 1, 4, 4))
    for code, (row, column) in enumerate([(0, 0), (0, 2), (2, 0)]):
        x[codes == code, 0, row : row + 2, column : column + 2] += 15
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:04d}" for i in range(len(codes))],
            "label": names,
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [str(i) for i in range(len(codes))],
        }
    )
    folds = make_folds(table, SplitConfig(num_folds=2, test_fraction=0, validation_fraction=0.05))
    return x.clip(0, 255).astype(np.uint8), codes, table, folds


def macro_recall(made, seed, **balance):
    """Fit a linear network on the first fold's training part; score it on the outer fold."""
    x, codes, table, folds = made
    config = BalanceConfig.of(**balance)
    parts = next(iter(fold_parts(folds, table)))
    plan = plan_balance(table, folds, config)
    plan = plan[plan["fold"] == parts.fold]
    position = pd.Series(range(len(table)), index=table["sample_id"])
    rows, outer = position[plan["sample_id"]].to_numpy(), position[parts.oof].to_numpy()
    weights = plan["sampling_weight"].to_numpy(), plan["loss_weight"].to_numpy()
    part = Part(rows, codes[rows], *weights)
    preprocessing = fit_images(x, rows)
    epoch = 0
    batches = TrainingBatches(
        ImageInputs(open_images(x, rows, CPU), preprocessing),
        part,
        lambda images, *_: images,
        batch_size=50,
        seed=seed,
        epoch=lambda: epoch,
        device=CPU,
        balanced_mixup=build_balanced_mixup(config, 3),
    )
    counts = np.bincount(part.targets, minlength=3)
    loss = build_loss(config, counts, label_smoothing=0, max_epochs=NUM_EPOCHS)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02)
    for epoch in range(NUM_EPOCHS):
        for inputs, targets, sample_weights in batches:
            optimizer.zero_grad()
            loss(network(inputs), targets, sample_weights, epoch).backward()
            optimizer.step()
    held_out = EvaluationBatches(
        ImageInputs(open_images(x, outer, CPU), preprocessing), Part(outer, codes[outer]), CPU
    )
    with torch.no_grad():
        decided = torch.cat([network(inputs).argmax(1) for inputs, _ in held_out])
    return recall_score(codes[outer], decided, average="macro")


@pytest.fixture(scope="module")
def plain(made):
    return np.array([macro_recall(made, seed, method="none") for seed in range(3)])


def test_the_shares_are_those_named(made):
    table = made[2]
    assert (table["label"].value_counts(normalize=True) * 100).round().to_dict() == SHARES


@pytest.mark.parametrize(
    "balance",
    [
        {"method": "class_weights"},
        {"method": "class_weights", "weights": "effective", "beta": 0.999},
        {"method": "focal", "weights": "inverse"},
        {"method": "logit_adjustment"},
        {"method": "ldam_drw", "reweight_from": 0.3, "scale": 3},
        {"method": "weighted_sampler"},
        {"method": "oversample"},
        {"method": "undersample"},
        {"method": "mixup_balanced", "alpha": 1},
    ],
    ids=lambda balance: BalanceConfig.of(**balance).name,
)
def test_a_remedy_beats_the_plain_loss_on_macro_recall(made, plain, balance):
    remedied = np.array([macro_recall(made, seed, **balance) for seed in range(3)])
    assert (remedied > plain + 0.02).all()
