import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from foldwise.data.audit.shortcut_findings import SHORTCUT_CHECKS, shortcut_findings
from foldwise.data.audit.shortcut_folds import scored_rows, shortcut_folds
from foldwise.data.audit.shortcut_properties import shortcut_properties
from foldwise.data.audit.shortcuts import (
    TOGETHER,
    ShortcutsConfig,
    balanced_gain,
    corrected_interval,
    find_shortcuts,
)
from foldwise.data.samples import Feature, Samples

CONFIG = ShortcutsConfig()


def make(x, labels=None, modality="image", target=None, **columns):
    """Samples of a source whose order is the file's own, unless `source` says otherwise."""
    table = pd.DataFrame({"sample_id": [f"s{i:05d}" for i in range(len(x))], "source": "npz"})
    if labels is None:
        table["target"] = target
    else:
        table["label"] = np.asarray(labels, dtype=str)
    for name, values in columns.items():
        table[name] = values
    classes = () if labels is None else tuple(sorted(set(table["label"])))
    features = tuple(Feature(name=f"f{i}") for i in range(x.shape[-1] if x.ndim < 4 else 0))
    return Samples(x, table, classes, modality=modality, features=features)


def noise(generator, size, shape=(1, 6, 6)):
    return generator.integers(0, 256, (size, *shape), dtype=np.uint8)


