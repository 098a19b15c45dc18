from io import StringIO

import pytest
from model_cards import make_card
from progress_screen import Screen
from rich.console import Console

from foldwise.data.findings import Finding
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.models.gan.config import CganConfig
from foldwise.modules.gan_records import GanRecord
from foldwise.modules.records import EpochRecord
from foldwise.tasks.events import (
    EpochFinished,
    FoldFinished,
    FoldStarted,
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    TrainingFinished,
    TrainingStarted,
)
from foldwise.tasks.gan_models import GanCard
from foldwise.tasks.progress import ProgressDisplay


def record(epoch, train_loss=0.5, val_loss=0.25, val_f1=0.75):
    return EpochRecord(epoch, train_loss, val_loss, 0.001, val_accuracy=0.8, val_f1=val_f1)


def card(fold, *history, best_epoch=0):
    return make_card(
        preprocessing=ImagePreprocessing(mean=(0.0,), std=(1.0,)),
        fold=fold,
        best_epoch=best_epoch,
        history=tuple(vars(entry) for entry in history),
    )


@pytest.fixture
def log(monkeypatch):
    """What the display does where there is no terminal."""
    return Screen(monkeypatch, is_terminal=False)


@pytest.fixture
def terminal(monkeypatch):
    screen = Screen(monkeypatch, is_terminal=True)
    yield screen
    screen.display(TrainingFinished())


def test_a_terminal_shows_fold_epoch_loss_f1_and_time_left(terminal):
    terminal.after(0, TrainingStarted(3, 10, "cpu", "float32"))
    assert "fold 1 of 3" in terminal.after(0, FoldStarted(0, 0, ()))
    line = terminal.after(2, EpochFinished(0, 0, record(0, 0.6931, 0.5, 0.8125)))
    assert "fold 1 of 3, epoch 1" in line
    assert "loss 0.6931" in line
    assert "val loss 0.5000" in line
    assert "val F1 0.8125" in line
    assert "0:58 left" in line  # 29 more epochs of 2 s


def test_the_time_left_counts_epochs_that_ran_and_folds_that_are_left(terminal):
    terminal.after(0, TrainingStarted(3, 10, "cpu", "float32"))
    terminal.after(0, FoldStarted(0, 0, ()))
    terminal.after(4, EpochFinished(0, 0, record(0)))
    terminal.after(0, FoldFinished(card(0, record(0)), was_skipped=False))  # stopped early
    terminal.after(50, FoldStarted(0, 1, tuple(record(e) for e in range(8))))  # not training
    line = terminal.after(2, EpochFinished(0, 1, record(8)))
    assert "fold 2 of 3, epoch 9" in line
    assert "0:33 left" in line  # 1 + 10 more epochs of (4 + 2) / 2 s
    line = terminal.after(0, FoldFinished(card(1, record(8)), was_skipped=False))
    assert "Fold 2 of 3" in line


def test_a_second_training_starts_its_clock_anew(terminal):
    for seconds, left in ((60, "9:00 left"), (1, "0:09 left")):
        terminal.after(0, TrainingStarted(1, 10, "cpu", "float32"))
        terminal.after(0, FoldStarted(0, 0, ()))
        assert left in terminal.after(seconds, EpochFinished(0, 0, record(0)))
        terminal.after(0, FoldFinished(card(0, record(0)), was_skipped=False))
        terminal.after(0, TrainingFinished())


def test_a_log_gets_one_line_per_fold(log):
    assert log.after(0, TrainingStarted(2, 5, "cuda", "bfloat16")) == (
        "Training 2 folds, at most 5 epochs each, on cuda in bfloat16.\n"
    )
    assert log.after(0, FoldStarted(0, 0, ())) == ""
    assert log.after(1, EpochFinished(0, 0, record(0))) == ""
    assert log.after(1, EpochFinished(0, 0, record(1))) == ""
    history = (record(0), record(1, val_loss=0.125, val_f1=0.9))
    done = FoldFinished(card(0, *history, best_epoch=1), was_skipped=False)
    assert log.after(0.5, done) == (
        "Fold 1 of 2: best epoch 2 of 2, val loss 0.1250, val F1 0.9000 (2.5 s)\n"
    )
    skipped = FoldFinished(card(1, *history), was_skipped=True)
    assert log.after(0, skipped) == (
        "Fold 2 of 2: best epoch 1 of 2, val loss 0.2500, val F1 0.7500 "
        "(unchanged, not trained again)\n"
    )
    assert log.after(0, TrainingFinished()) == ""


