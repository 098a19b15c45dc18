import hashlib

import numpy as np
import pandas as pd
import pytest
from test_evaluate import predictions_of

from foldwise.data.folds import Folds
from foldwise.data.samples import Feature, Samples
from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.evaluate_regression import evaluate_regression
from foldwise.tasks.mistakes import find_mistakes, label_error_table
from foldwise.tasks.mistakes_config import MistakesConfig
from foldwise.tasks.mistakes_section import (
    label_errors_figure,
    mistakes_figure,
    mistakes_section,
)

CONFIG = EvaluateConfig(num_resamples=100)
CLASSES = ("$a_1$", "b", "c")


def samples_of(ids, labels, modality="image"):
    rng = np.random.default_rng(0)
    x = {
        "image": rng.integers(0, 255, (len(ids), 2, 6, 5), dtype=np.uint8),
        "series": rng.normal(size=(len(ids), 9, 4)).astype(np.float32),
        "tokens": rng.integers(1, 4, (len(ids), 7), dtype=np.int32),
        "table": np.where(rng.random((len(ids), 2)) < 0.1, np.nan, 1).astype(np.float32),
    }[modality]
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "label": labels,
            "source": "made",
            "sha256": [hashlib.sha256(str(i).encode()).hexdigest() for i in ids],
        }
    )
    features = (Feature(name="$n"), Feature(name="k", kind="categorical", categories=("u", "v")))
    return Samples(x, table, CLASSES, modality=modality, tokens=("", "$", "x", "y"),
                   features=features if modality == "table" else ())  # fmt: skip


def folds_of(predictions):
    rows = predictions[predictions["part"] == "oof"]
    table = rows[["sample_id", "fold", "repeat"]].assign(unit=0)
    return Folds(table.sort_values(["repeat", "sample_id"]), {})


@pytest.fixture(scope="module")
def given():
    predictions = predictions_of(CLASSES, size=120, num_test=6, repeats=2)
    rows = predictions.drop_duplicates("sample_id").sort_values("sample_id")
    samples = samples_of(rows["sample_id"].to_numpy(object), rows["target"].to_numpy(object))
    return predictions, samples, evaluate(predictions, None, CONFIG)


@pytest.fixture(scope="module")
def found(given):
    predictions, samples, evaluation = given
    return find_mistakes(evaluation, samples, folds_of(predictions), MistakesConfig())


def test_mistakes_are_those_of_the_mean_over_repeats(given, found):
    predictions, _, _ = given
    rows = predictions[predictions["part"] == "oof"]
    columns = [f"p_{name}" for name in CLASSES]
    mean = rows.groupby("sample_id")[columns].mean()
    target = rows.drop_duplicates("sample_id").set_index("sample_id")["target"][mean.index]
    called = mean.idxmax(axis=1).str.removeprefix("p_")
    wrong = called.index[called != target]
    assert found.num_mistakes == len(wrong) > 0
    assert set(found.table["sample_id"]) == set(wrong)
    table = found.table.set_index("sample_id")
    assert (table["prediction"] == called[table.index]).all()
    assert (table["target"] == target[table.index]).all()
    assert table["probability"].to_numpy() == pytest.approx(mean.max(axis=1)[table.index])
    assert table["probability"].is_monotonic_decreasing


def test_folds_of_all_repeats_are_told(given, found):
    predictions, _, _ = given
    first = found.table.iloc[0]
    rows = predictions[(predictions["part"] == "oof")]
    own = rows[rows["sample_id"] == first["sample_id"]].sort_values("repeat")
    assert first["fold"] == " ".join(map(str, own["fold"]))
    assert list(found.table) == [
        "sample_id", "source", "target", "prediction", "probability", "fold",
    ]  # fmt: skip


def test_a_swapped_label_is_suspected_and_comes_first():
    predictions = predictions_of(CLASSES, size=150, num_test=0, strength=6.0)
    one = predictions["sample_id"] == "sample_00007"
    told = predictions.loc[one, "target"].item()
    other = next(name for name in CLASSES if name != told)
    predictions.loc[one, "target"] = other
    rows = predictions.sort_values("sample_id")
    samples = samples_of(rows["sample_id"].to_numpy(object), rows["target"].to_numpy(object))
    evaluation = evaluate(predictions, None, CONFIG)
    found = find_mistakes(evaluation, samples, folds_of(predictions), MistakesConfig())
    errors = label_error_table(found)
    assert errors["sample_id"].iloc[0] == "sample_00007"
    assert errors[["label", "suggested_label"]].iloc[0].tolist() == [other, told]
    assert found.num_label_errors < 8
    section = mistakes_section(found, samples)
    assert "likely wrong" in section.paragraphs[1]
    assert section.tables[0].rows[0][0] == "sample_00007"
    assert [image.png[:4] for image in section.images] == [b"\x89PNG"] * 2
    assert section == mistakes_section(found, samples)  # the same bytes


