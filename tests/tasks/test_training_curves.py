import dataclasses

import numpy as np
import pandas as pd
import pytest
from model_cards import make_card
from scipy import stats

from foldwise.data.folds import Folds
from foldwise.modules.records import EpochRecord
from foldwise.pipelines.evaluate.training_curve_nodes import (
    collect_training_curves,
    show_training_curves,
)
from foldwise.tasks.fold_models import FoldModels, write_model
from foldwise.tasks.training_curves import training_curves
from foldwise.tasks.training_curves_figure import training_curves_figure
from foldwise.tasks.training_curves_section import training_curves_section

EPOCHS = np.arange(20)
FALLING = 2 * np.exp(-EPOCHS / 3) + 0.1


def card_of(fold, train, val, repeat=0, best=None, **scores):
    history = tuple(
        dataclasses.asdict(
            EpochRecord(
                i,
                float(train[i]),
                float(val[i]),
                0.1,
                **{n: float(v[i]) for n, v in scores.items()},
            )
        )
        for i in range(len(train))
    )
    best = int(np.argmin(val)) if best is None else best
    return make_card(fold=fold, repeat=repeat, history=history, best_epoch=best)


def curves_of(train, val, num_folds=3, **scores):
    """Curves of several folds, each a little higher than the one before."""
    return training_curves(
        [card_of(k, train + 0.01 * k, val + 0.02 * k, **scores) for k in range(num_folds)]
    )


def test_a_validation_loss_that_rises_while_training_falls_is_overfitting():
    val = np.where(EPOCHS < 8, FALLING, FALLING[8] + 0.05 * (EPOCHS - 8))
    found = curves_of(FALLING, val)
    assert found.verdict == "overfitting"
    assert found.sentences[0].startswith("Overfitting: in 3 of 3 folds")
    # The lowest point and the end of means of three epochs around each, by hand.
    smooth = pd.Series(val).rolling(3, center=True, min_periods=1).mean()
    rise = (smooth.iloc[-1] - smooth.min()) / smooth.min()
    assert found.folds["rise"][0] == pytest.approx(rise)


def test_one_fold_of_three_that_overfits_is_not_most_of_them():
    rising = np.where(EPOCHS < 8, FALLING, FALLING[8] + 0.05 * (EPOCHS - 8))
    cards = [
        card_of(0, FALLING, rising),
        card_of(1, FALLING, FALLING),
        card_of(2, FALLING, FALLING),
    ]
    assert training_curves(cards).verdict == "fine"


def test_both_losses_rising_is_no_overfitting():
    rising = np.where(EPOCHS < 8, FALLING, FALLING[8] + 0.05 * (EPOCHS - 8))
    assert curves_of(rising, rising).verdict != "overfitting"


def test_a_loss_that_still_falls_at_the_end_is_underfitting():
    line = 2 - 0.05 * EPOCHS
    found = curves_of(line, line)
    assert found.verdict == "underfitting"
    # The last four epochs lie 4 * 0.05 below the four before them, of a fall of 19 * 0.05.
    assert found.folds["late_fall"].to_numpy() == pytest.approx([4 / 19] * 3)
    assert "still falls at the end" in found.sentences[0]


def test_a_loss_that_never_falls_is_underfitting_unless_the_scores_are_good():
    level = np.full(20, 0.69)
    assert curves_of(level, level, val_f1=np.full(20, 0.4)).verdict == "underfitting"
    assert curves_of(level, level, val_f1=np.full(20, 0.95)).verdict == "fine"


def test_a_levelled_loss_is_fine_and_few_epochs_tell_nothing():
    assert curves_of(FALLING, FALLING + 0.05).verdict == "fine"
    assert curves_of(FALLING[:4], FALLING[:4]).verdict == "unknown"


def test_the_gap_and_its_interval_are_those_of_the_kept_epochs():
    rng = np.random.default_rng(0)
    cards, gaps = [], []
    for fold in range(5):
        val = FALLING + 0.1 + 0.02 * rng.random(20)
        best = int(val.argmin())
        gaps.append(val[best] - FALLING[best])
        cards.append(card_of(fold, FALLING, val))
    found = training_curves(cards)
    assert found.folds["gap"].to_numpy() == pytest.approx(gaps)
    low, high = stats.t.interval(0.95, 4, np.mean(gaps), stats.sem(gaps))
    assert f"{low:.4g} to {high:.4g}" in found.sentences[1]


def test_epochs_are_averaged_over_the_folds_that_reached_them():
    long, short = card_of(0, FALLING, FALLING), card_of(1, FALLING[:10] + 1, FALLING[:10] + 3)
    table = training_curves([long, short]).epochs()
    assert table["num_folds"].tolist() == [2] * 10 + [1] * 10
    assert table["train_loss_mean"].to_numpy() == pytest.approx(
        np.r_[FALLING[:10] + 0.5, FALLING[10:]]
    )
    assert table["val_loss_std"][0] == pytest.approx(3 / np.sqrt(2))
    assert np.isnan(table["val_loss_std"][19])


@pytest.mark.parametrize(
    "scores", [{"val_f1": FALLING, "val_accuracy": FALLING}, {"val_mae": FALLING}]
)
def test_the_figure_and_the_section_show_what_there_is(scores):
    found = curves_of(FALLING, FALLING, num_folds=2, **scores)
    assert found.scores == tuple(scores)
    left, right = training_curves_figure(found).axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["training", "validation", "kept epoch of each fold"]
    assert len(right.get_legend().get_texts()) == len(scores)
    section = training_curves_section(found)
    assert section.paragraphs == found.sentences
    assert [row[0] for row in section.tables[0].rows] == ["fold 0", "fold 1"]
    assert section.figures[0].alt


def test_many_folds_are_shown_by_those_that_rise_most():
    cards = [card_of(k, FALLING, FALLING * (1 + EPOCHS * k / 1000)) for k in range(30)]
    table = training_curves_section(training_curves(cards)).tables[0]
    assert len(table.rows) == 20
    assert table.rows[0][0] == "fold 29"
    assert "10 folds" in table.note


def test_the_node_reads_the_cards_of_these_folds_alone(tmp_path):
    models = FoldModels(tmp_path / "cnn")
    folds = Folds(pd.DataFrame(), {"content_hash": "o"})
    assert collect_training_curves(models, folds).is_empty
    card = card_of(0, FALLING, FALLING)
    write_model(models.folder(0, 0), card, lambda path: path.write_bytes(b""))
    assert len(collect_training_curves(models, folds).history) == 20
    assert collect_training_curves(models, Folds(pd.DataFrame(), {"content_hash": "x"})).is_empty


def test_without_networks_everything_says_so(tmp_path):
    found = training_curves([])
    table, figure = show_training_curves(found)
    assert table.empty
    assert figure.axes[0].texts[0].get_text() == "No networks"
    section = training_curves_section(found)
    assert "no networks" in section.paragraphs[0]
    assert not section.figures