def test_a_fold_of_numbers_tells_its_error(log):
    entry = EpochRecord(0, 0.5, 0.25, 0.001, val_mae=0.3)
    done = FoldFinished(card(0, entry), was_skipped=True)
    assert "val loss 0.2500, val MAE 0.3000 (" in log.after(0, done)


def gan_record(epoch, diversity=None, missing=None, num=None):
    return GanRecord(epoch, 1.5, 0.75, 0.1, -0.1, 0.8, diversity, diversity, missing, num)


def gan_card(*history, **fields):
    shared = make_card().model_dump(include=set(GanCard.model_fields) - {"model"})
    values = {"model": CganConfig(), "class_counts": (1, 1), **fields}
    return GanCard.of(**shared | values | {"history": tuple(map(vars, history))})


def gan_epoch(epoch, *findings):
    return GanEpochFinished(0, 0, gan_record(epoch), (), (), 0, None, None, findings)


def test_a_generator_shows_both_losses_and_its_samples(terminal):
    terminal.after(0, TrainingStarted(1, 3, "cpu", "float32"))
    terminal.after(0, GanFoldStarted(0, 0, 0, (), (), (), ()))
    line = terminal.after(2, gan_epoch(0))
    assert "fold 1 of 1, epoch 1" in line
    assert "losses 1.500 and 0.750  discriminator right in 80%  0:04 left" in line
    done = GanFoldFinished(gan_card(gan_record(0, 0.9, 2, 20)), was_skipped=False)
    told = "1 epochs, diversity 0.90, samples in 18 of 20 clusters of real ones (2.0 s)"
    assert told in terminal.after(0, done)


def test_what_speaks_against_a_generator_is_said_once_an_attempt(log):
    log.after(0, TrainingStarted(1, 3, "cpu", "float32"))
    assert log.after(0, GanFoldStarted(0, 0, 0, (), (), (), ())) == ""
    alike = Finding(check="mode_collapse", severity="warn", message="All alike.")
    assert log.after(0, gan_epoch(0, alike)) == "All alike.\n"
    assert log.after(0, gan_epoch(1, alike)) == ""
    again = log.after(0, GanFoldStarted(0, 0, 1, (), (), (), (alike,)))
    assert again == "Fold 1 of 1, attempt 2: the one before was given up. All alike.\n"
    assert log.after(0, gan_epoch(0, alike)) == "All alike.\n"


def test_a_fold_that_goes_on_says_after_which_epoch(log):
    log.after(0, TrainingStarted(2, 5, "cpu", "float32"))
    told = log.after(0, FoldStarted(0, 0, (record(0), record(1))))
    assert told == "Fold 1 of 2 goes on after epoch 2.\n"


def test_a_line_of_a_log_is_not_broken(monkeypatch):
    file = StringIO()
    display = ProgressDisplay(Console(file=file, width=20))
    display(FoldFinished(card(0, record(0)), was_skipped=True))
    assert len(file.getvalue().splitlines()) == 1


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("name", ["[/red]", "[bold]cpu", "gpu[0]", ":smile:", "[link=x]y[/link]"])
def test_markup_characters_are_shown_as_they_are(monkeypatch, name, is_terminal):
    screen = Screen(monkeypatch, is_terminal=is_terminal)
    assert f"on {name} in {name}." in screen.after(0, TrainingStarted(1, 1, name, name))
    screen.after(0, FoldStarted(0, 0, ()))
    screen.after(0, TrainingFinished())


def test_nothing_is_left_on_the_terminal_when_a_training_breaks_off(terminal):
    terminal.after(0, TrainingStarted(1, 5, "cpu", "float32"))
    terminal.after(0, FoldStarted(0, 0, ()))
    terminal.after(0, TrainingFinished())
    ended = terminal.file.getvalue()
    assert ended.endswith("\x1b[2K") or ended.endswith("\n\x1b[1A\x1b[2K")  # erased
    assert "\x1b[?25h" in ended  # the cursor is back