@pytest.mark.parametrize("modality", ["image", "series", "tokens", "table"])
def test_sheets_tell_each_sample_of_any_kind(given, found, modality):
    _, samples, _ = given
    table = samples.table
    other = samples_of(table["sample_id"].to_numpy(), table["label"].to_numpy(), modality)
    for draw, rows in (
        (mistakes_figure, found.table),
        (label_errors_figure, label_error_table(found)),
    ):
        figure = draw(found, other)
        figure.canvas.draw()
        shown = [
            panel.get_title(loc="left") for panel in figure.axes if panel.axison or panel.images
        ]
        shown = [text for text in shown if text] or [
            text.get_text() for text in figure.texts if "→" in text.get_text()
        ]
        number = min(len(rows), 24)
        assert len(shown) == number
        names = rows["target" if "target" in rows else "label"].head(number)
        assert all(text.startswith(name) for text, name in zip(shown, names, strict=True))


def test_numbers_have_largest_errors_and_no_labels():
    rng = np.random.default_rng(0)
    ids = np.array([f"s{i:03d}" for i in range(60)], dtype=object)
    target = rng.normal(size=(60, 2))
    error = rng.normal(size=(60, 2))
    predictions = pd.DataFrame(
        {"sample_id": np.repeat(ids, 2), "repeat": 0, "fold": np.repeat(np.arange(60) % 3, 2),
         "part": "oof", "step": np.tile([1, 2], 60), "target": target.ravel(),
         "prediction": (target + error).ravel()}
    )  # fmt: skip
    samples = samples_of(ids, None)
    evaluation = evaluate_regression(predictions, None, CONFIG)
    folds = folds_of(predictions[predictions["step"] == 1])
    found = find_mistakes(evaluation, samples, folds, MistakesConfig(num_samples=5))
    row, step = np.unravel_index(np.abs(error).argmax(), error.shape)
    first = found.table.iloc[0]
    assert (first["sample_id"], first["step"]) == (ids[row], step + 1)
    assert first["error"] == pytest.approx(error[row, step])
    assert found.label_errors is None
    assert label_error_table(found).empty
    section = mistakes_section(found, samples)
    assert len(section.images) == 1
    assert "largest error" in section.paragraphs[0]
    assert "not examined" in label_errors_figure(found, samples).texts[0].get_text()


def test_a_model_without_mistakes_is_said_to_have_none():
    predictions = predictions_of(("a", "b"), size=40, num_test=0)
    hit = (predictions["target"] == "a").to_numpy(float)
    predictions["p_a"], predictions["p_b"] = 0.1 + 0.8 * hit, 0.9 - 0.8 * hit
    rows = predictions.sort_values("sample_id")
    samples = samples_of(rows["sample_id"].to_numpy(object), rows["target"].to_numpy(object))
    evaluation = evaluate(predictions, None, CONFIG)
    found = find_mistakes(evaluation, samples, folds_of(predictions), MistakesConfig())
    section = mistakes_section(found, samples)
    assert (found.num_mistakes, found.num_label_errors) == (0, 0)
    assert section.images == ()
    assert "No label looks wrong" in section.paragraphs[1]
    assert "None of 40" in mistakes_figure(found, samples).texts[0].get_text()


def test_networks_that_know_little_accuse_no_labels():
    predictions = predictions_of(CLASSES, size=150, num_test=0, strength=0.0)
    rows = predictions.sort_values("sample_id")
    samples = samples_of(rows["sample_id"].to_numpy(object), rows["target"].to_numpy(object))
    evaluation = evaluate(predictions, None, CONFIG)
    found = find_mistakes(evaluation, samples, folds_of(predictions), MistakesConfig())
    assert found.num_label_errors > 0
    assert "says little here" in mistakes_section(found, samples).paragraphs[1]


def test_pictures_with_many_colours_stay_small_on_the_page(given):
    predictions, _, evaluation = given
    rows = predictions.drop_duplicates("sample_id").sort_values("sample_id")
    noise = np.random.default_rng(0).integers(0, 255, (len(rows), 3, 128, 128), dtype=np.uint8)
    small = samples_of(rows["sample_id"].to_numpy(object), rows["target"].to_numpy(object))
    samples = Samples(noise, small.table, CLASSES)
    found = find_mistakes(evaluation, samples, folds_of(predictions), MistakesConfig())
    assert all(len(image.png) < 800_000 for image in mistakes_section(found, samples).images)