def findings_of(samples, units=None, **config):
    chosen = ShortcutsConfig(**config)
    return {f.check: f for f in shortcut_findings(find_shortcuts(samples, chosen, units), chosen)}


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def coin(generator, size=120):
    return generator.permutation(np.repeat(["cat", "dog"], size // 2))


def test_the_width_of_the_image_is_named(generator):
    labels = coin(generator)
    width = np.where(labels == "cat", 640, 480) + generator.integers(-40, 40, len(labels))
    samples = make(noise(generator, 120), labels, meta_width=width, meta_height=500)
    found = findings_of(samples)
    assert set(found) == {"visible_shortcut"}
    finding = found["visible_shortcut"]
    assert finding.severity == "warn"
    assert finding.message.startswith("The image width alone predicts the target")
    assert finding.values["image width"] > 0.95
    assert {"aspect ratio", "image width"} <= set(finding.values)
    assert "for 'cat'" in finding.message


@pytest.mark.parametrize("name", ["brightness", "border colour", "contrast"])
def test_what_the_pixels_tell_is_named(name, generator):
    labels = coin(generator)
    is_dog = (labels == "dog")[:, None, None, None]
    x = generator.integers(60, 120, (120, 3, 12, 12))
    if name == "brightness":
        x += 90 * is_dog
    elif name == "contrast":
        x = 90 + (x - 90) * np.where(is_dog, 3, 1)
    else:
        ring = np.ones((12, 12), bool)
        ring[1:-1, 1:-1] = False
        x[:, 2, ring] += 40 * is_dog[:, 0, :, 0]
    samples = make(np.clip(x, 0, 255).astype(np.uint8), labels)
    shortcuts = find_shortcuts(samples, CONFIG).table.set_index("property")
    assert shortcuts.loc[name, "low"] > 0.9
    assert shortcuts.loc[name, "kind"] == "visible"
    assert name in findings_of(samples)["visible_shortcut"].values


def test_the_border_is_the_outermost_ring(generator):
    x = noise(generator, 9, (3, 5, 7))
    samples = make(x, ["a", "b", "c"] * 3)
    (border,) = (
        p for p in shortcut_properties(samples, np.arange(9)) if p.name == "border colour"
    )
    inner = x[:, :, 1:-1, 1:-1].sum(axis=(2, 3), dtype=np.int64)
    expected = (x.sum(axis=(2, 3), dtype=np.int64) - inner) / (5 * 7 - 3 * 5)
    np.testing.assert_allclose(border.values, expected)


def test_the_order_of_the_rows_is_told_but_never_a_warning(generator):
    samples = make(noise(generator, 120), np.repeat(["cat", "dog"], 60))
    found = findings_of(samples)
    assert set(found) == {"row_order"}
    assert found["row_order"].severity == "info"
    assert found["row_order"].values["order of the rows"] > 0.95


def test_an_order_that_is_ours_or_that_of_time_is_no_shortcut(generator):
    labels = np.repeat(["cat", "dog"], 60)
    x = noise(generator, 120)
    assert not findings_of(make(x, labels, source="image_folder"))
    assert not findings_of(make(x, labels, time=np.arange(120)))


def test_the_length_of_texts_is_named(generator):
    labels = coin(generator)
    length = np.where(labels == "dog", 30, 20) + generator.integers(-3, 4, 120)
    x = generator.integers(1, 5, (120, 40)).astype(np.int32)
    found = findings_of(make(x, labels, "tokens", length=length))
    assert found["visible_shortcut"].message.startswith("The text length alone")


def test_the_length_of_series_and_missing_values_are_named(generator):
    labels = coin(generator)
    x = generator.normal(size=(120, 12, 2)).astype(np.float32)
    x[labels == "dog", 3, 0] = np.nan
    samples = make(x, labels, "series", length=np.where(labels == "dog", 12, 9))
    values = findings_of(samples)["visible_shortcut"].values
    assert values["series length"] == 1
    assert values["number of missing values"] == 1


@pytest.mark.parametrize(
    ("column", "values", "name"),
    [
        ("file_mode", ("L", "RGB"), "colour mode of the file"),
        ("file_jpeg_quality", (75.0, 95.0), "JPEG quality"),
        ("file_bytes", (900, 2100), "file size"),
        ("file_time", tuple(pd.to_datetime(["2020-01-01", "2021-01-01"])), "time of the file"),
    ],
)
def test_traces_of_collecting_are_told_apart_from_what_is_seen(column, values, name, generator):
    labels = coin(generator)
    told = pd.Series([values[int(label == "dog")] for label in labels])
    found = findings_of(make(noise(generator, 120), labels, **{column: told}))
    assert set(found) == {"collection_shortcut"}
    assert found["collection_shortcut"].values[name] == 1
    assert "No model reads this" in found["collection_shortcut"].message


def test_a_file_named_after_its_class_is_no_shortcut(generator):
    labels = coin(generator)
    x = noise(generator, 120)
    own = [f"{label}/{label.upper()}_{i}.png" for i, label in enumerate(labels)]
    assert not findings_of(make(x, labels, sample_id=own))
    other = [f"{c}/{'IM' if c == 'cat' else 'scan'}{i}.png" for i, c in enumerate(labels)]
    finding = findings_of(make(x, labels, sample_id=other))["collection_shortcut"]
    assert "'im' for 'cat', 'scan' for 'dog'" in finding.message


def test_a_target_is_predicted_by_r2(generator):
    target = generator.normal(size=150)
    x = generator.normal(size=(150, 5)).astype(np.float32)
    x[target > 0.2, 2:] = np.nan
    shortcuts = find_shortcuts(make(x, modality="table", target=target), CONFIG)
    assert (shortcuts.metric, shortcuts.chance) == ("R2", 0.0)
    best = shortcuts.table.iloc[0]
    assert best["property"] == "number of missing values"
    assert 0.4 < best["low"] < best["score"] < best["high"]
    assert "for low targets" in best["by_target"]


def test_properties_that_tell_only_together(generator):
    size, quality = generator.integers(0, 200, (2, 400))
    labels = np.where((size > 70) == (quality > 130), "cat", "dog")
    x = np.full((400, 1, 4, 4), 7, np.uint8)
    samples = make(x, labels, file_bytes=size, file_jpeg_quality=quality)
    collected = find_shortcuts(samples, CONFIG).table.query("kind == 'collected'")
    assert collected["property"].iloc[0] == TOGETHER
    assert collected["score"].iloc[0] > collected["score"].iloc[1] + 0.1
    told = findings_of(samples)["collection_shortcut"]
    assert told.values[TOGETHER] == collected["score"].iloc[0]


def test_units_stand_on_one_side(generator):
    # Each unit has a width and a class of its own: only a fold that cuts units could tell.
    unit = np.repeat(np.arange(40), 6)
    labels = generator.permutation(np.repeat(["cat", "dog"], 20))[unit]
    width = generator.integers(100, 900, 40)[unit]
    samples = make(np.zeros((240, 1, 4, 4), np.uint8), labels, source="image_folder")
    samples.table["meta_width"] = width
    assert findings_of(samples)["visible_shortcut"].values["image width"] > 0.7
    assert not findings_of(samples, unit)


@pytest.mark.parametrize(
    ("sizes", "per_unit", "num_seeds"),
    [
        ((15, 15), 1, 20),
        pytest.param((60, 60), 6, 60, marks=pytest.mark.slow),
        pytest.param((80, 5), 1, 60, marks=pytest.mark.slow),
        pytest.param((6, 6), 1, 60, marks=pytest.mark.slow),
    ],
)
def test_noise_is_not_called_a_shortcut(sizes, per_unit, num_seeds):
    num_false = 0
    for seed in range(num_seeds):
        generator = np.random.default_rng(seed)
        names = np.repeat([f"c{i}" for i in range(len(sizes))], np.array(sizes) // per_unit)
        unit = np.repeat(np.arange(len(names)), per_unit)
        labels = generator.permutation(names)[unit]
        sides = generator.integers(100, 900, (2, len(names)))[:, unit]
        samples = make(
            noise(generator, len(labels), (1, 3, 3)),
            labels,
            meta_width=sides[0],
            file_bytes=sides[1],
        )
        num_false += bool(findings_of(samples, unit if per_unit > 1 else None))
    assert num_false <= 0.05 * num_seeds


def test_rare_classes_are_left_out_by_name(generator):
    labels = ["a"] * 30 + ["b"] * 30 + ["c"] * 4
    shortcuts = find_shortcuts(make(noise(generator, 64), labels), CONFIG)
    assert shortcuts.left_out == ("c",)
    assert (shortcuts.chance, shortcuts.num_samples) == (0.5, 60)
    alone = find_shortcuts(make(noise(generator, 34), labels[30:]), CONFIG)
    assert (alone.num_samples, len(alone.table), alone.left_out) == (0, 0, ("c",))
    assert shortcut_findings(alone, CONFIG) == []


def test_a_target_of_few_units_is_not_scored(generator):
    x = generator.normal(size=(9, 2)).astype(np.float32)
    assert find_shortcuts(make(x, modality="table", target=np.arange(9.0)), CONFIG).table.empty


def test_the_same_seed_gives_the_same_scores(generator):
    labels = coin(generator, 400)
    samples = make(noise(generator, 400), labels)
    first, second = (find_shortcuts(samples, ShortcutsConfig(num_samples=100)) for _ in "ab")
    pd.testing.assert_frame_equal(first.table, second.table)
    other = find_shortcuts(samples, ShortcutsConfig(num_samples=100), seed=1)
    assert not first.table["score"].equals(other.table["score"])


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(10, 400), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_large_classes_are_thinned_before_small_ones(sizes, seed):
    labels = np.repeat([f"c{i}" for i in range(len(sizes))], sizes)
    samples = make(np.zeros((len(labels), 1, 2, 2), np.uint8), labels)
    rows, _ = scored_rows(samples, None, ShortcutsConfig(num_samples=300), seed)
    kept = np.bincount(samples.y[rows], minlength=len(sizes))
    assert len(np.unique(rows)) == len(rows)
    assert len(rows) <= max(300, 10 * len(sizes))
    cut = kept < np.array(sizes)
    assert len(set(kept[cut])) <= 1  # all to the same size
    assert (kept[~cut] <= kept[cut].max(initial=400)).all()
    if cut.any():
        assert len(rows) > 300 - len(sizes)


def test_folds_keep_units_whole_and_cover_all(generator):
    y, units = generator.integers(0, 3, 200), generator.integers(0, 60, 200)
    folds = shortcut_folds(y, units, CONFIG, 0)
    assert len(folds) == CONFIG.num_folds * CONFIG.num_repeats
    for fold in folds:
        assert not set(units[fold.train]) & set(units[fold.test])
    tested = np.concatenate([fold.test for fold in folds])
    assert np.bincount(tested).tolist() == [CONFIG.num_repeats] * 200


def test_a_rare_class_is_in_every_fold_though_its_units_hold_others(generator):
    units = np.arange(300) // 6
    y = np.zeros(300, dtype=np.int64)
    y[::60] = 1  # one in each of five units
    for fold in shortcut_folds(y, units, CONFIG, 0):
        assert y[fold.test].sum() == 1


def test_what_is_one_unit_is_not_scored(generator):
    assert shortcut_folds(np.arange(20) % 2, np.zeros(20, np.int64), CONFIG, 0) == []


def test_the_gain_is_scikit_learns_adjusted_balanced_accuracy(generator):
    actual, predicted = generator.integers(0, 4, (2, 300))
    expected = balanced_accuracy_score(actual, predicted, adjusted=True)
    assert balanced_gain(actual, predicted) == pytest.approx(expected)
    assert np.isnan(balanced_gain(np.zeros(5), np.zeros(5)))


def test_the_interval_is_that_of_nadeau_and_bengio():
    # Five folds: variance (1/5 + 1/4) * 0.025, t of four degrees of freedom 2.776 (tables).
    mean, low, high = corrected_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), 5, 0.025)
    reach = 2.776 * np.sqrt(0.45 * 0.025)
    np.testing.assert_allclose([mean, low, high], [0.3, 0.3 - reach, 0.3 + reach], atol=1e-4)


def test_each_kind_has_a_check():
    assert [kind for kind, _ in SHORTCUT_CHECKS.values()] == ["visible", "collected", "order"]
